"""From what a source holds to the declared types: every value is converted exactly, or complained about."""

from collections.abc import Mapping, Set
from typing import Literal

import polars as pl

from mlops_runner.data.columns import MOST_SHOWN
from mlops_runner.data.table import Table, counted, first_rows
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column
from mlops_runner.specs.date_forms import DateForm

Type = Literal["float", "int", "string", "bool", "date", "datetime"]

DTYPES: Mapping[Type, pl.DataType] = {
    "float": pl.Float64(),
    "int": pl.Int64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
}
WORDS: Mapping[Type, tuple[str, str]] = {
    "float": ("value is not a finite number", "values are not finite numbers"),
    "int": ("value is not a whole number of 64 bits", "values are not whole numbers of 64 bits"),
    "string": ("value is not text", "values are not text"),
    "bool": ("value is not true or false", "values are not true or false"),
    "date": ("value is not a date", "values are not dates"),
    "datetime": ("value is not a date with time", "values are not dates with times"),
}
FORMS: Mapping[Type, str] = {
    "float": "for example 12.5 or 1e-3",
    "int": "for example 12; declare the column as float if it has decimals",
    "string": "declare the column with the type of its values",
    "bool": "write true, false, 1 or 0; for other words declare a string with allowed values",
    "date": "write dates as 2025-12-31",
    "datetime": "write 2025-12-31T23:59:59; times without an offset are UTC",
}
WIDE = (pl.UInt64, pl.Int128, pl.UInt128)
MARKERS = frozenset({"", "?", "-", "na", "n/a", "nan", "nil", "none", "null"})
DATE = r"^\d{4}-\d{2}-\d{2}$"
OTHER_MARK = {".": ",", ",": "."}
UTC_MOMENT = r"^.{10}[T ].{8}(\.\d+|Z)?$"
SECONDS_LENGTH = len("2025-12-31 23:59:59")
INFINITE = r"^[+-]?inf(inity)?$"
GIVEN = "\0given"
MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$"


def convert(
    table: Table, columns: Mapping[str, Column], lenient: Set[str] = frozenset()
) -> tuple[Table, list[Diagnostic], dict[str, int]]:
    """Give every declared column that is present its declared type, in the declared order.

    What cannot be read becomes missing in the `lenient` columns and is complained about in the others. Returns the
    table of the columns that could be converted, a complaint about each of the others, and for every lenient column
    how many of its values were made missing.
    """
    present, stored = table.declared(columns), table.schema
    plans = {name: _plan(name, column, table, name in lenient) for name, column in present.items()}
    values = {name: value for name, value in plans.items() if value is not None}
    risky = {name: _lost(name, value) for name, value in values.items() if _may_lose(stored[name], present[name].type)}
    typed, lost = _evaluated(table, values, risky)
    failed = {name: risky[name] for name, count in lost.items() if count and name not in lenient}
    problems = [wrong_type(table.origin, n, stored[n], present[n]) for n in present if n not in values]
    problems += _unreadable(table, failed, lost, present)
    touched = {name: lost.get(name, 0) for name in values if name in lenient}
    good = [name for name in values if name not in failed]
    return (typed.derive(typed.lazy.select(good)) if failed else typed), problems, touched


def _evaluated(
    table: Table, values: Mapping[str, pl.Expr], risky: Mapping[str, pl.Expr]
) -> tuple[Table, dict[str, int]]:
    """Return the converted table, and for each risky column how many values were lost."""
    if table.scanned:
        counts = table.select(*(mark.sum().alias(name) for name, mark in risky.items()))
        return table.derive(table.lazy.select(*values.values())), counts.row(0, named=True) if risky else {}
    # Text is parsed once: the values, and where there were any, come out of the same pass.
    given = {name: f"{name}{GIVEN}" for name in risky}
    marks = [pl.col(name).is_not_null().alias(mark) for name, mark in given.items()]
    both = table.derive(table.lazy.select(*values.values(), *marks))
    lost = both.select(*((pl.col(name).is_null() & pl.col(mark)).sum() for name, mark in given.items()))
    return both.derive(both.lazy.select(list(values))), lost.row(0, named=True) if risky else {}


