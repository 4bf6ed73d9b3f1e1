"""Which columns a model reads, and how a frame becomes the matrix it is trained on.

First step of the stage: frame -> `matrix` -> preprocessing -> trainer. Serving passes through the same functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import polars as pl

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column
from mlops_runner.specs.task import QUERY_ROLE, Task
from mlops_runner.specs.training_preprocessing import TEXT_TAG

FeatureType = Literal["float", "int", "string", "bool", "date", "datetime"]

MISSING = "(missing)"
DAY_IN_MICROSECONDS = 86_400_000_000


class TaskLike(Protocol):
    """The part of a Training document that a schema is made from."""

    @property
    def task(self) -> Task: ...  # noqa: D102
    @property
    def positive(self) -> Scalar: ...  # noqa: D102


class Selectable(Protocol):
    """Columns of rows, in memory or on the disk."""

    @property
    def schema(self) -> pl.Schema: ...  # noqa: D102
    def select(self, columns: Any, /) -> pl.DataFrame: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Feature:
    """One column the model reads."""

    name: str
    type: FeatureType


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a trainer is given: its name, and the feature it comes from.

    ordered: it rises with the feature. categorical: it holds numbers of categories.
    """

    name: str
    feature: str
    ordered: bool = False
    categorical: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """What goes into a model and what comes out of it.

    target: the column that is predicted; of a multilabel task the names of all of them, for people. classes: the values
    of the target in the order of the probabilities; (negative, positive) for a binary task, sorted for multiclass, the
    names of the labels for multilabel, else empty. texts: string features whose words are read. query: the column that
    says which rows are ranked among themselves; None for other tasks than ranking.
    """

    task: Task
    target: str
    positive: bool | int | float | str | None
    classes: tuple[bool | int | float | str, ...]
    features: tuple[Feature, ...]
    weight: str | None = None
    texts: tuple[str, ...] = ()
    query: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that are predicted: one, or the labels of a multilabel task."""
        return tuple(map(str, self.classes)) if self.task == "multilabel" else (self.target,)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the float and int features, in the order of the table."""
        return tuple(f.name for f in self.features if f.type in {"float", "int"})

    @property
    def dates(self) -> tuple[str, ...]:
        """Names of the date and datetime features, in the order of the table."""
        return tuple(f.name for f in self.features if f.type in {"date", "datetime"})

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the string and bool features, in the order of the table."""
        return tuple(f.name for f in self.features if f.type in {"string", "bool"})


def schema_of(spec: TaskLike, columns: Mapping[str, Column], classes: tuple[bool | int | float | str, ...]) -> Schema:
    """Combine the task, the declared columns and the classes found in the training rows."""
    features = tuple(Feature(name, column.type) for name, column in columns.items() if column.role == "feature")
    weight = next(iter(names_of(columns, "weight")), None)
    texts = tuple(f.name for f in features if f.type == "string" and TEXT_TAG in columns[f.name].tags)
    query = query_of(columns) if spec.task == "ranking" else None
    target = ", ".join(targets_of(columns, spec.task))
    return Schema(spec.task, target, spec.positive, classes, features, weight, texts, query)


def names_of(columns: Mapping[str, Column], role: str) -> list[str]:
    """Return the names of the columns that have a role, in the order of the table."""
    return [name for name, column in columns.items() if column.role == role]


def targets_of(columns: Mapping[str, Column], task: Task) -> tuple[str, ...]:
    """Return the names of the targets. Raises InvalidInput unless there is one, or, of a multilabel task, several."""
    targets = names_of(columns, "target")
    if (len(targets) > 1) != (task == "multilabel") or not targets:
        wanted = "several must" if task == "multilabel" else "exactly one must"
        raise InvalidInput(Diagnostic("target-count", f"{len(targets)} columns have the role target; {wanted}"))
    return tuple(targets)


def query_of(columns: Mapping[str, Column]) -> str:
    """Return the name of the column that names the query. Raises InvalidInput when there is not exactly one."""
    queries = names_of(columns, QUERY_ROLE)
    if len(queries) != 1:
        message = (
            f"{len(queries)} columns have the role {QUERY_ROLE}; a ranking needs exactly one, which names the query"
        )
        hint = f"set role: {QUERY_ROLE} on the column of the query"
        raise InvalidInput(Diagnostic("query-count", message, hint=hint))
    return queries[0]


def matrix(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the features in the order of the schema, as the two types that preprocessing knows.

    Numbers become Float64 with NaN for missing; dates become days since 1970-01-01 (UTC) as Float64; texts and
    booleans become String with "(missing)", "true", "false". Other columns of the frame are ignored.
    Raises InvalidInput for a missing column, a column of another type, or an infinite number.
    """
    # Asked once: on wide tables `frame.schema` is as slow as it is long.
    _check(dict(frame.schema), schema)
    # An expression a type, not one a column: building thousands of them takes longer than what they do.
    kinds: dict[FeatureType, list[str]] = {}
    for feature in schema.features:
        kinds.setdefault(feature.type, []).append(feature.name)
    found = frame.select([_expression(kind, names) for kind, names in kinds.items()])
    result = found if len(kinds) < 2 else found.select(pl.col([feature.name for feature in schema.features]))
    refuse_infinity(result)
    return result


