"""Series of a Data document, and what must hold for them and for the columns that are derived."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from mlops_runner.specs.base import Part, Words, complaint
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data_derived_kinds import OF_TIMES, Calendar, Derived, Lag, Made, Past
from mlops_runner.specs.data_values import NUMBERS, Type
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding, repeated

STEP = r"[1-9][0-9]{0,5}(s|m|h|d|w|mo|y)"
CALENDAR = ("mo", "y")
WHOLE_DAYS = ("d", "w", *CALENDAR)
ORDERING: frozenset[Type] = frozenset({"date", "datetime", "int"})


def _step(value: str) -> str:
    if not re.fullmatch(STEP, value):
        raise complaint(
            "invalid-step",
            '"{given}" is not a step of time',
            "a whole number with a unit: 30s, 15m, 1h, 1d, 1w, 1mo, 1y",
            given=value,
        )
    return value


def parts_of(every: str) -> tuple[int, str]:
    """Divide a valid step ("15m") into its number and its unit."""
    number, unit = re.fullmatch(r"([0-9]+)([a-z]+)", every).groups()  # type: ignore[union-attr]
    return int(number), unit


Every = Annotated[
    str, AfterValidator(_step), Words("a step of time"), Field(json_schema_extra={"pattern": f"^{STEP}$"})
]


class Series(Part):
    """Says which rows follow each other in time. The order of the rows in the table does not matter, nor change."""

    time: Annotated[str, Field(description="Column that orders the rows of a series: dates, times or whole numbers.")]
    by: Annotated[
        tuple[str, ...], Field(description="Columns that tell series apart; none: all rows are one series.")
    ] = ()
    every: Annotated[
        Every | Annotated[int, Field(ge=1)] | None,
        Field(
            description="Distance of two moments. With it, steps are counted in time, and a moment that the data lack "
            "is a missing value; without it, the row before is one step away, however long ago it was.",
            examples=["1d"],
        ),
    ] = None
    known: Annotated[
        tuple[str, ...],
        Field(
            description="Features that are known in advance, for the moment that is forecast: holidays, prices that "
            "are set. A forecasting task reads no others as they are, only their past.",
            examples=[["holiday"]],
        ),
    ] = ()


class Typed(Protocol):
    """What is asked of a declared column."""

    @property
    def type(self) -> Type:
        """Type of the values."""

    @property
    def role(self) -> str:
        """What it is for."""


class Document(Protocol):
    """What is asked of a Data document."""

    @property
    def columns(self) -> Mapping[str, Typed]:
        """The declared columns by name."""

    @property
    def series(self) -> Series | None:
        """How rows follow each other."""

    @property
    def derived(self) -> tuple[Derived, ...]:
        """The columns to derive."""


def made_columns(derived: Sequence[Derived]) -> Iterator[tuple[Path, Made]]:
    """Yield every derived column in order, with the path of the step that asks for it."""
    for position, step in enumerate(derived):
        for made in step.made():
            yield ("derived", position), made


def series_fit(data: Document) -> Iterator[Finding]:
    """Columns of the series are declared; time has an order, and steps that its type can hold."""
    series = data.series
    if series is None:
        for position, step in enumerate(data.derived):
            if not isinstance(step, Calendar):
                message, hint = (
                    f"{step.kind} needs to know how rows follow each other",
                    "add: series: {time: …, by: […]}",
                )
                yield Finding(("derived", position), "no-series", message, hint)
        return
    named: list[tuple[Path, str]] = [(("series", "time"), series.time)]
    for field in ("by", "known"):
        named += [(("series", field, at), name) for at, name in enumerate(getattr(series, field))]
    for path, name in named:
        if name not in data.columns:
            message = f'series names the column "{name}", which is not declared'
            yield Finding(path, "unknown-column", message, nearest(name, data.columns) or "declare it under columns")
    if series.time in data.columns:
        yield from _time_fits(series, data.columns[series.time].type)
    yield from _groups_are_series(data, series)


def _time_fits(series: Series, kind: Type) -> Iterator[Finding]:
    if kind not in ORDERING:
        message = f'series are ordered by dates, times or whole numbers; "{series.time}" is {kind}'
        yield Finding(("series", "time"), "type-mismatch", message, "name another column, or change its type")
    elif isinstance(series.every, int) != (kind == "int") and series.every is not None:
        wanted = "a whole number" if kind == "int" else "a step of time: 1h, 1d, 1mo"
        yield Finding(("series", "every"), "type-mismatch", f'"{series.time}" is {kind}', f"write {wanted}")
    elif kind == "date" and isinstance(series.every, str) and parts_of(series.every)[1] not in WHOLE_DAYS:
        message = f'"{series.time}" is a date, whose steps are whole days'
        yield Finding(("series", "every"), "type-mismatch", message, "write 1d, 1w, 1mo or 1y, or use a datetime")


def _groups_are_series(data: Document, series: Series) -> Iterator[Finding]:
    """A column of groups tells series apart: without it, one series would go on into the next."""
    for name, column in data.columns.items():
        if column.role == "group" and name not in series.by:
            message = f'column "{name}" has the role group and is not in series.by: all groups would be one series'
            yield Finding(("series",), "mixed-series", message, f"by: [{', '.join([*series.by, name])}]")


def derived_fit(data: Document) -> Iterator[Finding]:
    """Derived columns are made of declared ones that suit them, are called like no other, and are not the target."""
    for position, step in enumerate(data.derived):
        for at, name in enumerate(step.columns):
            yield from _source_fits(data, ("derived", position, "columns", at), step, name)
    listed = list(made_columns(data.derived))
    for above, made in listed:
        if made.name in data.columns:
            message = f'the derived column "{made.name}" is called like a declared one'
            yield Finding((*above, *made.path), "duplicate-column", message, "rename the declared one")
    for at, name, _ in repeated(made.name for _, made in listed):
        above, made = listed[at]
        message = f'the column "{name}" is derived twice'
        yield Finding((*above, *made.path), "duplicate-column", message, "remove one")


def _source_fits(data: Document, path: Path, step: Derived, name: str) -> Iterator[Finding]:
    column = data.columns.get(name)
    if column is None:
        message = f'derived names the column "{name}", which is not declared'
        yield Finding(path, "unknown-column", message, nearest(name, data.columns) or "declare it under columns")
    elif isinstance(step, Calendar):
        yield from _has_parts(path, step, name, column.type)
    else:
        yield from _past_fits(path, step, name, column)


def _has_parts(path: Path, step: Calendar, name: str, kind: Type) -> Iterator[Finding]:
    fine = sorted({*step.parts} & {*OF_TIMES})
    if kind not in {"date", "datetime"}:
        message = f'the calendar is for dates and times, column "{name}" is {kind}'
        yield Finding(path, "type-mismatch", message, "leave it out, or change the type")
    elif kind == "date" and fine:
        message = f'column "{name}" is a date, which has no {fine[0]}'
        yield Finding(path, "type-mismatch", message, f"remove {fine[0]}, or change the type to datetime")


def _past_fits(path: Path, step: Past, name: str, column: Typed) -> Iterator[Finding]:
    if not isinstance(step, Lag) and column.type not in NUMBERS:
        message = f'{step.kind} computes with numbers, column "{name}" is {column.type}'
        yield Finding(path, "type-mismatch", message, "leave it out, or change the type")
    elif column.role == "target" and not isinstance(step, Lag) and step.shift == 0:
        message = f'with shift 0 the row\'s own "{name}", which is to be predicted, would be among its features'
        yield Finding(path, "target-leak", message, "set shift to 1 or more")
