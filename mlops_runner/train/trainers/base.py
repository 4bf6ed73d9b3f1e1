"""What a trainer is given, what it answers, and which module holds which kind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.features import Output, Schema
from mlops_runner.train.stored import StoredRows
from mlops_runner.train.trainer_checks.base import check

Log = Callable[[str], None]
Transform = Callable[[pl.DataFrame, int], NDArray[np.float64]]
Curve = Mapping[str, Mapping[str, tuple[float, ...]]]

# Leaves are imported when they are needed: each brings a library that takes a second to load.
TRAINERS = {
    "sklearn": "mlops_runner.train.trainers.sklearn",
    "xgboost": "mlops_runner.train.trainers.xgboost",
    "python": "mlops_runner.train.trainers.python",
    "command": "mlops_runner.train.trainers.command",
    "naive": "mlops_runner.train.trainers.naive",
}
FILES = "files"  # the folder beside the sides in which a command's files lie
# These do their own preprocessing: they are given the matrix as a frame.
RAW = frozenset({"python", "naive"})


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of the split.

    frame: the matrix of the features. x: float64, shape (rows, outputs), after preprocessing; None for raw trainers.
    y: shape (rows,), or (rows, labels). weight: float64, shape (rows,), or None.
    query: int64, shape (rows,), the number of a row's query; None for other tasks than ranking.
    group: int64, shape (rows,), the number of a row's group; rows of one group learn nothing from each other's targets.
    """

    frame: pl.DataFrame
    x: NDArray[Any] | None
    y: NDArray[Any]
    weight: NDArray[Any] | None
    query: NDArray[np.int64] | None = None
    group: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StoredSide(Side):
    """A side whose rows stay on the disk. frame: its first rows alone; x: None, because it is made batch by batch.

    rows: the matrix of the features. transform: (a batch, the position of its first row) -> shape (rows, outputs); None
    before preprocessing is fitted.
    """

    rows: StoredRows = field(kw_only=True)
    transform: Transform | None = None

    def batches(self) -> Iterator[tuple[slice, pl.DataFrame, NDArray[np.float64]]]:
        """Yield where the rows of a batch stand on the side, their matrix, and it after preprocessing."""
        assert self.transform is not None
        for first, frame in self.rows.batches():
            yield slice(first, first + frame.height), frame, self.transform(frame, first)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One candidate to train. validation is None when that side has no rows. outputs: the columns of `x`.

    files: folder of the project's files that the trainer names. curves: whether somebody looks at the learning curves.
    scratch: folder for what is written while training, and removed after it.
    The weights of the training side include those of the classes; the validation side counts rows as they are.
    """

    schema: Schema
    seed: int
    threads: int
    device: str
    train: Side
    validation: Side | None
    log: Log
    outputs: tuple[Output, ...] = ()
    files: Path | None = None
    scratch: Path | None = None
    curves: bool = True


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each column of the trainer's input matters, in the order of those columns."""

    kind: Literal["gain", "coefficient", "impurity"]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a trainer answers. params: those the library was given, the seed included, threads not."""

    model: Any
    family: str
    params: Mapping[str, Scalar]
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    best_iteration: int | None = None
    curve: Curve = field(default_factory=dict)
    importance: Importance | None = None
    warnings: tuple[str, ...] = ()


class TrainerModule(Protocol):
    """The function of every leaf."""

    def train(self, trainer: Any, job: Job) -> Fitted:
        """Train. Raises StepFailed with what the library or the project's code complained about."""


def train(trainer: Trainer, job: Job) -> Fitted:
    """Train, by the leaf of the trainer's kind. Raises InvalidInput for the spec, StepFailed for what went wrong."""
    if problems := check(trainer, job.schema.task):
        raise InvalidInput(problems)
    module: TrainerModule = import_module(TRAINERS[trainer.trainer])
    return module.train(trainer, job)


def watched_side(job: Job) -> Side:
    """Return the side that early stopping watches. Raises InvalidInput when it has no rows."""
    if job.validation is None:
        message = "early_stopping_rounds needs a validation side, and it has no rows"
        raise InvalidInput(Diagnostic("no-validation", message, hint="raise split.validation in the data spec"))
    return job.validation
