"""Checks of a Data document: what must hold for the table. Columns carry their own limits besides."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import CallablePath, Duration, Part, RelativePath, Scalar, Share, complaint

Columns = Annotated[tuple[str, ...], Field(min_length=1)]


class RowCount(Part):
    """How many rows the data must have."""

    min: Annotated[int, Field(ge=1, description="Fewest rows allowed.")] = 1
    max: Annotated[int | None, Field(ge=1, description="Most rows allowed.")] = None


class Rule(Part):
    """What all rules share: what breaking one means."""

    name: Annotated[str | None, Field(description="Name in reports; otherwise the kind and its columns.")] = None
    severity: Annotated[Literal["fail", "warn"], Field(description="Whether a broken rule stops the run.")] = "fail"


class RowRule(Rule):
    """A rule about single rows, some of which may break it."""

    max_share: Annotated[Share, Field(description="Largest share of rows that may break it.")] = 0.0
    max_count: Annotated[
        int | None, Field(ge=0, description="Largest number of rows that may break it; instead of max_share.")
    ] = None


class RangeRule(RowRule):
    """Numbers, dates or times lie between two ends."""

    kind: Literal["range"]
    column: Annotated[str, Field(description="The column.")]
    min: Annotated[float | str | None, Field(description="Smallest value; a date or time as text.")] = None
    max: Annotated[float | str | None, Field(description="Largest value; a date or time as text.")] = None


class AllowedRule(RowRule):
    """Values are among those listed."""

    kind: Literal["allowed"]
    column: Annotated[str, Field(description="The column.")]
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, description="The values.")]


class MissingRule(RowRule):
    """Values are not missing."""

    kind: Literal["missing"]
    columns: Annotated[Columns, Field(description="The columns; each is looked at by itself.")]


class RegexRule(RowRule):
    """Text matches a regular expression from its start to its end."""

    kind: Literal["regex"]
    column: Annotated[str, Field(description="The column.")]
    pattern: Annotated[str, Field(min_length=1, description="The expression.", examples=["[A-Z]{2}[0-9]{6}"])]


class UniqueRule(RowRule):
    """No two rows agree in all of these columns."""

    kind: Literal["unique"]
    columns: Annotated[Columns, Field(description="The columns.")]


class MonotoneRule(RowRule):
    """Values never fall (or never rise) from one row to the next, in each group."""

    kind: Literal["monotone"]
    column: Annotated[str, Field(description="The column.")]
    direction: Annotated[Literal["increasing", "decreasing"], Field(description="Which way.")] = "increasing"
    strict: Annotated[bool, Field(description="Whether equal neighbours break it too.")] = False
    by: Annotated[tuple[str, ...], Field(description="Columns that name the group.")] = ()


class CompareRule(RowRule):
    """Two columns stand in an order."""

    kind: Literal["compare"]
    left: Annotated[str, Field(description="A column.")]
    is_: Annotated[
        Literal["<", "<=", "==", "!=", ">=", ">"], Field(alias="is", description="How it stands to the other.")
    ]
    right: Annotated[str, Field(description="The other column.")]


class SumRule(RowRule):
    """Columns add up to another column, or to a number."""

    kind: Literal["sum"]
    columns: Annotated[Columns, Field(description="The parts.")]
    equals: Annotated[str | float, Field(description="Column that holds the whole, or a number.")]
    tolerance: Annotated[float, Field(ge=0, description="Largest difference allowed.")] = 0.0


class RatioRule(RowRule):
    """One column divided by another lies between two ends."""

    kind: Literal["ratio"]
    numerator: Annotated[str, Field(description="The column above the line.")]
    denominator: Annotated[str, Field(description="The column below the line; zero breaks the rule.")]
    min: Annotated[float | None, Field(description="Smallest ratio.")] = None
    max: Annotated[float | None, Field(description="Largest ratio.")] = None


class ReferenceRule(RowRule):
    """Every value appears in another file."""

    kind: Literal["reference"]
    columns: Annotated[Columns, Field(description="The columns.")]
    file: Annotated[RelativePath, Field(description="The other file: csv with a header, or parquet.")]
    file_columns: Annotated[tuple[str, ...], Field(description="Its columns; the same names unless given.")] = ()


class FreshnessRule(Rule):
    """The newest value is not older than an age at the source's `as_of`, or else at the moment of the run."""

    kind: Literal["freshness"]
    column: Annotated[str, Field(description="Column of dates or times (UTC when they carry no zone).")]
    max_age: Annotated[Duration, Field(description="Largest age.", examples=["7d"])]


class LeakageRule(Rule):
    """No feature gives the target away, and no row is on two sides of the split."""

    kind: Literal["leakage"]
    target: Annotated[
        float,
        Field(gt=0, le=1, description="Largest association between one feature and the target (see the guide)."),
    ] = 0.99
    duplicates: Annotated[
        bool | None,
        Field(
            description="Whether rows with equal features may not be on several sides. Left out, this is asked where "
            "the features hold enough to tell rows apart (see the guide)."
        ),
    ] = None
    ids: Annotated[bool, Field(description="Whether ids and groups may not be on several sides.")] = True
    time: Annotated[
        bool,
        Field(
            description="Whether no training row may be later than a validation or test row, where the split is by "
            "time or predefined."
        ),
    ] = True


class DistributionRule(Rule):
    """Columns are distributed as they were: adjusted p below `alpha` and an effect above `max_effect` break it."""

    kind: Literal["distribution"]
    columns: Annotated[tuple[str, ...], Field(description="The columns; none means every feature and the target.")] = ()
    against: Annotated[
        str,
        Field(
            description="`previous` (the locked version), or a profile.json in the project.",
            examples=["previous", "reference/profile.json"],
        ),
    ] = "previous"
    max_effect: Annotated[
        float, Field(gt=0, description="Largest Kolmogorov-Smirnov distance (numbers) or Cramér's V (categories).")
    ] = 0.1
    max_missing: Annotated[Share, Field(description="Largest change of the missing rate.")] = 0.05
    alpha: Annotated[float, Field(gt=0, lt=1, description="Level of the tests, adjusted after Holm.")] = 0.05
    min_rows: Annotated[int, Field(ge=1, description="Fewer rows a side cannot be compared.")] = 400


class PythonRule(RowRule):
    """A function of the project that gets the table (polars.DataFrame) and returns a mask of the rows that break it."""

    kind: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["callables.rules:sane"])]
    columns: Annotated[tuple[str, ...], Field(description="Columns it gets; none means all.")] = ()
    params: Annotated[dict[str, Scalar], Field(description="Keyword arguments for the function.")] = {}


AnyRule = Annotated[
    RangeRule | AllowedRule | MissingRule | RegexRule | UniqueRule | MonotoneRule | CompareRule | SumRule | RatioRule
    | ReferenceRule | FreshnessRule | LeakageRule | DistributionRule | PythonRule,
    Field(discriminator="kind"),
]  # fmt: skip


class Checks(Part):
    """What must hold for the table as a whole."""

    rows: Annotated[RowCount, Field(description="Row count.")] = RowCount.model_construct()
    duplicate_rows: Annotated[Literal["allow", "warn", "fail"], Field(description="What fully equal rows mean.")] = (
        "warn"
    )
    rules: Annotated[tuple[AnyRule, ...], Field(description="Further rules, in the order of the report.")] = ()

    @model_validator(mode="after")
    def _ends_given(self) -> "Checks":
        for rule in self.rules:
            if isinstance(rule, RangeRule | RatioRule) and rule.min is None and rule.max is None:
                raise complaint("empty-range", "a {kind} rule needs min or max", "give at least one", kind=rule.kind)
        return self
