"""Cleaning: the declared changes to typed rows, in order, each with the number of rows and cells that it touched.

Steps that change values or keep some of the rows are one query. Dropping duplicates must have seen all rows, so it ends
a query and begins the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import polars as pl

from mlops_runner.data.patterns import fault
from mlops_runner.data.repeats import chosen, repeats
from mlops_runner.data.table import Table, counted
from mlops_runner.data.types import DTYPES
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Column, Data
from mlops_runner.specs.data_cleaning import (
    Cast,
    Cleaning,
    Clip,
    Condition,
    DropDuplicates,
    Fill,
    Filter,
    Replace,
    Text,
)
from mlops_runner.specs.data_values import Value, limit, typed, typed_text

# No column of a file can be called like this.
STAYS, TOUCHED, DROPPED = "\0stays", "\0touched", "\0dropped"
Columns: TypeAlias = Mapping[str, Column]
Numbered: TypeAlias = tuple[int, Cleaning]


@dataclass(frozen=True, slots=True)
class Touched:
    """What a step did: the cells it changed in each column, the rows that it changed or dropped, the rows left.

    `rows` is None for a cast of several columns: only their cells are counted.
    """

    kind: str
    cells: Mapping[str, int]
    rows: int | None
    left: int

    def __str__(self) -> str:
        if self.kind in {"drop_duplicates", "filter"}:
            return f"{self.kind}: {counted(self.rows or 0, 'row')} dropped, {self.left} left"
        changed = ", ".join(f"{name} {count}" for name, count in self.cells.items() if count)
        return f"{self.kind}: {counted(sum(self.cells.values()), 'cell')}" + (f" ({changed})" if changed else "")


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """The table after all steps, and what each of them did."""

    table: Table
    steps: tuple[Touched, ...]


def clean(spec: Data, table: Table, unread: Mapping[str, int]) -> Cleaned:
    """Do the steps of cleaning; `unread` counts the values that were read leniently and became missing, by column.

    Columns that are not in the table are passed over. The rows that are left know where they stood in their source.
    InvalidInput when a pattern is no regular expression.
    """
    if problems := [found for found in map(_fault, enumerate(spec.cleaning)) if found]:
        raise InvalidInput(problems)
    columns, done = table.declared(spec.columns), list[Touched]()
    for alone, group in groupby(enumerate(spec.cleaning), key=lambda step: isinstance(step[1], DropDuplicates)):
        steps = list(group)
        if alone:
            for _, step in steps:
                table, touched = _without_repeats(step, table)
                done.append(touched)
        else:
            table, found = _changed(steps, table, columns, unread)
            done += found
    return Cleaned(table, tuple(done))


def _fault(step: Numbered) -> Diagnostic | None:
    position, one = step
    pattern = one.where.matches if isinstance(one, Filter) else None
    return None if pattern is None else fault(pattern, f"cleaning.{position}.where.matches")


def _without_repeats(step: Cleaning, table: Table) -> tuple[Table, Touched]:
    assert isinstance(step, DropDuplicates)
    present = [name for name in step.columns if name in table.schema]
    if len(present) < len(step.columns):
        return table, Touched(step.kind, {}, 0, table.height)
    again = repeats(table, present, step.keep)
    left = table.derive(chosen(table.lazy, ~again), ~again) if again.any() else table
    return left, Touched(step.kind, {}, int(again.sum()), left.height)


def _changed(
    steps: Sequence[Numbered], table: Table, columns: Columns, unread: Mapping[str, int]
) -> tuple[Table, list[Touched]]:
    """Do steps that are one query. Marks of what each touches travel beside the values, and are counted at its end."""
    names, query, stays = table.names, table.lazy.with_columns(pl.lit(True).alias(STAYS)), pl.col(STAYS)
    for at, step in steps:
        if isinstance(step, Filter):
            keeps = _keeps(step, columns) if step.where.column in columns else pl.lit(True)
            query = query.with_columns((stays & keeps.not_()).alias(f"{DROPPED}{at}"), stays & keeps)
        elif new := dict(_values(step, columns)):
            changed = {name: (stays & value.ne_missing(pl.col(name))) for name, value in new.items()}
            flags = [flag.alias(f"{TOUCHED}{at} {name}") for name, flag in changed.items()]
            rows = pl.any_horizontal(changed.values()).alias(f"{TOUCHED}{at}")
            query = query.with_columns(*new.values(), *flags, rows)
    marked = table.derive(query)
    marks = [pl.col(name).sum() for name in marked.names if name.startswith((TOUCHED, DROPPED))]
    marks_of = marked.select(*marks, stays.implode())
    found = list(_report(steps, marks_of.drop(STAYS).row(0, named=True) if marks else {}, table.height, unread))
    if not any(isinstance(step, Filter) for _, step in steps):
        return marked.derive(marked.lazy.select(names)), found
    return marked.derive(marked.lazy.filter(stays).select(names), marks_of[STAYS][0]), found


def _report(
    steps: Sequence[Numbered], counts: Mapping[str, int], rows: int, unread: Mapping[str, int]
) -> Iterator[Touched]:
    for at, step in steps:
        if isinstance(step, Cast):
            cells = {name: unread[name] for name in step.columns if name in unread}
            lossy = [count for count in cells.values() if count]
            yield Touched(step.kind, cells, sum(lossy) if len(lossy) <= 1 else None, rows)
            continue
        rows -= counts.get(f"{DROPPED}{at}", 0)
        start = f"{TOUCHED}{at} "
        cells = {name.removeprefix(start): count for name, count in counts.items() if name.startswith(start)}
        yield Touched(step.kind, cells, counts.get(f"{TOUCHED}{at}", 0) + counts.get(f"{DROPPED}{at}", 0), rows)


def _values(step: Cleaning, columns: Columns) -> Iterator[tuple[str, pl.Expr]]:
    """Yield the columns that a step changes, with their new values."""
    names = (step.column,) if isinstance(step, Replace) else getattr(step, "columns", ())
    for name in names:
        if name in columns and not isinstance(step, Cast):
            yield name, _value(step, name, columns[name])


def _value(step: Cleaning, name: str, column: Column) -> pl.Expr:
    value, dtype = pl.col(name), DTYPES[column.type]
    match step:
        case Fill():
            return value.fill_null(pl.lit(typed(step.value, column.type), dtype))
        case Replace():
            old = pl.Series([typed_text(text, column.type) for text in step.values], dtype=dtype)
            new = pl.Series([_typed(given, column) for given in step.values.values()], dtype=dtype)
            return value.replace(old, new)
        case Text():
            return _text(step, value)
        case Clip():
            low, high = (None if end is None else limit(end, column.type) for end in (step.min, step.max))
            return value.clip(low, high)
        case _:
            raise TypeError(f"{step.kind} changes no values")


def _text(step: Text, value: pl.Expr) -> pl.Expr:
    if step.collapse:
        value = value.str.replace_all(r"\s+", " ")
    if step.strip:
        value = value.str.strip_chars()
    match step.case:
        case "lower":
            return value.str.to_lowercase()
        case "upper":
            return value.str.to_uppercase()
        case "keep":
            return value


def _keeps(step: Filter, columns: Columns) -> pl.Expr:
    meets = pl.all_horizontal(_conditions(step.where, columns[step.where.column])).fill_null(value=False)
    return meets if step.keep == "matching" else meets.not_()


def _conditions(where: Condition, column: Column) -> Iterator[pl.Expr]:
    value = pl.col(where.column)
    if where.equals is not None:
        yield value == pl.lit(typed(where.equals, column.type), DTYPES[column.type])
    if where.one_of is not None:
        wanted = [typed(given, column.type) for given in where.one_of if given is not None]
        yield value.is_in(pl.Series(wanted, dtype=DTYPES[column.type]).implode())
    if where.min is not None:
        yield value >= limit(where.min, column.type)
    if where.max is not None:
        yield value <= limit(where.max, column.type)
    if where.matches is not None:
        yield value.str.contains(where.matches)
    if where.missing is not None:
        yield value.is_null() == where.missing


def _typed(given: bool | int | float | str | None, column: Column) -> Value | None:
    return None if given is None else typed(given, column.type)
