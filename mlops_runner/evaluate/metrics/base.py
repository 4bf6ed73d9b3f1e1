"""The table that binds every metric's name to the function that computes it, and the one way to call them."""

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.metrics import (
    decisions,
    forecasting,
    labels,
    probabilities,
    quantiles,
    queries,
    ranking,
    regression,
)
from mlops_runner.evaluate.metrics.names import METRICS
from mlops_runner.evaluate.values import Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import NO_WEIGHT

Leaf: TypeAlias = Callable[[Sample], Measurement]

LEAVES: Mapping[str, Leaf] = {
    "roc_auc": ranking.roc_auc,
    "average_precision": ranking.average_precision,
    "brier": probabilities.brier,
    "log_loss": probabilities.log_loss,
    "ece": probabilities.ece,
    "accuracy": decisions.accuracy,
    "balanced_accuracy": decisions.balanced_accuracy,
    "matthews": decisions.matthews,
    "precision": decisions.precision,
    "recall": decisions.recall,
    "specificity": decisions.specificity,
    "f1": decisions.f1,
    "precision_macro": decisions.precision_macro,
    "recall_macro": decisions.recall_macro,
    "f1_macro": decisions.f1_macro,
    "f1_micro": decisions.f1_micro,
    "rmse": regression.rmse,
    "mae": regression.mae,
    "median_absolute_error": regression.median_absolute_error,
    "max_error": regression.max_error,
    "mape": regression.mape,
    "r2": regression.r2,
    **{name: quantiles.loss_of(name) for name in quantiles.METRICS},
    "smape": forecasting.smape,
    "wape": forecasting.wape,
    "mase": forecasting.mase,
    **{name: queries.metric_of(name) for name in queries.PER_QUERY},
}


def measure(metric: str, sample: Sample) -> Measurement:
    """Compute one metric, or say why it cannot be computed; never NaN, never a warning.

    A row of weight 0 is as if it were not there. Raises KeyError for a name that is not in the tables;
    `known_metrics(sample.task)` gives those that make sense.
    """
    if len(sample.target) == 0:
        return Unmeasured("no rows")
    sample = sample.counting
    if len(sample.target) == 0:
        return Unmeasured(NO_WEIGHT)
    if METRICS[metric].needs == "probabilities" and not _are_probabilities(sample):
        return Unmeasured("the scores are not probabilities")
    # Squares of huge predictions overflow; the answer below is then "not finite", which a warning would only repeat.
    with np.errstate(all="ignore"):
        value = (labels.LEAVES if sample.task == "multilabel" else LEAVES)[metric](sample)
    if isinstance(value, float) and not math.isfinite(value):
        return Unmeasured("the result is not a finite number")
    return value


def _are_probabilities(sample: Sample) -> bool:
    bounded = bool(sample.scores.min() >= 0 and sample.scores.max() <= 1)
    if sample.task == "multilabel":
        return bounded
    # Single-precision softmax misses 1 by about 1e-6; sigmoid scores per class miss it by much more.
    return bounded and (sample.scores.ndim == 1 or bool(np.all(np.abs(sample.scores.sum(axis=1) - 1) < 1e-3)))
