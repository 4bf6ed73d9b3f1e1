"""The only values that a column may hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl

from mlops_runner.data.checks.base import Check, rows_complaint
from mlops_runner.data.table import Table
from mlops_runner.data.types import DTYPES
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.data import Column, Data

Value = bool | int | float | str | date | datetime
MOST_SHOWN = 10


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `allowed`. Missing values are the business of `max_missing`."""
    for name, column in table.declared(spec.columns).items():
        if column.allowed is None:
            continue
        typed = [(given, _typed(given, column)) for given in column.allowed if given is not None]
        yield from (_misfit(name, column, given) for given, value in typed if value is None)
        yield _membership(name, column, [value for _, value in typed if value is not None])


def _membership(name: str, column: Column, values: list[Value]) -> Check:
    broken = pl.col(name).is_in(pl.Series(values, dtype=DTYPES[column.type]).implode()).not_()
    shown = ", ".join(str(value) for value in values[:MOST_SHOWN]) + (", …" if len(values) > MOST_SHOWN else "")
    complain = rows_complaint("holds another value than allowed", "hold other values than allowed")
    return Check("not-allowed", broken.sum(), complain, name, broken, f"allowed: {shown}")


def _misfit(name: str, column: Column, given: Scalar) -> Check:
    text = f"the allowed value {given!r} is not of type {column.type}"
    return Check("wrong-type", pl.lit(0), lambda _: text, name, hint="write it as the column's type")


def _typed(given: Scalar, column: Column) -> Value | None:
    """Read an allowed value as the column's type; None when it is not one."""
    match column.type, given:
        case "bool", bool():
            return given
        case _, bool():
            return None
        case "float" | "int", int():
            return given if -(2**63) <= given < 2**63 else None
        case ("float", float()) | ("string", str()):
            return given
        case "date", str():
            return _day(given)
        case "datetime", str():
            return _moment(given)
        case _:
            return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given
