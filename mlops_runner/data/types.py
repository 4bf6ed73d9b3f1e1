"""From what a source holds to the declared types: every value is converted exactly, or complained about."""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from mlops_runner.data.table import SHOWN_ROWS, Table, counted, first_rows
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column

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
MARKERS = frozenset({"", "?", "-", "na", "n/a", "nan", "nil", "none", "null"})
DATE = r"^\d{4}-\d{2}-\d{2}$"
ZONE = r"(Z|[+-]\d{2}:\d{2})$"


def convert(table: Table, columns: Mapping[str, Column]) -> tuple[Table, list[Diagnostic]]:
    """Give every declared column that is present its declared type, in the declared order.

    Returns the table of the columns that could be converted, and a complaint about each of the others.
    """
    present, stored = table.declared(columns), table.frame.schema
    wrong = {} if table.text else {n: c for n, c in present.items() if not accepts(stored[n], c.type)}
    able = {name: column for name, column in present.items() if name not in wrong}
    cast = table.frame.select(
        [_parsed(n, c.type) if table.text else _cast(n, stored[n], c.type) for n, c in able.items()]
    )
    # A value that could not be converted has become null, so a column that gained nulls has lost values.
    lost = {name for name in able if cast[name].null_count() != table.frame[name].null_count()}
    problems = [_wrong_dtype(table, name, column) for name, column in wrong.items()]
    problems += [_unreadable(table, cast[name], column) for name, column in able.items() if name in lost]
    return table.over(cast[[name for name in able if name not in lost]]), problems


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


def _cast(name: str, dtype: pl.DataType, declared: Type) -> pl.Expr:
    value = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    value = value.cast(DTYPES[declared], strict=False)
    return _finite(value) if declared == "float" else value


def _parsed(name: str, declared: Type) -> pl.Expr:
    """Read text as the declared type; null where it is not one."""
    value = pl.col(name)
    match declared:
        case "string":
            return value
        case "float":
            return _finite(value.cast(pl.Float64, strict=False))
        case "int":
            return value.cast(pl.Int64, strict=False)
        case "bool":
            low = value.str.to_lowercase()
            false = pl.when(low.is_in(["false", "0"])).then(False)
            return pl.when(low.is_in(["true", "1"])).then(True).otherwise(false).alias(name)
        case "date":
            # The pattern comes first because the parser itself also takes "2020-1-1" and a leading blank.
            return pl.when(value.str.contains(DATE)).then(value.str.to_date("%Y-%m-%d", strict=False)).alias(name)
        case "datetime":
            return _moment(value)


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)


def _moment(value: pl.Expr) -> pl.Expr:
    """Read ISO 8601 with optional time, seconds, fraction (cut to microseconds) and offset (converted to UTC)."""
    well_formed = value.str.contains(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?" + ZONE[:-1] + r"?)?$")
    plain = value.str.replace("T", " ", literal=True).str.replace("Z", "+00:00", literal=True)
    padded = plain.str.replace(r"^(.{10})$", "$1 00:00").str.replace(r"^(.{16})($|[+-])", "$1:00$2")
    zoned = padded.str.replace(r"^([^+]{19}[^+-]*)$", "$1+00:00")
    read = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return pl.when(well_formed).then(read.dt.replace_time_zone(None))


def _wrong_dtype(table: Table, name: str, column: Column) -> Diagnostic:
    stored = table.frame.schema[name]
    nested = "; nested values are not supported" if stored.is_nested() else ""
    return Diagnostic(
        "wrong-type",
        f'{table.origin}: column "{name}" is stored as {stored}, declared as {column.type}',
        hint=f"change the declared type, or convert the column where the data is written{nested}",
    )


def _unreadable(table: Table, cast: pl.Series, column: Column) -> Diagnostic:
    given = table.frame[cast.name]
    lost = (cast.is_null() & given.is_not_null()).arg_true()
    values = given.gather(lost.head(SHOWN_ROWS)).to_list()
    shown = first_rows(table, lost.head(SHOWN_ROWS + 1).to_list(), values, column)
    one, many = WORDS[column.type]
    message = f'{table.origin}: column "{cast.name}": {counted(len(lost), one, many)}: {shown}'
    return Diagnostic("wrong-value", message, hint=_advice(given.gather(lost), column, table.text))


def _advice(lost: pl.Series, column: Column, text: bool) -> str:
    if not text:
        return (
            "store missing values as null, and numbers that are finite"
            if column.type == "float"
            else FORMS[column.type]
        )
    words = lost.unique()
    if len(words) == 1 and str(words[0]).lower() in MARKERS:
        return f'if "{words[0]}" means missing, add it to null_values'
    stripped = words.str.strip_chars().to_frame()
    if stripped.select(_parsed(lost.name, column.type)).null_count().item() == 0:
        return "only blanks around the values are in the way: remove them"
    return FORMS[column.type]
