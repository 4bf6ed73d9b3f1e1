"""The Data document: where rows come from, what the columns mean, what must hold, how rows are split."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import CallablePath, Part, RelativePath, Scalar, Share, Spec, complaint


class CsvSource(Part):
    """A delimited text file, read with the declared dialect; the header must match the declared columns."""

    kind: Literal["csv"]
    path: Annotated[RelativePath, Field(description="The file; may be tracked by DVC.", examples=["data/loans.csv"])]
    delimiter: Annotated[str, Field(min_length=1, max_length=1, description="Character between fields.")] = ","
    encoding: Annotated[Literal["utf-8", "latin-1"], Field(description="Encoding of the text.")] = "utf-8"
    null_values: Annotated[tuple[str, ...], Field(description="Texts that mean a missing value.")] = ("",)


class ParquetSource(Part):
    """A Parquet file."""

    kind: Literal["parquet"]
    path: Annotated[
        RelativePath, Field(description="The file; may be tracked by DVC.", examples=["data/loans.parquet"])
    ]


class SklearnSource(Part):
    """A data set that ships with scikit-learn: no download. Its target column is called `target`."""

    kind: Literal["sklearn"]
    dataset: Annotated[
        Literal["breast_cancer", "iris", "wine", "digits", "diabetes"], Field(description="Name of the set.")
    ]


class PythonSource(Part):
    """A function of the project that returns a polars.DataFrame."""

    kind: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["callables.loans:load"])]
    params: Annotated[dict[str, Scalar], Field(description="Keyword arguments for the function.")] = {}
    inputs: Annotated[
        dict[str, RelativePath],
        Field(description="Files the function reads; passed as keyword arguments of type pathlib.Path."),
    ] = {}


Source = Annotated[CsvSource | ParquetSource | SklearnSource | PythonSource, Field(discriminator="kind")]


class Column(Part):
    """One column: its type, its role, and what its values must satisfy."""

    type: Annotated[
        Literal["float", "int", "string", "bool", "date", "datetime"], Field(description="Type of the values.")
    ]
    role: Annotated[
        Literal["feature", "target", "id", "time", "group", "weight", "ignored"],
        Field(description="What the column is for."),
    ] = "feature"
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
        if self.type not in {"float", "int"} and (self.min is not None or self.max is not None):
            raise complaint(
                "wrong-type",
                "min and max need a numeric column, this one is {type}",
                "remove them or change the type",
                type=self.type,
            )
        return self


class RowCount(Part):
    """How many rows the data must have."""

    min: Annotated[int, Field(ge=1, description="Fewest rows allowed.")] = 1
    max: Annotated[int | None, Field(ge=1, description="Most rows allowed.")] = None


class Checks(Part):
    """What must hold for the table as a whole; columns carry their own limits."""

    rows: Annotated[RowCount, Field(description="Row count.")] = RowCount.model_construct()
    duplicate_rows: Annotated[Literal["allow", "warn", "fail"], Field(description="What fully equal rows mean.")] = (
        "warn"
    )


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


Split = Annotated[RandomSplit | GroupSplit | TimeSplit | PredefinedSplit, Field(discriminator="kind")]


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
    checks: Annotated[Checks, Field(description="What must hold for the table as a whole.")] = Checks.model_construct()
    split: Annotated[Split, Field(description="How rows are divided into train, validation and test.")]

    def with_role(self, role: str) -> tuple[str, ...]:
        """Return the names of the columns that have a role, in the order of the table."""
        return tuple(name for name, column in self.columns.items() if column.role == role)

    @model_validator(mode="after")
    def _split_fits(self) -> "Data":
        named = {
            "random": getattr(self.split, "stratify", None),
            "group": getattr(self.split, "group", None),
            "time": getattr(self.split, "time", None),
            "predefined": getattr(self.split, "column", None),
        }[self.split.kind]
        if named is not None and named not in self.columns:
            raise complaint(
                "unknown-column",
                'split names the column "{column}", which is not declared',
                "declare it under columns",
                column=named,
            )
        if not isinstance(self.split, PredefinedSplit) and self.split.validation + self.split.test >= 1:
            raise complaint(
                "empty-split",
                "validation {v} and test {t} leave no rows for training",
                "lower one of them",
                v=self.split.validation,
                t=self.split.test,
            )
        if len(self.with_role("target")) != 1:
            raise complaint(
                "target-count",
                "{count} columns have the role target; exactly one must",
                "set role: target on one column",
                count=len(self.with_role("target")),
            )
        if not self.with_role("feature"):
            raise complaint("no-features", "no column has the role feature", "declare at least one feature")
        return self
