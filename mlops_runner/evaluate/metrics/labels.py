"""Metrics of several labels a row. Where there is nothing to be found or decided, they do as scikit-learn does.

Averages over labels take every label: one that no row has and none is decided to have counts as 0. What looks at the
order of the scores needs rows of both kinds: a label that all rows of the sample have, or none, is left out of it.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.metrics import probabilities
from mlops_runner.evaluate.metrics.ranking import Order, area, order_of, precision_of
from mlops_runner.evaluate.values import Floats, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import mean_of, shares

NOTHING = "no row has a label, and none is decided to have one"
Leaf: TypeAlias = Callable[[Sample], Measurement]


def counts_of(sample: Sample) -> tuple[Floats, Floats, Floats]:
    """Add up, by label, the rows that have it, those decided to have it, and those that are both, by their weight."""
    assert sample.decisions is not None
    true, decided, each = sample.target, sample.decisions, sample.counted[:, None]
    return (each * true).sum(axis=0), (each * decided).sum(axis=0), (each * (true & decided)).sum(axis=0)


def f1_of_rows(sample: Sample) -> Floats:
    """F1 of the labels of each row; 0 for a row that has none and is decided to have none."""
    assert sample.decisions is not None
    hits = (sample.target & sample.decisions).sum(axis=1)
    return shares(2 * hits, sample.target.sum(axis=1) + sample.decisions.sum(axis=1))


def right_rows(sample: Sample) -> Floats:
    """1 for each row whose labels are all right, else 0."""
    return np.asarray((sample.target == sample.decisions).all(axis=1), dtype=np.float64)


def wrong_shares(sample: Sample) -> Floats:
    """Share of the labels of each row that are wrong."""
    return np.asarray(np.mean(sample.target != sample.decisions, axis=1))


def _averaged(form: Callable[[Floats, Floats, Floats], Measurement]) -> Leaf:
    def leaf(sample: Sample) -> Measurement:
        true, decided, hits = counts_of(sample)
        return form(true, decided, hits) if (true + decided).any() else Unmeasured(NOTHING)

    return leaf


def _pooled(part: Floats, whole: Floats, nothing: str) -> Measurement:
    return float(part.sum() / whole.sum()) if whole.any() else Unmeasured(nothing)


def _over_rows(of: Callable[[Sample], Floats]) -> Leaf:
    return lambda sample: mean_of(of(sample), sample.weight)


def _f1_samples(sample: Sample) -> Measurement:
    true, decided, _ = counts_of(sample)
    return mean_of(f1_of_rows(sample), sample.weight) if (true + decided).any() else Unmeasured(NOTHING)


def both_kinds(sample: Sample, label: int) -> bool:
    """Say whether some rows have a label and some do not."""
    return 0 < int(sample.target[:, label].sum()) < len(sample.target)


def _macro(of: Callable[[Order], float]) -> Leaf:
    def leaf(sample: Sample) -> Measurement:
        known = [at for at in range(sample.target.shape[1]) if both_kinds(sample, at)]
        found = [of(order_of(sample.target[:, at] == 1, sample.scores[:, at], sample.weight)) for at in known]
        return float(np.mean(found)) if found else Unmeasured("no label has rows with it and rows without it")

    return leaf


LEAVES: Mapping[str, Leaf] = {
    "brier": probabilities.brier,
    "log_loss": probabilities.log_loss,
    "precision_micro": _averaged(lambda _, decided, hits: _pooled(hits, decided, "no row is decided to have a label")),
    "recall_micro": _averaged(lambda true, _, hits: _pooled(hits, true, "no row has a label")),
    "f1_micro": _averaged(lambda true, decided, hits: _pooled(2 * hits, true + decided, NOTHING)),
    "precision_macro": _averaged(lambda _, decided, hits: float(np.mean(shares(hits, decided)))),
    "recall_macro": _averaged(lambda true, _, hits: float(np.mean(shares(hits, true)))),
    "f1_macro": _averaged(lambda true, decided, hits: float(np.mean(shares(2 * hits, true + decided)))),
    "f1_samples": _f1_samples,
    "subset_accuracy": _over_rows(right_rows),
    "hamming_loss": _over_rows(wrong_shares),
    "roc_auc_macro": _macro(area),
    "average_precision_macro": _macro(precision_of),
}
