"""The decision threshold of a binary model, or of each label: chosen by the spec's rule on the side the rule names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.evaluate.values import Cut, Floats, Integers, Mask, Unmeasured
from mlops_runner.evaluate.weights import NO_WEIGHT, Weight, shares
from mlops_runner.specs.evaluation_threshold import (
    AlarmBudgetRule,
    ChosenRule,
    CostRule,
    FBetaRule,
    FixedRule,
    PrecisionAtRecallRule,
    RecallAtPrecisionRule,
    Threshold,
)

DIGITS = 9
# Sums of costs that are equal on paper differ in their last bits; such a difference must not choose the threshold.
TIE = 1e-12
# What the number is that a rule reached, where it is no score between 0 and 1.
OBJECTIVES = {"cost": "cost", "alarm_budget": "alarms"}


@dataclass(frozen=True, slots=True)
class ChosenThreshold:
    """A threshold and how it came about. objective: what the rule reached on `split`; see `OBJECTIVES`.

    Of a multilabel task both are tuples with an entry for each label.
    """

    rule: Literal["cost", "f_beta", "precision_at_recall", "recall_at_precision", "alarm_budget", "fixed"]
    value: Cut
    split: str | None = None
    objective: Cut | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Every threshold that makes a difference, ascending, with what it would do; arrays of the same length.

    values: thresholds; below, above: the closest scores that are decided negative and positive (or infinite).
    tp, fp, fn: counts of rows when rows with score >= threshold are decided positive, or sums of their weights.
    least: what a row counts at least.
    """

    values: Floats
    below: Floats
    above: Floats
    tp: Integers | Floats
    fp: Integers | Floats
    fn: Integers | Floats
    least: float = 1.0


def choose_threshold(
    rule: Threshold, target: Integers, scores: Floats, weight: Weight = None
) -> ChosenThreshold | Unmeasured:
    """Choose the threshold by the rule; equal objectives give the lower threshold.

    target: shape (rows,), 0 or 1; scores: shape (rows,), finite. The decision is `score >= threshold`.
    weight: shape (rows,), how much each row counts; one of weight 0 is as if it were not there.
    Takes O(rows log rows). Answers `Unmeasured` when the rows leave the rule without a meaning.
    """
    if isinstance(rule, FixedRule):
        return ChosenThreshold("fixed", rule.value)
    if len(scores) == 0:
        return Unmeasured("no rows")
    if weight is not None:
        if not weight.any():
            return Unmeasured(NO_WEIGHT)
        target, scores, weight = target[weight > 0], scores[weight > 0], weight[weight > 0]
    if not isinstance(rule, CostRule | AlarmBudgetRule) and not np.any(target == 1):
        return Unmeasured("no positive rows")
    cuts = all_cuts(target, scores, weight)
    loss = _loss(rule, cuts)
    if not np.isfinite(loss.min()):
        return Unmeasured(_out_of_reach(rule, len(scores)))
    best = int(np.flatnonzero(loss <= loss.min() + TIE * max(1.0, abs(loss.min())))[0])
    return ChosenThreshold(rule.rule, _rounded(cuts, best), rule.split, _objective(rule, cuts, loss, best))


def choose_thresholds(
    rule: ChosenRule, labels: Sequence[str], target: Integers, scores: Floats, weight: Weight = None
) -> ChosenThreshold:
    """Choose a threshold for each label by the same rule. target, scores: shape (rows, labels).

    Raises InvalidInput for every label that leaves the rule without a meaning.
    """
    found = [choose_threshold(rule, target[:, at], scores[:, at], weight) for at in range(len(labels))]
    chosen = [one for one in found if isinstance(one, ChosenThreshold)]
    if len(chosen) < len(found):
        words = f'threshold rule {rule.rule} on side "{rule.split}"'
        hint = "choose another split or rule, or give the column of the label the role ignored"
        raise InvalidInput(
            Diagnostic("threshold-unmeasured", f'{words}, label "{label}": {one.reason}', hint=hint, path="threshold")
            for label, one in zip(labels, found, strict=True)
            if isinstance(one, Unmeasured)
        )
    values, objectives = [one.value for one in chosen], [one.objective for one in chosen]
    return ChosenThreshold(rule.rule, tuple(values), rule.split, tuple(objectives))  # type: ignore[arg-type]