def matrix_of(given: Mapping[str, pl.DataType], schema: Schema) -> list[pl.Expr]:
    """Return what makes the matrix of a table with these columns. Raises InvalidInput for missing or wrong ones."""
    _check(given, schema)
    return [_expression(feature.type, [feature.name]) for feature in schema.features]


def _check(given: Mapping[str, pl.DataType], schema: Schema) -> None:
    problems = [_missing(feature, given) for feature in schema.features if feature.name not in given]
    if not problems:
        asked = {(feature.type, given[feature.name]) for feature in schema.features}
        refused = {pair for pair in asked if not _accepts(*pair)}
        problems = [
            _wrong_type(f, given[f.name]) for f in schema.features if refused and (f.type, given[f.name]) in refused
        ]
    if problems:
        raise InvalidInput(problems)


def _missing(feature: Feature, given: Mapping[str, pl.DataType]) -> Diagnostic:
    message = f'column "{feature.name}" is missing; the model reads it'
    return Diagnostic("missing-column", message, hint=nearest(feature.name, given))


def _wrong_type(feature: Feature, given: pl.DataType) -> Diagnostic:
    message = f'column "{feature.name}" holds {given}, the model was trained on {feature.type}'
    return Diagnostic("wrong-type", message, hint=f"convert it to {feature.type}")


def _accepts(kind: FeatureType, dtype: pl.DataType) -> bool:
    if dtype == pl.Null:
        return True
    match kind:
        case "float" | "int":
            return dtype.is_numeric()
        case "string":
            return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        case "bool":
            return dtype == pl.Boolean
        case "date" | "datetime":
            return isinstance(dtype, pl.Date | pl.Datetime)


def _expression(kind: FeatureType, names: list[str]) -> pl.Expr:
    column = pl.col(names)
    match kind:
        case "float" | "int":
            return column.cast(pl.Float64).fill_null(float("nan"))
        case "string" | "bool":
            return column.cast(pl.String).fill_null(MISSING)
        case "date" | "datetime":
            # Casting first makes one rule for both: a date counts as its midnight, a zone is converted to UTC.
            days = column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / DAY_IN_MICROSECONDS
            return days.fill_null(float("nan"))


def refuse_infinity(matrix: Selectable) -> None:
    """Raise InvalidInput for every column of a matrix that holds an infinite number."""
    numbers = [name for name, dtype in matrix.schema.items() if dtype == pl.Float64]
    if not numbers:
        return
    infinite = matrix.select(pl.col(numbers).is_infinite().any()).row(0, named=True)
    if found := [name for name, yes in infinite.items() if yes]:
        raise InvalidInput(
            Diagnostic("infinite-value", f'column "{name}" holds an infinite number', hint="clip it or make it missing")
            for name in found
        )
