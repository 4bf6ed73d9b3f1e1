import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.evaluate.threshold import ChosenThreshold, all_cuts, choose_threshold
from mlops_runner.evaluate.values import Unmeasured
from mlops_runner.specs.evaluation_threshold import (
    AlarmBudgetRule,
    CostRule,
    FBetaRule,
    FixedRule,
    PrecisionAtRecallRule,
    RecallAtPrecisionRule,
)

COST = CostRule(rule="cost", false_negative=10.0, false_positive=1.0)
ROWS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=25)
COARSE = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=1, max_size=25)


def counts(target, scores, threshold):
    decided = scores >= threshold
    return (
        int((decided & (target == 1)).sum()),
        int((decided & (target == 0)).sum()),
        int((~decided & (target == 1)).sum()),
    )


def brute_force(loss, target, scores):
    """The least loss over every distinguishable threshold: at each score, and above all of them."""
    return min(loss(*counts(target, scores, cut)) for cut in [*np.unique(scores), np.inf])


def arrays(rows):
    return np.array([int(one) for one, _ in rows]), np.array([score for _, score in rows])


@given(st.one_of(ROWS, COARSE), st.sampled_from([0.0, 0.1, 1.0, 10.0]), st.sampled_from([0.0, 0.3, 1.0]))
@settings(deadline=None)
def test_cost_rule_finds_the_least_cost(rows, false_negative, false_positive):
    target, scores = arrays(rows)
    rule = CostRule(rule="cost", false_negative=false_negative, false_positive=false_positive)
    chosen = choose_threshold(rule, target, scores)
    least = brute_force(lambda tp, fp, fn: false_negative * fn + false_positive * fp, target, scores)
    _, fp, fn = counts(target, scores, chosen.value)
    assert false_negative * fn + false_positive * fp == pytest.approx(least)
    assert chosen.objective == pytest.approx(least)


@given(st.one_of(ROWS, COARSE), st.sampled_from([0.5, 1.0, 2.0]))
@settings(deadline=None)
def test_f_beta_rule_finds_the_highest_score(rows, beta):
    target, scores = arrays([*rows, (True, 0.5)])
    chosen = choose_threshold(FBetaRule(rule="f_beta", beta=beta), target, scores)

    def loss(tp, fp, fn):
        return -(1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)

    assert loss(*counts(target, scores, chosen.value)) == pytest.approx(brute_force(loss, target, scores))
    assert chosen.objective == pytest.approx(-brute_force(loss, target, scores))


@given(st.one_of(ROWS, COARSE), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
@settings(deadline=None)
def test_precision_at_recall_rule_reaches_the_recall_with_the_best_precision(rows, recall):
    target, scores = arrays([*rows, (True, 0.5)])
    chosen = choose_threshold(PrecisionAtRecallRule(rule="precision_at_recall", recall=recall), target, scores)

    def loss(tp, fp, fn):
        return -tp / max(tp + fp, 1) if tp / (tp + fn) >= recall - 1e-12 else 1.0

    assert loss(*counts(target, scores, chosen.value)) == pytest.approx(brute_force(loss, target, scores))


@given(st.one_of(ROWS, COARSE))
@settings(deadline=None)
def test_no_lower_threshold_is_as_good(rows):
    target, scores = arrays(rows)
    chosen = choose_threshold(COST, target, scores)
    for cut in np.unique(scores[scores < chosen.value]):
        _, fp, fn = counts(target, scores, cut)
        if counts(target, scores, cut) != counts(target, scores, chosen.value):
            assert 10 * fn + fp > chosen.objective


@given(st.one_of(ROWS, COARSE))
@settings(deadline=None)
def test_every_cut_does_what_it_says(rows):
    target, scores = arrays(rows)
    cuts = all_cuts(target, scores)
    assert len(cuts.values) == len(np.unique(scores)) + 1
    assert np.all(np.diff(cuts.values) > 0)
    for index, cut in enumerate(cuts.values):
        assert counts(target, scores, cut) == (cuts.tp[index], cuts.fp[index], cuts.fn[index])


def test_threshold_is_the_midpoint_between_two_scores():
    chosen = choose_threshold(COST, np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.5, 0.9]))
    assert chosen == ChosenThreshold("cost", 0.4, "validation", 0.0)


