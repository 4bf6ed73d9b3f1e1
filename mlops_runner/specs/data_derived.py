"""Series of a Data document, and the columns derived from the past of each: lags, rolling statistics, differences."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field, model_validator

from mlops_runner.specs.base import Part, Words, complaint
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data_values import NUMBERS, Type
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding, repeated

STEP = r"[1-9][0-9]{0,5}(s|m|h|d|w|mo|y)"
CALENDAR = ("mo", "y")
WHOLE_DAYS = ("d", "w", *CALENDAR)
ORDERING: frozenset[Type] = frozenset({"date", "datetime", "int"})

Statistic = Literal["mean", "sum", "min", "max", "std"]
Columns = Annotated[tuple[str, ...], Field(min_length=1)]
Steps = Annotated[int, Field(ge=1, le=1_000_000)]
Missing = Annotated[
    Literal["keep", "drop"],
    Field(description="Whether rows stay whose past does not reach far enough: their value is missing."),
]


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


@dataclass(frozen=True, slots=True)
class Made:
    """One derived column: its name, the column it is made of, and how.

    shift: steps between the row and the latest value that is looked at. span: values of a window, or the distance of a
    difference. path: where it is asked for, below the step.
    """

    name: str
    source: str
    what: Literal["lag", "difference"] | Statistic
    shift: int
    span: int
    path: Path

    def type_of(self, source: Type) -> Type:
        """Return the type of its values: that of the source where values are taken as they are, else float."""
        return source if self.what in {"lag", "min", "max"} else "float"


class Lag(Part):
    """The value some steps before: `sales_lag_7`."""

    kind: Literal["lag"]
    columns: Annotated[Columns, Field(description="Columns whose past is wanted.")]
    steps: Annotated[
        tuple[Steps, ...], Field(min_length=1, description="How many steps before the row.", examples=[[7, 14]])
    ]
    missing: Missing = "keep"

    def made(self) -> Iterator[Made]:
        """Yield the columns."""
        for name in self.columns:
            for at, steps in enumerate(self.steps):
                yield Made(f"{name}_lag_{steps}", name, "lag", steps, 1, ("steps", at))


class Rolling(Part):
    """A statistic of a window of the past: `sales_mean_7_28` is the mean of 28 values, the latest 7 steps before."""

    kind: Literal["rolling"]
    columns: Annotated[Columns, Field(description="Columns of numbers.")]
    shift: Annotated[int, Field(ge=0, le=1_000_000, description="Steps from the row back to the end of the window.")]
    windows: Annotated[
        tuple[Annotated[int, Field(ge=1, le=100_000)], ...],
        Field(min_length=1, description="Steps that a window has.", examples=[[7, 28]]),
    ]
    statistics: Annotated[
        tuple[Statistic, ...],
        Field(min_length=1, description="What is computed; std is that of a sample.", examples=[["mean", "std"]]),
    ]
    min_values: Annotated[
        int | None, Field(ge=1, description="Known values a window needs; all of them unless given.")
    ] = None
    missing: Missing = "keep"

    @model_validator(mode="after")
    def _enough_values(self) -> "Rolling":
        fewest = min(self.windows) if self.min_values is None else self.min_values
        if self.min_values is not None and self.min_values > min(self.windows):
            raise complaint(
                "empty-window", "min_values is {given}, and a window has {size} steps", "lower min_values",
                given=self.min_values, size=min(self.windows),
            )  # fmt: skip
        if "std" in self.statistics and fewest < 2:
            raise complaint("short-window", "std needs two values", "raise min_values, or take longer windows")
        return self

    def made(self) -> Iterator[Made]:
        """Yield the columns."""
        for name in self.columns:
            for at, window in enumerate(self.windows):
                for what in self.statistics:
                    yield Made(f"{name}_{what}_{self.shift}_{window}", name, what, self.shift, window, ("windows", at))


class Difference(Part):
    """How a value has changed: `sales_diff_7_1` is the value 7 steps before less the one a step earlier."""

    kind: Literal["difference"]
    columns: Annotated[Columns, Field(description="Columns of numbers.")]
    shift: Annotated[int, Field(ge=0, le=1_000_000, description="Steps from the row back to the later value.")]
    steps: Annotated[
        tuple[Steps, ...], Field(min_length=1, description="Steps between the two values.", examples=[[1, 7]])
    ]
    missing: Missing = "keep"

    def made(self) -> Iterator[Made]:
        """Yield the columns."""
        for name in self.columns:
            for at, steps in enumerate(self.steps):
                yield Made(f"{name}_diff_{self.shift}_{steps}", name, "difference", self.shift, steps, ("steps", at))


Derived = Annotated[Lag | Rolling | Difference, Field(discriminator="kind")]


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
        if data.derived:
            hint = "add: series: {time: …, by: […]}"
            yield Finding(("derived",), "no-series", "derived columns need to know how rows follow each other", hint)
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


def _source_fits(data: Document, path: Path, step: Lag | Rolling | Difference, name: str) -> Iterator[Finding]:
    column = data.columns.get(name)
    if column is None:
        message = f'derived names the column "{name}", which is not declared'
        yield Finding(path, "unknown-column", message, nearest(name, data.columns) or "declare it under columns")
    elif not isinstance(step, Lag) and column.type not in NUMBERS:
        message = f'{step.kind} computes with numbers, column "{name}" is {column.type}'
        yield Finding(path, "type-mismatch", message, "leave it out, or change the type")
    elif column.role == "target" and not isinstance(step, Lag) and step.shift == 0:
        message = f'with shift 0 the row\'s own "{name}", which is to be predicted, would be among its features'
        yield Finding(path, "target-leak", message, "set shift to 1 or more")
