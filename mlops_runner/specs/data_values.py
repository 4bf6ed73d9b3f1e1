"""Values that a Data document writes as plain scalars, read as the type of the column they are about."""

import math
import re
from datetime import UTC, date, datetime
from typing import Literal

from mlops_runner.specs.base import Scalar

Type = Literal["float", "int", "string", "bool", "date", "datetime"]
Value = bool | int | float | str | date | datetime

NUMBERS = frozenset({"float", "int"})
TIMES = frozenset({"date", "datetime"})


def typed(given: Scalar, kind: Type) -> Value | None:
    """Read a scalar as a type; None when it is not one. Dates and times are ISO 8601, those without a zone are UTC."""
    match kind, given:
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


def typed_text(text: str, kind: Type) -> Value | None:
    """Read the text of a value, as the key of a mapping has to write it, as a type; None when it is not one."""
    match kind:
        case "int":
            return typed(int(text), kind) if re.fullmatch(r"[+-]?[0-9]{1,20}", text) else None
        case "float":
            return _number(text)
        case "bool":
            return {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
        case _:
            return typed(text, kind)


def limit(given: float | str, kind: Type) -> Value | None:
    """Read the end of a range over a column; a whole column may have an end with decimals. None when it is not one."""
    if kind in NUMBERS and isinstance(given, int | float):
        return int(given) if float(given).is_integer() else given
    return typed(given, kind) if kind in TIMES else None


def written(value: object) -> str:
    """Write a number without a useless fraction, and anything else as it is."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


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
