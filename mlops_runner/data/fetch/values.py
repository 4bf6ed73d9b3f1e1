"""From what a driver returns to the declared types: exactly, or with a complaint that names the row."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

import polars as pl

from mlops_runner.data.table import SHOWN_ROWS, counted, show
from mlops_runner.data.types import DTYPES, Type
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?")
LARGEST = 2**63
NATIVE: Mapping[Type, type] = {
    "float": float, "int": int, "string": str, "bool": bool, "date": date, "datetime": datetime,
}  # fmt: skip
HINTS: Mapping[Type, str] = {
    "float": "a float column takes finite numbers; cast others in the query",
    "int": "an int column takes whole numbers of 64 bits; cast others in the query",
    "string": "a string column takes text; cast others in the query: CAST(x AS TEXT)",
    "bool": "a bool column takes booleans, 0 and 1",
    "date": "a date column takes dates, and texts written as 2025-12-31 or in a declared format",
    "datetime": "a datetime column takes points in time, and texts written in ISO 8601 or in a declared format",
}


def typed(name: str, values: Sequence[Any], column: Column, above: int) -> pl.Series | Diagnostic:
    """Return the values of one column of a batch in its declared type; `above` rows came before them."""
    found = values
    if not set(map(type, values)) <= {NATIVE[column.type], NoneType}:
        read = _READERS[column.type]
        found = [None if value is None else read(value, column) for value in values]
        if lost := [at for at, value in enumerate(values) if value is not None and found[at] is None]:
            return _complaint(name, values, lost, column, above)
    if column.type == "datetime":
        found = [value and _utc(value) for value in found]
    if large := _too_large(found) if column.type == "int" else []:
        return _complaint(name, values, large, column, above)
    series = pl.Series(name, found, DTYPES[column.type])
    if column.type == "float" and not series.is_finite().all():
        return _complaint(name, values, (~series.is_finite()).arg_true().to_list(), column, above)
    return series


def _too_large(values: Sequence[int | None]) -> list[int]:
    return [at for at, value in enumerate(values) if value is not None and not -LARGEST <= value < LARGEST]


def _complaint(name: str, values: Sequence[Any], wrong: Sequence[int], column: Column, above: int) -> Diagnostic:
    shown = ", ".join(f"row {above + at + 1} {show(values[at], column)}" for at in wrong[:SHOWN_ROWS])
    more = ", …" if len(wrong) > SHOWN_ROWS else ""
    count = counted(len(wrong), "value is", "values are")
    kinds = ", ".join(sorted({type(values[at]).__name__ for at in wrong}))
    message = f'column "{name}": {count} not of the type {column.type} but {kinds}: {shown}{more}'
    return Diagnostic("wrong-value", message, hint=HINTS[column.type])


def _float(value: Any, _: Column) -> float | None:
    if type(value) not in {float, int, Decimal}:
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _int(value: Any, _: Column) -> int | None:
    if type(value) is int:
        return value
    whole = (type(value) is Decimal and value.is_finite() and value == value.to_integral_value()) or (
        type(value) is float and value.is_integer()
    )
    return int(value) if whole else None


def _string(value: Any, _: Column) -> str | None:
    return str(value) if type(value) in {str, UUID} else None


def _bool(value: Any, _: Column) -> bool | None:
    return bool(value) if type(value) is bool or (type(value) is int and value in {0, 1}) else None


def _date(value: Any, column: Column) -> date | None:
    if type(value) is date:
        return value
    if type(value) is not str:
        return None
    if column.format:
        found = _written(value, column)
        return found.date() if found else None
    try:
        return date.fromisoformat(value) if DAY.fullmatch(value) else None
    except ValueError:
        return None


def _datetime(value: Any, column: Column) -> datetime | None:
    if type(value) is datetime:
        return value
    if type(value) is not str:
        return None
    if column.format:
        return _written(value, column)
    try:
        return datetime.fromisoformat(value) if MOMENT.fullmatch(value) else None
    except ValueError:
        return None


def _written(value: str, column: Column) -> datetime | None:
    for form in column.format:
        try:
            return datetime.strptime(value, form)  # noqa: DTZ007  # without an offset it is UTC
        except ValueError:
            continue
    return None


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


_READERS: Mapping[Type, Callable[[Any, Column], Any]] = {
    "float": _float, "int": _int, "string": _string, "bool": _bool, "date": _date, "datetime": _datetime,
}  # fmt: skip
