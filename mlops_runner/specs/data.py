"""The Data document: where rows come from, what the columns mean, what must hold, how rows are split."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, Scalar, Share, Spec, complaint
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data_checks import Checks, SumRule
from mlops_runner.specs.data_cleaning import Cleaning, Filter, Replace
from mlops_runner.specs.data_derived import Series, derived_fit, made_columns, series_fit
from mlops_runner.specs.data_derived_kinds import Derived
from mlops_runner.specs.data_fit import allowed_fit, cleaning_fits, rules_fit
from mlops_runner.specs.data_sources import Source
from mlops_runner.specs.date_forms import DateForm
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding, hold


class Column(Part):
    """One column: its type, its role, and what its values must satisfy."""

    type: Annotated[
        Literal["float", "int", "string", "bool", "date", "datetime"], Field(description="Type of the values.")
    ]
    role: Annotated[
        Literal["feature", "target", "id", "time", "group", "weight", "ignored"],
        Field(description="What the column is for."),
    ] = "feature"
    format: Annotated[
        tuple[str, ...],
        Field(
            description="How dates and times are written (strftime); the first that fits is taken. None: ISO 8601.",
            examples=[["%d.%m.%Y", "%Y-%m-%d"]],
        ),
    ] = ()
    tags: Annotated[
        tuple[str, ...], Field(description="Free labels; `pii` marks personal data.", examples=[["pii"]])
    ] = ()
    min: Annotated[float | None, Field(description="Smallest value allowed.")] = None
    max: Annotated[float | None, Field(description="Largest value allowed.")] = None
    allowed: Annotated[tuple[Scalar, ...] | None, Field(description="The only values allowed.")] = None
    max_missing: Annotated[Share, Field(description="Largest share of missing values allowed.")] = 0.0
    unique: Annotated[bool, Field(description="Whether each value may appear only once.")] = False

    @model_validator(mode="after")
    def _limits_make_sense(self) -> "Column":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise complaint(
                "empty-range",
                "min {low} is above max {high}: no value can pass",
                "swap them",
                low=self.min,
                high=self.max,
            )
        if self.format and self.type not in {"date", "datetime"}:
            raise complaint(
                "wrong-type",
                "format is for dates and times, this column is {type}",
                "remove it or change the type",
                type=self.type,
            )
        for form in self.format:
            if fault := DateForm(form).fault(self.type):
                words = "directives of strftime, for example %d.%m.%Y or %Y-%m-%d %H:%M:%S"
                raise complaint("invalid-format", 'format "{form}": {fault}', words, form=form, fault=fault)
        if self.type not in {"float", "int"} and (self.min is not None or self.max is not None):
            raise complaint(
                "wrong-type",
                "min and max need a numeric column, this one is {type}",
                "remove them or change the type",
                type=self.type,
            )
        return self


class RandomSplit(Part):
    """Rows are drawn by a seeded shuffle; `stratify` keeps the share of each value of a column."""

    kind: Literal["random"]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Seed of the shuffle.")]
    validation: Annotated[Share, Field(description="Share of the rows for choosing between candidates.")] = 0.2
    test: Annotated[Share, Field(description="Share of the rows held out until the end.")] = 0.2
    stratify: Annotated[str | None, Field(description="Column whose proportions every side keeps.")] = None


class GroupSplit(Part):
    """All rows of one group stay on one side, drawn by a seeded shuffle of the groups."""

    kind: Literal["group"]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Seed of the shuffle.")]
    group: Annotated[str, Field(description="Column that names the group.")]
    validation: Annotated[Share, Field(description="Share of the groups.")] = 0.2
    test: Annotated[Share, Field(description="Share of the groups.")] = 0.2


class HashSplit(Part):
    """The digest of some columns decides: a row keeps its side when others come or go. Shares hold roughly."""

    kind: Literal["hash"]
    columns: Annotated[
        tuple[str, ...], Field(min_length=1, description="Columns that identify what must stay together.")
    ]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Goes into the digest.")] = 0
    validation: Annotated[Share, Field(description="Expected share of the rows.")] = 0.2
    test: Annotated[Share, Field(description="Expected share of the rows.")] = 0.2


class TimeSplit(Part):
    """The latest rows are the test side, the ones before them the validation side."""

    kind: Literal["time"]
    time: Annotated[str, Field(description="Column to order by.")]
    validation: Annotated[Share, Field(description="Share of the rows.")] = 0.2
    test: Annotated[Share, Field(description="Share of the rows.")] = 0.2


class PredefinedSplit(Part):
    """A column says the side: its values are train, validation and test."""

    kind: Literal["predefined"]
    column: Annotated[str, Field(description="Column that holds the side.")]


Split = Annotated[RandomSplit | GroupSplit | HashSplit | TimeSplit | PredefinedSplit, Field(discriminator="kind")]


class Folds(Part):
    """Folds of the training rows for repeated cross-validation; they keep groups, shares or time as the split does."""

    count: Annotated[int, Field(ge=2, le=100, description="Folds a repetition.")] = 5
    repeats: Annotated[int, Field(ge=1, le=100, description="Repetitions; a time split allows one.")] = 1
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Seed of the shuffles.")]


class Data(Spec):
    """Describes a data set: source, columns, checks and split. Its result is stored and pinned by digest."""

    kind: Literal["Data"]
    source: Annotated[Source, Field(description="Where the rows come from.")]
    columns: Annotated[
        dict[str, Column], Field(min_length=1, description="The columns by name, in the order of the table.")
    ]
    undeclared: Annotated[
        Literal["error", "ignore"], Field(description="What a column that is not declared means.")
    ] = "error"
    cleaning: Annotated[
        tuple[Cleaning, ...], Field(description="Changes to the rows, in order, before the checks.")
    ] = ()
    series: Annotated[Series | None, Field(description="How rows follow each other in time.")] = None
    derived: Annotated[
        tuple[Derived, ...],
        Field(description="Features made of other columns, after cleaning and before the checks."),
    ] = ()
    checks: Annotated[Checks, Field(description="What must hold for the table as a whole.")] = Checks.model_construct()
    split: Annotated[Split, Field(description="How rows are divided into train, validation and test.")]
    folds: Annotated[Folds | None, Field(description="Folds of the training rows, for cross-validation.")] = None

    def with_role(self, role: str) -> tuple[str, ...]:
        """Return the names of the columns that have a role, in the order of the table."""
        return tuple(name for name, column in self.all_columns().items() if column.role == role)

    def all_columns(self) -> dict[str, Column]:
        """Return the declared columns, then the derived ones, which are features that may be missing."""
        if not self.derived:
            return self.columns
        return self.columns | {
            made.name: Column(type=made.type_of(source.type), tags=source.tags, max_missing=1.0)
            for _, made in made_columns(self.derived)
            if (source := self.columns.get(made.source))
        }

    def with_derived(self) -> "Data":
        """Return the document of the table as it is once its columns are derived: all of them are declared."""
        return self.model_copy(update={"columns": self.all_columns(), "derived": ()})

    @model_validator(mode="after")
    def _names_are_declared(self) -> "Data":
        return hold(self, _RULES)


def _declared(data: Data) -> Iterator[Finding]:
    """Every column that is named in the split, in cleaning or in a check is declared."""
    there = data.all_columns()
    for path, name in _named_columns(data):
        known = there if path[0] == "checks" else data.columns
        if name not in known:
            message = f'{path[0]} names the column "{name}", which is not declared'
            yield Finding(path, "unknown-column", message, nearest(name, known) or "declare it under columns")


def _named_columns(data: Data) -> Iterator[tuple[Path, str]]:
    split = data.split
    for field in ("stratify", "group", "time", "column"):
        if name := getattr(split, field, None):
            yield ("split", field), name
    yield from _listed(("split",), split)
    for position, step in enumerate(data.cleaning):
        yield from _listed(("cleaning", position), step)
        if isinstance(step, Replace):
            yield ("cleaning", position, "column"), step.column
        elif isinstance(step, Filter):
            yield ("cleaning", position, "where", "column"), step.where.column
    yield from _columns_of_rules(data.checks)


def _columns_of_rules(checks: Checks) -> Iterator[tuple[Path, str]]:
    for position, rule in enumerate(checks.rules):
        above = ("checks", "rules", position)
        yield from _listed(above, rule)
        for field in ("column", "left", "right", "numerator", "denominator"):
            if name := getattr(rule, field, None):
                yield (*above, field), name
        for index, name in enumerate(getattr(rule, "by", ())):
            yield (*above, "by", index), name
        if isinstance(rule, SumRule) and isinstance(rule.equals, str):
            yield (*above, "equals"), rule.equals


def _listed(above: Path, part: Part) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(getattr(part, "columns", ())):
        yield (*above, "columns", index), name


def _shares_leave_rows(data: Data) -> Iterator[Finding]:
    """Validation and test together leave rows for training."""
    split = data.split
    if not isinstance(split, PredefinedSplit) and split.validation + split.test >= 1:
        message = f"validation {split.validation} and test {split.test} leave no rows for training"
        yield Finding(("split",), "empty-split", message, "lower one of them")


def _roles_fit(data: Data) -> Iterator[Finding]:
    """A column is the target (which task may have several, the plan knows), and at least one is a feature."""
    if (count := len(data.with_role("target"))) == 0:
        message = f"{count} columns have the role target; exactly one must"
        yield Finding(("columns",), "target-count", message, "set role: target on one column")
    if not data.with_role("feature"):
        yield Finding(("columns",), "no-features", "no column has the role feature", "declare at least one feature")


def _folds_fit(data: Data) -> Iterator[Finding]:
    """Folds of a time split follow time, which can be done in one way only."""
    if data.folds and data.folds.repeats > 1 and isinstance(data.split, TimeSplit):
        yield Finding(("folds", "repeats"), "repeated-time", "folds in time cannot be repeated", "set repeats to 1")


_RULES = (
    _declared, _shares_leave_rows, _roles_fit, _folds_fit, series_fit, derived_fit, allowed_fit, cleaning_fits,
    rules_fit,
)  # fmt: skip
