"""Permutation importance: how much a metric suffers when one feature is shuffled (Breiman 2001, section 10)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.evaluate.curves.thin import chosen_points
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.evaluate.rows import Rows
from mlops_runner.evaluate.values import Cut, Floats, Integers, Measurement, Unmeasured, sample_of
from mlops_runner.evaluate.weights import Weight
from mlops_runner.specs.task import Task

DIGITS = 6

Predict = Callable[[pl.DataFrame], NDArray[Any]]


class Importance(NamedTuple):
    """How much the metric got worse on average, and the standard deviation over repeats; None: could not measure."""

    feature: str
    drop: float | None
    std: float | None


@dataclass(frozen=True, slots=True, eq=False)
class ImportanceOptions:
    """How importance is measured. The cost is `repeats * min(features, max_features)` predictions of `max_rows` rows.

    threshold: of the decision, for metrics of decisions. Features beyond `max_features` are left out, so
    that a caller with a wide table ranks them first. query: shape (rows,), the number of each row's query in a ranking;
    queries are looked at whole. scale: shape (rows,), what errors of a forecast are compared with; weight: shape
    (rows,), how much each row counts in the metric.
    """

    metric: str
    task: Task
    classes: tuple[str, ...]
    seed: int
    repeats: int = 5
    max_features: int = 100
    max_rows: int = 10_000
    threshold: Cut | None = None
    query: Integers | None = None
    scale: Floats | None = None
    weight: Weight = None


def permutation_importance(
    predict: Predict,
    frame: Rows,
    features: Sequence[str],
    target: NDArray[Any],
    options: ImportanceOptions,
) -> list[Importance]:
    """Return the features by falling importance, equal ones by name, unmeasured ones last.

    predict: table -> scores, shaped as in `Sample.scores`; frame: the rows to score; target: as in
    `Sample.target`. The order of `features` changes no number, because each feature has a random generator of its own.
    """
    rows = _chosen(frame.height, options)
    looked_at, target = frame[rows], np.asarray(target)[rows]
    query = None if options.query is None else options.query[rows]
    scale = None if options.scale is None else options.scale[rows]
    weight = None if options.weight is None else options.weight[rows]

    def measured(tables: Sequence[pl.DataFrame]) -> list[Measurement]:
        # one prediction of all tables: a prediction's own overhead outweighs its work on small tables
        parts = np.split(predict(pl.concat(tables)), len(tables))
        samples = [sample_of(options.task, options.classes, target, part, options.threshold) for part in parts]
        return [measure(options.metric, replace(sample, query=query, scale=scale, weight=weight)) for sample in samples]

    whole = measured([looked_at])[0] if looked_at.height else Unmeasured("no rows")
    found = [_importance(name, looked_at, whole, measured, options) for name in features[: options.max_features]]
    return sorted(found, key=lambda one: (one.drop is None, -(one.drop or 0.0), one.feature))


def _chosen(height: int, options: ImportanceOptions) -> Integers:
    """Choose rows that are evenly spread; of a ranking, all rows of queries that are."""
    if not height:
        return np.zeros(0, dtype=np.int64)
    if options.query is None or height <= options.max_rows:
        return chosen_points(height, options.max_rows)
    queries = int(options.query.max()) + 1
    kept = chosen_points(queries, max(1, queries * options.max_rows // height))
    return np.flatnonzero(np.isin(options.query, kept))


def _importance(
    feature: str,
    frame: pl.DataFrame,
    whole: Measurement,
    measured: Callable[[Sequence[pl.DataFrame]], list[Measurement]],
    options: ImportanceOptions,
) -> Importance:
    if isinstance(whole, Unmeasured):
        return Importance(feature, None, None)
    generator = np.random.default_rng([options.seed, _number_of(feature)])
    shuffled = measured([_shuffle(frame, feature, generator) for _ in range(options.repeats)])
    values = np.array([value for value in shuffled if not isinstance(value, Unmeasured)])
    if len(values) < options.repeats:
        return Importance(feature, None, None)
    drops = whole - values if better(options.metric) == "higher" else values - whole
    return Importance(feature, round(float(drops.mean()), DIGITS) + 0.0, round(float(drops.std()), DIGITS) + 0.0)


def _shuffle(frame: pl.DataFrame, feature: str, generator: np.random.Generator) -> pl.DataFrame:
    return frame.with_columns(frame[feature].gather(generator.permutation(frame.height)).alias(feature))


def _number_of(feature: str) -> int:
    return int.from_bytes(hashlib.sha256(feature.encode()).digest()[:8], "big")
