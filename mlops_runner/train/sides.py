"""The two sides a candidate may see, read from the data stage's folder. The test side is never opened here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column
from mlops_runner.specs.training import Training
from mlops_runner.train.features import Schema, matrix, names_of, query_of, schema_of, targets_of
from mlops_runner.train.queries import query_codes, refuse_torn, refuse_unordered
from mlops_runner.train.targets import classes_of, encode_targets, labels_of
from mlops_runner.train.trainers.base import Side


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The schema, the training rows, and the validation rows when there are any. `x` is None in both."""

    schema: Schema
    train: Side
    validation: Side | None


def read_sides(spec: Training, columns: Mapping[str, Column], folder: Path) -> Sides:
    """Read train.parquet and validation.parquet. Raises InvalidInput for what the rows or columns lack."""
    group = [query_of(columns)] if spec.task == "ranking" else names_of(columns, "group")[:1]
    targets = targets_of(columns, spec.task)
    wanted = [*names_of(columns, "feature"), *targets, *names_of(columns, "weight")[:1], *group]
    train = _read(folder / "train.parquet", wanted)
    if train.height == 0:
        raise InvalidInput(
            Diagnostic("no-rows", "the training side has no rows", hint="check the split and the filter")
        )
    several = spec.task == "multilabel"
    classes = labels_of(train.select(targets)) if several else classes_of(train[targets[0]], spec.task, spec.positive)
    schema = schema_of(spec, columns, classes)
    validation = _read(folder / "validation.parquet", wanted)
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


def side_of(frame: pl.DataFrame, schema: Schema) -> Side:
    """Turn a frame into what a trainer reads. Raises InvalidInput."""
    y, weight = encode_targets(frame.select(schema.targets), schema), _weights(frame, schema)
    query = None if schema.query is None else query_codes(frame[schema.query])
    return Side(matrix(frame, schema), None, y, weight, query)


def _read(path: Path, wanted: list[str]) -> pl.DataFrame:
    if not path.is_file():
        raise InvalidInput(Diagnostic("missing-side", f"{path.name} is missing", hint="run the data stage first"))
    present = pl.read_parquet_schema(path)
    if absent := [name for name in wanted if name not in present]:
        raise InvalidInput(
            Diagnostic("missing-column", f'{path.name} has no column "{name}"', hint=nearest(name, present))
            for name in absent
        )
    return pl.read_parquet(path, columns=wanted)


def _weights(frame: pl.DataFrame, schema: Schema) -> np.ndarray | None:
    if schema.weight is None:
        return None
    values = np.ascontiguousarray(frame[schema.weight].cast(pl.Float64).fill_null(float("nan")).to_numpy())
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        message = f'weight column "{schema.weight}" must hold numbers from 0 up, not all of them 0, none missing'
        raise InvalidInput(Diagnostic("bad-weights", message, hint="fill or filter it in the data spec"))
    return values
