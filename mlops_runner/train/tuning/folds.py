"""The parts of the rows a trial is fitted on and measured on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.train.features import Schema
from mlops_runner.train.sides import Sides
from mlops_runner.train.trainers.base import Side

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Rows to fit on and rows to measure on."""

    fit: Side
    held_out: Side


def declared_folds(sides: Sides, file: Path, in_time: bool) -> tuple[Fold, ...]:
    """Cut the training rows by the folds of the data stage, repetition after repetition.

    in_time: fold numbers are blocks in time, and only earlier blocks are fitted on. Raises InvalidInput when the file
    does not fit the rows, or tears a query.
    """
    numbers = pl.read_parquet(file)
    if numbers.height != len(sides.train.y):
        message = f"{file.name} has {numbers.height} rows, the training side {len(sides.train.y)}"
        raise InvalidInput(Diagnostic("folds-differ", message, hint="run the data stage again"))
    if sides.train.query is not None:
        _refuse_torn(sides.train.query, numbers, sides.schema)
    return tuple(fold for column in numbers for fold in _cut(sides.train, column.to_numpy(), in_time))


def validation_fold(sides: Sides) -> tuple[Fold, ...]:
    """Return the one fold that fits on the training and measures on the validation side. Raises InvalidInput."""
    if sides.validation is None:
        message = "the search is measured on the validation side, which has no rows"
        raise InvalidInput(Diagnostic("no-validation", message, hint="raise split.validation, or measure on folds"))
    return (Fold(sides.train, sides.validation),)


def _refuse_torn(query: Rows, numbers: pl.DataFrame, schema: Schema) -> None:
    """Raise InvalidInput for a query whose rows are in several folds."""
    _, first = np.unique(query, return_index=True)
    torn = {code for column in numbers for code in query[column.to_numpy() != column.to_numpy()[first][query]].tolist()}
    if torn:
        message = f'the folds tear {len(torn)} of {len(first)} queries apart ("{schema.query}")'
        hint = f"split: {{kind: group, group: {schema.query}, seed: 1}}: folds then keep queries whole, too"
        raise InvalidInput(Diagnostic("torn-query", message, hint=hint))


def _cut(train: Side, numbers: NDArray[np.uint8], in_time: bool) -> Iterator[Fold]:
    for number in range(int(in_time), int(numbers.max()) + 1):
        fitted = numbers < number if in_time else numbers != number
        yield Fold(rows_of(train, np.flatnonzero(fitted)), rows_of(train, np.flatnonzero(numbers == number)))


def rows_of(side: Side, rows: Rows) -> Side:
    """Return some rows of a side."""
    weight = None if side.weight is None else side.weight[rows]
    query = None if side.query is None else side.query[rows]
    group = None if side.group is None else side.group[rows]
    return Side(side.frame[rows], None, side.y[rows], weight, query, group)