def _objective(rule: ChosenRule, cuts: Cuts, loss: Floats, best: int) -> float:
    match rule:
        case CostRule():
            return float(loss[best])
        case AlarmBudgetRule():
            return float(cuts.tp[best] + cuts.fp[best])
        case RecallAtPrecisionRule():
            return float(cuts.tp[best] / cuts.tp[0])
        case FBetaRule() | PrecisionAtRecallRule():
            return -float(loss[best])
        case _:
            assert_never(rule)


def _out_of_reach(rule: ChosenRule, rows: int) -> str:
    if isinstance(rule, RecallAtPrecisionRule):
        return f"no threshold reaches a precision of {rule.precision:g}"
    if isinstance(rule, AlarmBudgetRule) and rule.share is not None:
        return f"a budget of {rule.share:g} of {rows} rows is less than one alarm"
    return "the budget is less than what one alarm counts"


def all_cuts(target: Integers, scores: Floats, weight: Weight = None) -> Cuts:
    """List the midpoints between adjacent distinct scores, one threshold below all scores, and one above all.

    weight: shape (rows,), above 0.
    """
    distinct, place = np.unique(scores, return_inverse=True)
    below, above = np.append(-np.inf, distinct), np.append(distinct, np.inf)
    positive, negative = (np.append(_per_score(place, target == kind, weight), 0) for kind in (1, 0))
    tp, fp = (found[::-1].cumsum()[::-1] for found in (positive, negative))
    missed = np.append(0, positive[:-1].cumsum())
    least = 1.0 if weight is None else float(weight.min())
    return Cuts(_midpoints(distinct), below, above, tp, fp, missed, least)


def _per_score(place: Integers, chosen: Mask, weight: Weight) -> Integers | Floats:
    """Count the chosen rows of each score, or add up their weights."""
    return np.bincount(place[chosen], None if weight is None else weight[chosen], minlength=int(place.max()) + 1)


def cost_of(rule: CostRule, cuts: Cuts) -> Floats:
    """Return the total cost of the wrong decisions at every cut."""
    return rule.false_negative * cuts.fn + rule.false_positive * cuts.fp


def _midpoints(distinct: Floats) -> Floats:
    """Thresholds between the scores; the outer two lie half-way to 0 and 1, or just outside for scores beyond."""
    first, last = distinct[0], distinct[-1]
    lowest = first / 2 if first >= 0 else first - 1
    highest = (last + 1) / 2 if last < 1 else last + 10.0**-DIGITS * max(1.0, last)
    middle = distinct[:-1] + np.diff(distinct) / 2
    # Between neighbouring doubles there is no midpoint; the upper score itself separates them just as well.
    middle = np.where(middle > distinct[:-1], middle, distinct[1:])
    return np.concatenate([[lowest], middle, [max(highest, np.nextafter(last, np.inf))]])


def _loss(rule: ChosenRule, cuts: Cuts) -> Floats:
    """What the rule wants small, per cut; infinite where a cut is out of the question. F-beta needs a positive row."""
    match rule:
        case CostRule():
            return cost_of(rule, cuts)
        case FBetaRule(beta=beta):
            hits = (1 + beta**2) * cuts.tp
            return -hits / (hits + beta**2 * cuts.fn + cuts.fp)
        case PrecisionAtRecallRule(recall=recall):
            reached = cuts.tp / (cuts.tp + cuts.fn) >= recall - TIE
            return np.where(reached, -_precision(cuts), np.inf)
        case RecallAtPrecisionRule(precision=precision):
            reached = (cuts.tp > 0) & (_precision(cuts) >= precision - TIE)
            # among equal recalls the higher precision, which is worth less than one more hit
            return np.where(reached, -cuts.tp / cuts.least - _precision(cuts) / 2, np.inf)
        case AlarmBudgetRule():
            alarms = (cuts.tp + cuts.fp).astype(np.float64)
            budget = rule.count if rule.count is not None else (rule.share or 0) * alarms[0]
            budget += TIE * max(1.0, budget)
            return np.where((alarms <= budget) & (budget >= cuts.least), -alarms, np.inf)
        case _:
            assert_never(rule)


def _precision(cuts: Cuts) -> Floats:
    return shares(cuts.tp, cuts.tp + cuts.fp)


def _rounded(cuts: Cuts, at: int) -> float:
    """Shorten a threshold for the reader, unless that would change a decision on the side it was chosen on."""
    value = float(cuts.values[at])
    short = round(value, DIGITS)
    return short if cuts.below[at] < short <= cuts.above[at] else value