def test_threshold_is_rounded_to_nine_digits():
    chosen = choose_threshold(COST, np.array([0, 1]), np.array([1 / 3, 2 / 3 + 1e-12]))
    assert chosen.value == 0.5


def test_threshold_keeps_all_digits_when_rounding_would_change_a_decision():
    low, high = 0.123456789123, 0.123456789124
    chosen = choose_threshold(COST, np.array([0, 1]), np.array([low, high]))
    assert low < chosen.value <= high


def test_neighbouring_doubles_are_told_apart():
    low = 0.3
    high = float(np.nextafter(low, 1))
    assert choose_threshold(COST, np.array([0, 1]), np.array([low, high])).value == high


def test_a_constant_score_is_decided_as_a_whole():
    constant = np.full(4, 0.25)
    everything = choose_threshold(COST, np.array([0, 0, 1, 0]), constant)
    nothing = choose_threshold(
        CostRule(rule="cost", false_negative=1.0, false_positive=1.0), np.array([0, 0, 1, 0]), constant
    )
    assert (everything.value, nothing.value) == (0.125, 0.625)


def test_scores_beyond_zero_and_one_get_thresholds_too():
    cuts = all_cuts(np.array([0, 1]), np.array([-4.0, 1e20]))
    assert cuts.values[0] < -4
    assert cuts.values[-1] > 1e20


def test_a_fixed_threshold_is_taken_as_it_is():
    assert choose_threshold(FixedRule(rule="fixed", value=0.3), np.array([]), np.array([])) == ChosenThreshold(
        "fixed", 0.3
    )


def test_f_beta_without_positive_rows_cannot_be_measured():
    assert choose_threshold(FBetaRule(rule="f_beta"), np.array([0]), np.array([0.2])) == Unmeasured("no positive rows")


def test_a_rule_without_rows_cannot_be_measured():
    assert choose_threshold(COST, np.array([]), np.array([])) == Unmeasured("no rows")


@given(st.one_of(ROWS, COARSE), st.sampled_from([0.1, 0.5, 0.9]))
@settings(deadline=None)
def test_recall_at_precision_rule_reaches_the_precision_with_the_best_recall(rows, precision):
    target, scores = arrays([*rows, (True, 0.5)])
    rule = RecallAtPrecisionRule(rule="recall_at_precision", precision=precision)
    chosen = choose_threshold(rule, target, scores)
    found = [counts(target, scores, cut) for cut in np.unique(scores)]
    reaching = [tp / (tp + fn) for tp, fp, fn in found if tp and tp / (tp + fp) >= precision]
    if not reaching:
        assert chosen == Unmeasured(f"no threshold reaches a precision of {precision:g}")
        return
    tp, fp, _ = counts(target, scores, chosen.value)
    assert tp / (tp + fp) >= precision
    assert chosen.objective == pytest.approx(max(reaching))


@given(st.one_of(ROWS, COARSE), st.integers(1, 10))
@settings(deadline=None)
def test_alarm_budget_rule_raises_as_many_alarms_as_it_may(rows, budget):
    target, scores = arrays(rows)
    chosen = choose_threshold(AlarmBudgetRule(rule="alarm_budget", count=budget), target, scores)
    possible = [int((scores >= cut).sum()) for cut in [*np.unique(scores), np.inf]]
    assert (scores >= chosen.value).sum() == max(n for n in possible if n <= budget) == chosen.objective


def test_a_share_of_alarms_is_of_the_rows_and_rounds_down():
    scores = np.linspace(0.01, 0.99, 50)
    chosen = choose_threshold(AlarmBudgetRule(rule="alarm_budget", share=0.05), np.zeros(50, dtype=int), scores)
    assert chosen.objective == 2.0
    rule = AlarmBudgetRule(rule="alarm_budget", share=0.01)
    assert choose_threshold(rule, np.zeros(50, dtype=int), scores) == Unmeasured(
        "a budget of 0.01 of 50 rows is less than one alarm"
    )