def accepts(dtype: pl.DataType, declared: Type) -> bool:
    """Whether a stored type may stand for a declared one: only widening, never a change of meaning."""
    if dtype == pl.Null:
        return True
    match declared:
        case "float":
            return dtype.is_float() or dtype.is_integer()
        case "int":
            return dtype.is_integer()
        case "string":
            return dtype in (pl.String, pl.Categorical, pl.Enum)
        case "bool":
            return dtype == pl.Boolean
        case "date":
            return dtype == pl.Date
        case "datetime":
            return dtype == pl.Datetime


def _plan(name: str, column: Column, table: Table, lenient: bool) -> pl.Expr | None:
    """Return the expression that converts a column, or None when its stored type cannot stand for the declared one."""
    stored = table.schema[name]
    if name in table.texts or (stored == pl.String and (lenient or column.format)):
        return _parsed(pl.col(name), column, table.decimal).alias(name)
    return _cast(name, stored, column.type) if accepts(stored, column.type) else None


def _may_lose(stored: pl.DataType, declared: Type) -> bool:
    """Whether some value of a stored type cannot be converted."""
    if stored == pl.String:
        return declared != "string"
    return stored.is_float() or (declared == "int" and stored in WIDE)


def _lost(name: str, value: pl.Expr) -> pl.Expr:
    return value.is_null() & pl.col(name).is_not_null()


def _cast(name: str, dtype: pl.DataType, declared: Type) -> pl.Expr:
    value = utc(pl.col(name), dtype).cast(DTYPES[declared], strict=False)
    return _finite(value) if declared == "float" else value


def utc(value: pl.Expr, stored: pl.DataType) -> pl.Expr:
    """Take the zone from times that have one, which makes them UTC."""
    if isinstance(stored, pl.Datetime) and stored.time_zone:
        return value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return value


def _parsed(value: pl.Expr, column: Column, decimal: str) -> pl.Expr:
    """Read text as the declared type; null where it is not one."""
    match column.type:
        case "string":
            return value
        case "float":
            return _finite(_number(value, decimal).cast(pl.Float64, strict=False))
        case "int":
            return value.cast(pl.Int64, strict=False)
        case "bool":
            low = value.str.to_lowercase()
            false = pl.when(low.is_in(["false", "0"])).then(False)
            return pl.when(low.is_in(["true", "1"])).then(True).otherwise(false)
        case "date" | "datetime" if column.format:
            return pl.coalesce(_written(value, form, DTYPES[column.type]) for form in column.format)
        case "date":
            # The pattern comes first because the parser itself also takes "2020-1-1" and a leading blank.
            return pl.when(value.str.contains(DATE)).then(value.str.to_date("%Y-%m-%d", strict=False))
        case "datetime":
            return _moment(value)


def _number(value: pl.Expr, decimal: str) -> pl.Expr:
    if decimal == ".":
        return value
    plain = value.str.replace(decimal, ".", literal=True)
    return pl.when(value.str.contains(".", literal=True).not_()).then(plain)


def _written(value: pl.Expr, form: str, dtype: pl.DataType) -> pl.Expr:
    """Read dates or times that are written in one form; the pattern is stricter than the parser."""
    written = DateForm(form)
    if not written.has_time:
        read = value.str.to_date(written.text, strict=False)
    elif written.has_zone:
        offset = value.str.replace("Z", "+00:00", literal=True)
        read = offset.str.to_datetime(written.text, time_unit="us", strict=False).dt.replace_time_zone(None)
    else:
        read = value.str.to_datetime(written.text, time_unit="us", strict=False)
    return pl.when(value.str.contains(written.pattern)).then(read.cast(dtype))


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)


