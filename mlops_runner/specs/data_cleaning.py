"""Cleaning of a Data document: declared changes to the rows, done in order, before any check."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, Scalar, complaint

Columns = Annotated[tuple[str, ...], Field(min_length=1)]


class Cast(Part):
    """Reads text as the declared type of the column; what cannot be read becomes missing instead of an error."""

    kind: Literal["cast"]
    columns: Annotated[Columns, Field(description="Columns to read leniently.")]


class DropDuplicates(Part):
    """Keeps one of several rows that agree in some columns."""

    kind: Literal["drop_duplicates"]
    columns: Annotated[tuple[str, ...], Field(description="Columns that must agree; none means all.")] = ()
    keep: Annotated[Literal["first", "last"], Field(description="The row to keep.")] = "first"


class Fill(Part):
    """Replaces missing values by a constant; what is learnt from data belongs to preprocessing."""

    kind: Literal["fill"]
    columns: Annotated[Columns, Field(description="Columns to fill.")]
    value: Annotated[bool | int | float | str, Field(description="The value.")]


class Replace(Part):
    """Replaces values of a column by others."""

    kind: Literal["replace"]
    column: Annotated[str, Field(description="The column.")]
    values: Annotated[
        dict[str, Scalar],
        Field(min_length=1, description="Old value, as text, and new one.", examples=[{"N/A": None, "m": "male"}]),
    ]


class Text(Part):
    """Brings text into one form."""

    kind: Literal["text"]
    columns: Annotated[Columns, Field(description="Columns of text.")]
    strip: Annotated[bool, Field(description="Whether spaces at both ends go.")] = True
    collapse: Annotated[bool, Field(description="Whether several spaces become one.")] = False
    case: Annotated[Literal["keep", "lower", "upper"], Field(description="The case of letters.")] = "keep"


class Clip(Part):
    """Moves numbers that are out of a range to its end."""

    kind: Literal["clip"]
    columns: Annotated[Columns, Field(description="Columns of numbers.")]
    min: Annotated[float | None, Field(description="Smallest value.")] = None
    max: Annotated[float | None, Field(description="Largest value.")] = None

    @model_validator(mode="after")
    def _bounded(self) -> "Clip":
        if self.min is None and self.max is None:
            raise complaint("empty-range", "clip needs min or max", "give at least one")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise complaint("empty-range", "min {low} is above max {high}", "swap them", low=self.min, high=self.max)
        return self


class Condition(Part):
    """What a value must be like; all that is given must hold. A missing value fulfils none but `missing: true`."""

    column: Annotated[str, Field(description="The column.")]
    equals: Annotated[bool | int | float | str | None, Field(description="The very value.")] = None
    one_of: Annotated[tuple[Scalar, ...] | None, Field(min_length=1, description="One of these.")] = None
    min: Annotated[float | str | None, Field(description="At least this; dates as text.")] = None
    max: Annotated[float | str | None, Field(description="At most this; dates as text.")] = None
    matches: Annotated[str | None, Field(description="Regular expression somewhere in the text.")] = None
    missing: Annotated[bool | None, Field(description="Whether the value is missing.")] = None

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if all(value is None for name, value in self if name != "column"):
            raise complaint("empty-condition", "the condition says nothing", "give equals, one_of, min, max, …")
        return self


class Filter(Part):
    """Keeps the rows that meet a condition, or those that do not."""

    kind: Literal["filter"]
    where: Annotated[Condition, Field(description="The condition.")]
    keep: Annotated[Literal["matching", "others"], Field(description="Which rows stay.")] = "matching"


Cleaning = Annotated[Cast | DropDuplicates | Fill | Replace | Text | Clip | Filter, Field(discriminator="kind")]
