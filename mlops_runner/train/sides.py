"""The two sides a candidate may see, read from the data stage's folder. The test side is never opened here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column
from mlops_runner.train.features import Schema, matrix, names_of, query_of, schema_of, targets_of
from mlops_runner.train.queries import query_codes, refuse_torn, refuse_unordered
from mlops_runner.train.setting import Setting
from mlops_runner.train.stored import AnyRows, stored_matrix, stored_rows
from mlops_runner.train.targets import classes_of, encode_targets, labels_of
from mlops_runner.train.trainers.base import Side, StoredSide
from mlops_runner.train.weights import weights_of

FIRST_ROWS = 1_000  # of a stored side, held to look at


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The schema, the training rows, and the validation rows when there are any. `x` is None in both."""

    schema: Schema
    train: Side
    validation: Side | None


def read_sides(setting: Setting, columns: Mapping[str, Column], folder: Path, batch_rows: int | None = None) -> Sides:
    """Read train.parquet and validation.parquet. Raises InvalidInput for what the rows or columns lack.

    batch_rows: how many rows may be held at a time; features then stay on the disk, and the sides are `StoredSide`.
    """
    group = [query_of(columns)] if setting.task == "ranking" else names_of(columns, "group")[:1]
    targets = targets_of(columns, setting.task)
    wanted = [*names_of(columns, "feature"), *targets, *names_of(columns, "weight")[:1], *group]
    train = _read(folder / "train.parquet", wanted, batch_rows)
    if train.height == 0:
        raise InvalidInput(
            Diagnostic("no-rows", "the training side has no rows", hint="check the split and the filter")
        )
    several = setting.task == "multilabel"
    classes = (
        labels_of(train.select(targets)) if several else classes_of(train[targets[0]], setting.task, setting.positive)
    )
    schema = schema_of(setting, columns, classes)
    validation = _read(folder / "validation.parquet", wanted, batch_rows)
    found = Sides(schema, side_of(train, schema), side_of(validation, schema) if validation.height else None)
    if schema.query is not None and found.train.query is not None:
        masked = "pii" in columns[schema.query].tags
        refuse_torn({"train": train[schema.query], "validation": validation[schema.query]}, masked)
        refuse_unordered(found.train.y, found.train.query, schema)
    if schema.query is None and group:
        return replace(found, train=replace(found.train, group=_numbered(train[group[0]])))
    return found


def _numbered(groups: pl.Series) -> np.ndarray:
    """Number the groups; rows that have none are a group, too."""
    return np.ascontiguousarray(groups.cast(pl.String).rank("dense").fill_null(0).cast(pl.Int64).to_numpy())


def side_of(frame: AnyRows, schema: Schema) -> Side:
    """Turn rows into what a trainer reads. Raises InvalidInput."""
    y, weight = encode_targets(frame.select(schema.targets), schema), weights_of(frame, schema.weight)
    if weight is not None and not weight.any():
        message = f'weight column "{schema.weight}" is 0 in all {frame.height} rows of a side'
        raise InvalidInput(Diagnostic("bad-weights", message, hint="filter those rows out, or mend the column"))
    query = None if schema.query is None else query_codes(frame[schema.query])
    if isinstance(frame, pl.DataFrame):
        return Side(matrix(frame, schema), None, y, weight, query)
    rows = stored_matrix(frame, schema)
    return StoredSide(rows.head(FIRST_ROWS), None, y, weight, query, rows=rows)


def _read(path: Path, wanted: list[str], batch_rows: int | None) -> AnyRows:
    if not path.is_file():
        raise InvalidInput(Diagnostic("missing-side", f"{path.name} is missing", hint="run the data stage first"))
    present = pl.read_parquet_schema(path)
    if absent := [name for name in wanted if name not in present]:
        raise InvalidInput(
            Diagnostic("missing-column", f'{path.name} has no column "{name}"', hint=nearest(name, present))
            for name in absent
        )
    return pl.read_parquet(path, columns=wanted) if batch_rows is None else stored_rows(path, batch_rows)
