"""Curves of binary models: ROC and precision-recall of all models, the rest of the winner."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.thin import DIGITS, chosen_points, numbers
from mlops_runner.evaluate.metrics.decisions import confusion
from mlops_runner.evaluate.metrics.probabilities import equal_mass_bins
from mlops_runner.evaluate.threshold import ChosenThreshold, all_cuts, cost_of
from mlops_runner.evaluate.values import Floats, Integers, Mask, Options, Sample
from mlops_runner.evaluate.weights import Weight, mean_of
from mlops_runner.specs.evaluation_threshold import CostRule

HISTOGRAM_BINS = 20
Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def binary_curves(
    options: Options,
    here: Mapping[str, Sample],
    winner_sides: Mapping[str, Sample],
    winner: str,
    thresholds: Mapping[str, ChosenThreshold],
) -> dict[str, Json]:
    """Return the curves of one side; what needs both classes is left out when the side has only one.

    here: model -> sample of the side that is drawn; winner_sides: side -> sample of the winner.
    """
    sample = here[winner]
    curves: dict[str, Json] = {
        "positive_rate": round(mean_of(sample.target, sample.weight), DIGITS),
        "confusion": {model: confusion(replace(other, weight=None)).tolist() for model, other in here.items()},
        "histogram": _histogram(sample),
    }
    if sample.scores.min() >= 0 and sample.scores.max() <= 1:
        curves["calibration"] = _calibration(sample)
    if 0 < np.count_nonzero(sample.target) < len(sample.target):
        curves["roc"] = {
            model: roc_points(other.target == 1, other.scores, other.weight) for model, other in here.items()
        }
        curves["pr"] = {model: pr_points(other.target, other.scores, other.weight) for model, other in here.items()}
    rule = options.evaluation.threshold
    if isinstance(rule, CostRule):
        curves["cost"] = _costs(rule, winner_sides, thresholds[winner])
    return curves


def roc_points(positive: Mask, scores: Floats, weight: Weight) -> dict[str, Any]:
    """Return the ROC curve, its area taken before thinning. Both classes must have rows."""
    false_rate, true_rate, _ = roc_curve(positive, scores, sample_weight=weight)
    keep = chosen_points(len(false_rate))
    area = round(float(auc(false_rate, true_rate)), DIGITS)
    return {
        "false_positive_rate": numbers(false_rate[keep]),
        "true_positive_rate": numbers(true_rate[keep]),
        "auc": area,
    }


def pr_points(target: Integers, scores: Floats, weight: Weight) -> dict[str, Any]:
    """Return the precision-recall curve, its area taken before thinning. Both classes must have rows."""
    precision, recall, _ = precision_recall_curve(target, scores, sample_weight=weight, drop_intermediate=True)
    keep = chosen_points(len(recall))
    area = round(float(average_precision_score(target, scores, sample_weight=weight)), DIGITS)
    return {"recall": numbers(recall[keep]), "precision": numbers(precision[keep]), "average_precision": area}


def _calibration(sample: Sample) -> list[Json]:
    bins = equal_mass_bins(sample.scores, sample.target, sample.weight)
    least, most = wilson_bounds(bins.rate, bins.worth)
    columns: dict[str, list[Any]] = {
        "low": numbers(bins.low),
        "high": numbers(bins.high),
        "mean_score": numbers(bins.mean_score),
        "rate": numbers(bins.rate),
        "least_rate": numbers(least),
        "most_rate": numbers(most),
        "rows": bins.counts.tolist(),
    }
    return [dict(zip(columns, entry, strict=True)) for entry in zip(*columns.values(), strict=True)]


def wilson_bounds(shares: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % score interval of shares of rows (Wilson 1927), which has a width also for shares of 0 and 1."""
    middle = (shares + Z95**2 / (2 * rows)) / (1 + Z95**2 / rows)
    half = Z95 / (1 + Z95**2 / rows) * np.sqrt(shares * (1 - shares) / rows + Z95**2 / (4 * rows**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def _histogram(sample: Sample) -> dict[str, Json]:
    """Count rows per score, whatever their weight, on 0..1 or on the scores' own range, for each class."""
    low, high = min(0.0, float(sample.scores.min())), max(1.0, float(sample.scores.max()))
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    counts = [np.histogram(sample.scores[sample.target == k], edges)[0].tolist() for k in (0, 1)]
    return {"edges": numbers(edges), "counts": {name: counts[k] for k, name in enumerate(sample.classes[:2])}}


def _costs(rule: CostRule, sides: Mapping[str, Sample], chosen: ChosenThreshold) -> dict[str, Json]:
    """Return the mean cost per row over thresholds, on the side it was chosen on and on the test side."""
    drawn = [name for name in dict.fromkeys([rule.split, "test"]) if name in sides and len(sides[name].target)]
    return {
        "false_negative": rule.false_negative,
        "false_positive": rule.false_positive,
        "chosen_on": rule.split,
        "threshold": chosen.value,
        "sides": {name: _cost_points(rule, sides[name]) for name in drawn},
    }


def _cost_points(rule: CostRule, sample: Sample) -> dict[str, Json]:
    cuts = all_cuts(sample.target, sample.scores, sample.weight)
    keep = chosen_points(len(cuts.values))
    cost = cost_of(rule, cuts) / sample.counted.sum()
    return {"threshold": numbers(cuts.values[keep]), "cost_per_row": numbers(cost[keep])}