def _moment(value: pl.Expr) -> pl.Expr:
    """Read ISO 8601 with optional time, seconds, fraction (cut to microseconds) and offset (converted to UTC).

    What most files write is read in a quick way; the way that takes all forms is ten times slower, and gets the rest.
    """
    nanoseconds = value.str.slice(SECONDS_LENGTH + 1).str.pad_end(9, "0").cast(pl.Int64, strict=False)
    second = value.str.slice(0, SECONDS_LENGTH).str.replace("T", " ", literal=True)
    quick = second.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    exact = quick + (nanoseconds // 1000).cast(pl.Duration("us"))
    rest = _any_moment(pl.when(value.str.contains(UTC_MOMENT).not_()).then(value))
    return pl.when(value.str.contains(MOMENT)).then(pl.coalesce(exact, rest))


def _any_moment(value: pl.Expr) -> pl.Expr:
    plain = value.str.replace("T", " ", literal=True).str.replace("Z", "+00:00", literal=True)
    padded = plain.str.replace(r"^(.{10})$", "$1 00:00").str.replace(r"^(.{16})($|[+-])", "$1:00$2")
    zoned = padded.str.replace(r"^([^+]{19}[^+-]*)$", "$1+00:00")
    read = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return read.dt.replace_time_zone(None)


def wrong_type(called: str, name: str, stored: pl.DataType, column: Column) -> Diagnostic:
    """Complain that a column is stored as a type that cannot stand for the declared one."""
    nested = "; nested values are not supported" if stored.is_nested() else ""
    return Diagnostic(
        "wrong-type",
        f'{called}: column "{name}" is stored as {stored}, declared as {column.type}',
        hint=f"change the declared type, or convert the column where the data is written{nested}",
    )


def _unreadable(
    table: Table, failed: Mapping[str, pl.Expr], lost: Mapping[str, int], columns: Mapping[str, Column]
) -> list[Diagnostic]:
    """Complain about the columns that lost values, by the masks of those."""
    shown = list(failed)[:MOST_SHOWN]
    held = table if table.scanned else table.hold(shown)
    problems = []
    for name in shown:
        column = columns[name]
        positions, values = held.rows(failed[name], [name])
        one, many = WORDS[column.type]
        places = first_rows(held, positions, values.to_series().to_list(), column)
        message = f'{table.origin}: column "{name}": {counted(lost[name], one, many)}: {places}'
        words = held.lazy.filter(failed[name]).select(pl.col(name).unique()).collect(engine="streaming").to_series()
        problems.append(Diagnostic("wrong-value", message, hint=_advice(words, column, table)))
    if len(failed) > len(shown):
        more = f"{table.origin}: {len(failed) - len(shown)} more columns hold values that are not of their type"
        problems.append(Diagnostic("wrong-value", more))
    return problems


def _advice(words: pl.Series, column: Column, table: Table) -> str:
    """Say what to do about the distinct values of a column that could not be read."""
    if words.dtype != pl.String:
        number = column.type == "float"
        return "store missing values as null, and numbers that are finite" if number else FORMS[column.type]
    word = str(words[0])
    if len(words) == 1 and word.lower() in MARKERS:
        return f'if "{word}" means missing, add it to null_values'
    if column.type == "float" and words.str.to_lowercase().str.contains(INFINITE).all():
        return "no trainer can read it: list it under null_values, or mend the source"
    if _all_read(words.str.strip_chars(), column, table.decimal):
        return "only blanks around the values are in the way: set trim: true, or remove them"
    if column.type == "float" and _all_read(words, column, OTHER_MARK[table.decimal]):
        return f"set decimal to '{OTHER_MARK[table.decimal]}'"
    if column.format:
        return "dates are written as " + ", ".join(column.format) + "; add the format of these"
    return FORMS[column.type].replace("12.5", f"12{table.decimal}5")


def _all_read(words: pl.Series, column: Column, decimal: str) -> bool:
    return words.to_frame().select(_parsed(pl.first(), column, decimal)).to_series().null_count() == 0
