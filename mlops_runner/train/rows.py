"""Rows as JSON objects (what a request and a stored probe hold) and the frame a model reads, both ways."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.train.features import Feature, Schema

Row = Mapping[str, Any]
DTYPES: dict[str, pl.DataType] = {
    "float": pl.Float64(),
    "int": pl.Int64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us", "UTC"),
}
SHOWN = 10


def frame_of(rows: Sequence[Row], schema: Schema) -> pl.DataFrame:
    """Build the typed feature columns from JSON-like rows; other keys are ignored.

    Every row must name every feature: null says "missing", silence says nothing. Dates are ISO 8601 texts (UTC unless
    they carry an offset) or date objects. Raises InvalidInput, naming row and column.
    """
    problems: list[Diagnostic] = []
    columns = {feature.name: _column(rows, feature, problems) for feature in schema.features}
    if problems:
        raise InvalidInput(problems[:SHOWN])
    return pl.DataFrame(columns, schema={feature.name: DTYPES[feature.type] for feature in schema.features})


def rows_of(frame: pl.DataFrame, schema: Schema) -> tuple[dict[str, Any], ...]:
    """Return the features of every row as JSON values: dates as ISO texts, missing numbers as null."""
    names = [feature.name for feature in schema.features]
    return tuple(
        {name: _plain(value) for name, value in row.items()} for row in frame.select(names).iter_rows(named=True)
    )


def _column(rows: Sequence[Row], feature: Feature, problems: list[Diagnostic]) -> list[Any]:
    values = []
    for index, row in enumerate(rows):
        if feature.name not in row:
            problems.append(_absent(feature.name, index, row))
            continue
        try:
            values.append(_parsed(row[feature.name], feature))
        except (ValueError, TypeError, OverflowError):
            shown = repr(row[feature.name])[:60]
            message = f'row {index}: column "{feature.name}" is {shown}, the model reads {feature.type}'
            problems.append(Diagnostic("wrong-type", message, hint=f"send {feature.type}, or null when it is missing"))
    return values


def _absent(name: str, index: int, row: Row) -> Diagnostic:
    hint = nearest(name, map(str, row)) or "send null for a missing value"
    return Diagnostic("missing-column", f'row {index}: column "{name}" is missing; the model reads it', hint=hint)


def _parsed(value: Any, feature: Feature) -> Any:
    if value is None:
        return None
    match feature.type:
        case "float" | "int" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if feature.type == "float" else _whole(value)
        case "string" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "date":
            return _day(value)
        case "datetime":
            return _moment(value)
    raise TypeError


def _whole(value: int | float) -> int | None:
    if math.isnan(value):
        return None
    if int(value) != value or abs(value) >= 2**63:
        raise ValueError
    return int(value)


def _day(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise TypeError


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise TypeError
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    return value.isoformat() if isinstance(value, date) else value
