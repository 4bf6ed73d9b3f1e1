"""Which metrics exist, for which tasks, and which way is better. Free of heavy imports: specs are checked against it.

The functions behind the names stand in `metrics.base`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_runner.specs.task import Task

Better = Literal["higher", "lower"]
Needs = Literal["scores", "probabilities", "decisions", "predictions"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known about a metric before anything is measured."""

    tasks: tuple[Task, ...]
    needs: Needs
    better: Better
    about: str


_BINARY: tuple[Task, ...] = ("binary",)
_LABELS: tuple[Task, ...] = ("multilabel",)
_SEVERAL: tuple[Task, ...] = ("multiclass", "multilabel")
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_PROBABLE: tuple[Task, ...] = ("binary", "multiclass", "multilabel")
_NUMBERS: tuple[Task, ...] = ("regression", "forecasting")
_FORECASTS: tuple[Task, ...] = ("forecasting",)
_RANKING: tuple[Task, ...] = ("ranking",)
# Numbers of first places that rankings are looked at.
CUTS = (1, 3, 5, 10, 20, 50, 100)
# Quantiles that regressions predict, in percent.
PERCENTS = (1, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99)

# These need more than the rows that are measured: what the training side says of their series.
SCALED = frozenset({"mase"})

METRICS: Mapping[str, Metric] = {
    "roc_auc": Metric(_CLASSES, "scores", "higher", "area under the ROC curve; one-vs-rest macro mean"),
    "average_precision": Metric(_CLASSES, "scores", "higher", "area under the precision-recall curve"),
    "brier": Metric(_PROBABLE, "probabilities", "lower", "mean squared error of the probabilities"),
    "log_loss": Metric(_PROBABLE, "probabilities", "lower", "negative mean log-likelihood, in nats"),
    "ece": Metric(_CLASSES, "probabilities", "lower", "expected calibration error, 10 equal-mass bins"),
    "accuracy": Metric(_CLASSES, "decisions", "higher", "share of right decisions"),
    "balanced_accuracy": Metric(_CLASSES, "decisions", "higher", "mean recall over the classes"),
    "matthews": Metric(_CLASSES, "decisions", "higher", "Matthews correlation coefficient"),
    "precision": Metric(_BINARY, "decisions", "higher", "share of true among predicted positives"),
    "recall": Metric(_BINARY, "decisions", "higher", "share of positives that are found"),
    "specificity": Metric(_BINARY, "decisions", "higher", "share of negatives that are left alone"),
    "f1": Metric(_BINARY, "decisions", "higher", "harmonic mean of precision and recall"),
    "precision_macro": Metric(_SEVERAL, "decisions", "higher", "mean precision over the classes or labels"),
    "recall_macro": Metric(_SEVERAL, "decisions", "higher", "mean recall over the classes or labels"),
    "f1_macro": Metric(_SEVERAL, "decisions", "higher", "mean F1 over the classes or labels"),
    "f1_micro": Metric(_SEVERAL, "decisions", "higher", "F1 of the pooled counts"),
    "precision_micro": Metric(_LABELS, "decisions", "higher", "precision of the pooled counts"),
    "recall_micro": Metric(_LABELS, "decisions", "higher", "recall of the pooled counts"),
    "f1_samples": Metric(_LABELS, "decisions", "higher", "mean over the rows of the F1 of their labels"),
    "subset_accuracy": Metric(_LABELS, "decisions", "higher", "share of rows whose labels are all right"),
    "hamming_loss": Metric(_LABELS, "decisions", "lower", "share of all labels of all rows that are wrong"),
    "roc_auc_macro": Metric(_LABELS, "scores", "higher", "mean area under the ROC curve over the labels"),
    "average_precision_macro": Metric(_LABELS, "scores", "higher", "mean average precision over the labels"),
    "rmse": Metric(_NUMBERS, "predictions", "lower", "root mean squared error, in units of the target"),
    "mae": Metric(_NUMBERS, "predictions", "lower", "mean absolute error, in units of the target"),
    "median_absolute_error": Metric(_NUMBERS, "predictions", "lower", "median absolute error, in units of the target"),
    "max_error": Metric(_NUMBERS, "predictions", "lower", "largest absolute error, in units of the target"),
    "mape": Metric(_NUMBERS, "predictions", "lower", "mean absolute error as a share of the target"),
    "r2": Metric(_NUMBERS, "predictions", "higher", "share of the target's variance that is explained"),
    **{
        f"pinball_at_{percent}": Metric(
            _NUMBERS, "predictions", "lower", f"mean pinball loss of the {percent} % quantile"
        )
        for percent in PERCENTS
    },
    **{
        f"coverage_gap_at_{percent}": Metric(
            _NUMBERS,
            "predictions",
            "lower",
            f"distance of the share of targets not above the prediction to {percent} %",
        )
        for percent in PERCENTS
    },
    "smape": Metric(_NUMBERS, "predictions", "lower", "symmetric mean absolute percentage error, as a share (0 to 2)"),
    "wape": Metric(_NUMBERS, "predictions", "lower", "sum of absolute errors as a share of the sum of the target"),
    "mase": Metric(_FORECASTS, "predictions", "lower", "mean absolute error over that of the seasonal naive forecast"),
    "ndcg": Metric(_RANKING, "scores", "higher", "discounted cumulative gain as a share of the best possible"),
    "map": Metric(_RANKING, "scores", "higher", "mean average precision of the relevant rows"),
    "mrr": Metric(_RANKING, "scores", "higher", "mean of one divided by the place of the first relevant row"),
    **{
        f"ndcg_at_{cut}": Metric(_RANKING, "scores", "higher", f"discounted cumulative gain of the first {cut} places")
        for cut in CUTS
    },
    **{
        f"precision_at_{cut}": Metric(_RANKING, "scores", "higher", f"share of relevant rows in the first {cut} places")
        for cut in CUTS
    },
    **{
        f"recall_at_{cut}": Metric(
            _RANKING, "scores", "higher", f"share of relevant rows that the first {cut} places hold"
        )
        for cut in CUTS
    },
}


def quantile_of(metric: str) -> float | None:
    """Return the quantile that a metric is about, between 0 and 1; None for other metrics."""
    name, _, percent = metric.rpartition("_at_")
    return int(percent) / 100 if name in {"pinball", "coverage_gap"} else None


def known_metrics(task: Task) -> frozenset[str]:
    """Return the names of the metrics a task can be measured with."""
    return frozenset(name for name, metric in METRICS.items() if task in metric.tasks)


def better(metric: str) -> Better:
    """Say which way a metric improves. Raises KeyError for a name that `known_metrics` does not give."""
    return METRICS[metric].better
