"""What goes into an assessment (sides, options), and what a single measurement is made of and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlops_runner.evaluate.timeline import Timeline
from mlops_runner.evaluate.weights import Weight, counted
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_threshold import Threshold
from mlops_runner.specs.task import PROBABILISTIC, Task
from mlops_runner.specs.training import Select

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# A decision threshold; of a multilabel task one for each label.
Cut: TypeAlias = float | tuple[float, ...]

BASELINE = "baseline"
CHAMPION = "champion"
UNRULED_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups that a fairness gate compares. codes: shape (rows,), the number of a row's group; -1: in none."""

    names: tuple[str, ...]
    codes: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of the split: the target, and the slices as masks over the same rows.

    target: shape (rows,); binary 0 or 1, multiclass the index of the class, regression the value, ranking the
        relevance; multilabel shape (rows, labels), 0 or 1.
    slices: name of the slice -> shape (rows,), True for the rows that belong to it.
    clusters: shape (rows,), the number of the group a row belongs to, from 0; None when rows stand on their own.
    groups: name of a fairness gate -> the groups it compares.
    queries: shape (rows,), the number of the query a row is ranked in, from 0; None for other tasks than ranking.
    timeline: when and in which series the rows stand; None for other tasks than forecasting.
    weight: shape (rows,), how much each row counts in metrics, not below 0; None when all count the same. In a ranking
        the rows of a query have the same.
    """

    name: str
    target: NDArray[Any]
    slices: Mapping[str, Mask] = field(default_factory=dict)
    clusters: Integers | None = None
    groups: Mapping[str, Groups] = field(default_factory=dict)
    queries: Integers | None = None
    timeline: Timeline | None = None
    weight: Weight = None


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """The answer "could not measure", with the reason; never to be read as a bad value."""

    reason: str
    kind: Literal["unmeasured"] = "unmeasured"


Measurement: TypeAlias = float | Unmeasured


@dataclass(frozen=True, slots=True)
class Reading:
    """How scores are read: as what, and by which rule they are decided.

    classes: negative before positive when binary; the labels when multilabel; empty where there are none.
    """

    task: Task
    classes: tuple[str, ...]
    rule: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What the specs say about measuring. classes: as in `Reading`; weight: the column that metrics are weighted by."""

    task: Task
    classes: tuple[str, ...]
    select: Select
    evaluation: Evaluation
    weight: str | None = None

    @property
    def reading(self) -> Reading:
        """How scores are read."""
        return Reading(self.task, self.classes, self.evaluation.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The rows one metric is computed on.

    target: shape (rows,); int64 class indices, float64 values or relevances; multilabel (rows, labels), int64 0 or 1.
    scores: float64; binary (rows,) score of the positive class, multiclass (rows, classes), multilabel (rows, labels),
    else (rows,).
    decisions: shape (rows,) class indices; multilabel (rows, labels), 0 or 1; None for tasks without classes.
    query: shape (rows,), the number of each row's query; None for other tasks than ranking.
    scale: shape (rows,), what an error of the row is compared with; None for other tasks than forecasting.
    weight: shape (rows,), how much each row counts; None when all count the same.
    """

    task: Task
    classes: tuple[str, ...]
    target: NDArray[Any]
    scores: Floats
    decisions: Integers | None
    query: Integers | None = None
    scale: Floats | None = None
    weight: Weight = None

    @property
    def counted(self) -> Floats:
        """How much each row counts; shape (rows,)."""
        return counted(self.weight, len(self.target))

    @property
    def counting(self) -> "Sample":
        """The rows that count: one of weight 0 is as if it were not there."""
        return self if self.weight is None or self.weight.all() else self.only(self.weight > 0)

    def only(self, rows: Mask) -> "Sample":
        """Return the sample of the rows that the mask selects."""
        decisions = None if self.decisions is None else self.decisions[rows]
        query = None if self.query is None else self.query[rows]
        scale = None if self.scale is None else self.scale[rows]
        weight = None if self.weight is None else self.weight[rows]
        return Sample(self.task, self.classes, self.target[rows], self.scores[rows], decisions, query, scale, weight)


def decide(task: Task, scores: Floats, threshold: Cut | None) -> Integers | None:
    """Turn scores into class indices: `score >= threshold`, multiclass the first highest; else none."""
    match task:
        case "binary" | "multilabel":
            cut = UNRULED_THRESHOLD if threshold is None else threshold
            return np.asarray(scores >= np.asarray(cut), dtype=np.int64)
        case "multiclass":
            return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)
        case "regression" | "ranking" | "forecasting":
            return None


def sample_of(
    task: Task, classes: tuple[str, ...], target: NDArray[Any], scores: NDArray[Any], threshold: Cut | None
) -> Sample:
    """Build a sample from raw arrays; the shapes are those of `Sample`."""
    numbers = np.asarray(scores, dtype=np.float64)
    kind = np.int64 if task in PROBABILISTIC else np.float64
    return Sample(task, classes, np.asarray(target).astype(kind), numbers, decide(task, numbers, threshold))


def sample_on(reading: Reading, side: Side, scores: NDArray[Any], threshold: Cut | None) -> Sample:
    """Build the sample of a whole side from the scores of a model."""
    sample = sample_of(reading.task, reading.classes, side.target, scores, threshold)
    scale = None if side.timeline is None else side.timeline.scale
    return replace(sample, query=side.queries, scale=scale, weight=side.weight)
