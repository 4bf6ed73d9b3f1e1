"""Metrics of probabilities on resampled rows: means of what each row costs, and calibration over a resample's bins."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio, weighed, whole
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.probabilities import BINS, brier_of_rows, confidence, log_loss_of_rows
from mlops_runner.evaluate.values import Floats, Integers, Sample

COSTS = {"brier": brier_of_rows, "log_loss": log_loss_of_rows}


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts."""
    means = [metric for metric in metrics if metric in COSTS]
    columns = weighed([COSTS[metric](sample) for metric in means], sample.weight) if means else None
    bins = _Calibration(sample) if "ece" in metrics else None

    def statistic(counts: Counts) -> dict[str, Floats]:
        sums = np.zeros((0, 1)) if columns is None else counts.weights @ columns
        values = ratio(sums[:, 1:], sums[:, :1])
        found = {metric: values[:, at] for at, metric in enumerate(means)}
        return found if bins is None else {**found, "ece": bins.of(counts)}

    return statistic


class _Calibration:
    """Expected calibration error over equal-mass bins, which every resample forms anew as the metric itself does."""

    def __init__(self, sample: Sample) -> None:
        scores, outcome = confidence(sample)
        self.order: Integers = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self.first: Integers = np.searchsorted(ranked, ranked, side="left")
        gaps, self.unit = whole(sample.counted[self.order] * (outcome[self.order] - ranked))
        self.gaps: Integers = gaps.astype(np.int64)
        self.each = on_grid(sample.counted)

    def of(self, counts: Counts) -> Floats:
        """Return one value per resample; NaN with fewer rows than bins."""
        held = counts.ordered(self.order)
        rows = np.cumsum(held, axis=1)
        gaps = np.zeros((len(held), held.shape[1] + 1), dtype=np.int64)
        np.cumsum(held * self.gaps, axis=1, out=gaps[:, 1:])
        weight = counts.weights @ self.each
        return np.array([self._one(*found) for found in zip(rows, gaps, weight, strict=True)])

    def _one(self, rows: Integers, gaps: Integers, weight: float) -> float:
        total = int(rows[-1])
        if total < BINS:
            return float("nan")
        # the positions that np.quantile(method="higher") takes for the inner edges; a tie begins at its first row
        ranks = np.ceil(np.linspace(0, 1, BINS + 1)[1:-1] * (total - 1))
        edges = self.first[np.searchsorted(rows, ranks, side="right")]
        ends = gaps[np.concatenate([[0], edges, [len(rows)]])]
        return float(np.abs(np.diff(ends)).sum() * self.unit / weight)
