"""Metrics of several labels on resampled rows: counts by label, means over rows, an order of rows for each label."""

from collections.abc import Callable, Mapping

import numpy as np

from mlops_runner.evaluate.bootstrap.decisions import Sums
from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio, weighed
from mlops_runner.evaluate.bootstrap.ranking import measure_order
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.labels import f1_of_rows, right_rows, wrong_shares
from mlops_runner.evaluate.metrics.probabilities import brier_of_rows, log_loss_of_rows
from mlops_runner.evaluate.metrics.ranking import order_of
from mlops_runner.evaluate.values import Floats, Sample
from mlops_runner.evaluate.weights import shares

ROWS: Mapping[str, Callable[[Sample], Floats]] = {
    "brier": brier_of_rows,
    "log_loss": log_loss_of_rows,
    "f1_samples": f1_of_rows,
    "subset_accuracy": right_rows,
    "hamming_loss": wrong_shares,
}
ORDERS = {"roc_auc_macro": "roc_auc", "average_precision_macro": "average_precision"}
FORMS: Mapping[str, Callable[[Sums], Floats]] = {
    "precision_micro": lambda of: ratio(of.hits.sum(axis=1), of.decided.sum(axis=1)),
    "recall_micro": lambda of: ratio(of.hits.sum(axis=1), of.true.sum(axis=1)),
    "f1_micro": lambda of: ratio(2 * of.hits.sum(axis=1), (of.true + of.decided).sum(axis=1)),
    "precision_macro": lambda of: np.mean(shares(of.hits, of.decided), axis=1),
    "recall_macro": lambda of: np.mean(shares(of.hits, of.true), axis=1),
    "f1_macro": lambda of: np.mean(shares(2 * of.hits, of.true + of.decided), axis=1),
}


def family_of(metric: str) -> Callable[[Sample, tuple[str, ...]], Statistic]:
    """Return what prepares a metric."""
    return _orders if metric in ORDERS else _rows if metric in ROWS else _decisions


def _rows(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    columns = weighed([ROWS[metric](sample) for metric in metrics], sample.weight)
    labelled = _labelled(sample) if "f1_samples" in metrics else None

    def statistic(counts: Counts) -> dict[str, Floats]:
        sums = counts.weights @ columns
        values = ratio(sums[:, 1:], sums[:, :1])
        found = {metric: values[:, at] for at, metric in enumerate(metrics)}
        if labelled is not None:
            found["f1_samples"] = np.where(counts.weights @ labelled > 0, found["f1_samples"], np.nan)
        return found

    return statistic


def _labelled(sample: Sample) -> Floats:
    """Mark the rows that have a label, or are decided to have one."""
    assert sample.decisions is not None
    return np.asarray((sample.target | sample.decisions).any(axis=1), dtype=np.float64)


def _decisions(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    assert sample.decisions is not None
    true, decided = sample.target, sample.decisions
    columns = np.concatenate([true, decided, true & decided], axis=1) * on_grid(sample.counted)[:, None]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = Sums(*np.split(counts.weights @ columns, 3, axis=1))
        nothing = (found.true + found.decided).sum(axis=1) == 0
        return {metric: np.where(nothing, np.nan, FORMS[metric](found)) for metric in metrics}

    return statistic


def _orders(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Take the mean over the labels that can be measured on the resample, as the metric does."""
    labels = range(sample.target.shape[1])
    orders = [order_of(sample.target[:, at] == 1, sample.scores[:, at], sample.weight) for at in labels]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = [measure_order(order, counts, tuple(ORDERS[metric] for metric in metrics)) for order in orders]
        return {metric: _mean([one[ORDERS[metric]] for one in found]) for metric in metrics}

    return statistic


def _mean(values: list[Floats]) -> Floats:
    table = np.stack(values)
    known = np.isfinite(table)
    return ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))
