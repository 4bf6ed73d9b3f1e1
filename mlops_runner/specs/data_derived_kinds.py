"""Columns derived from others: lags, rolling statistics and differences of the past, parts of the calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, complaint
from mlops_runner.specs.data_values import Type
from mlops_runner.specs.locations import Path

Statistic = Literal["mean", "sum", "min", "max", "std"]
CalendarPart = Literal["year", "month", "day", "weekday", "day_of_year", "hour", "minute"]
PARTS: tuple[CalendarPart, ...] = get_args(CalendarPart)
OF_TIMES: tuple[CalendarPart, ...] = ("hour", "minute")
Columns = Annotated[tuple[str, ...], Field(min_length=1)]
Steps = Annotated[int, Field(ge=1, le=1_000_000)]
Missing = Annotated[
    Literal["keep", "drop"],
    Field(description="Whether rows stay whose past does not reach far enough: their value is missing."),
]


@dataclass(frozen=True, slots=True)
class Made:
    """One derived column: its name, the column it is made of, and how.

    shift: steps between the row and the latest value that is looked at. span: values of a window, or the distance of a
    difference. path: where it is asked for, below the step.
    """

    name: str
    source: str
    what: Literal["lag", "difference"] | Statistic | CalendarPart
    shift: int
    span: int
    path: Path

    def type_of(self, source: Type) -> Type:
        """Return the type of its values: that of the source where values are taken as they are, else float."""
        if self.what in PARTS:
            return "int"
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


class Calendar(Part):
    """A part of a date or time (UTC): `sold_at_hour`. No series is needed: each row is looked at by itself."""

    kind: Literal["calendar"]
    columns: Annotated[Columns, Field(description="Columns of dates or times; the column with the role time, say.")]
    parts: Annotated[
        tuple[CalendarPart, ...],
        Field(
            min_length=1,
            description="Parts to take, as whole numbers: weekday counts from Monday, 1; hour and minute are of times.",
            examples=[["month", "weekday", "hour"]],
        ),
    ]

    def made(self) -> Iterator[Made]:
        """Yield the columns."""
        for name in self.columns:
            for at, part in enumerate(self.parts):
                yield Made(f"{name}_{part}", name, part, 0, 1, ("parts", at))


Past = Lag | Rolling | Difference
Derived = Annotated[Past | Calendar, Field(discriminator="kind")]
