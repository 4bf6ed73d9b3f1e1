"""What inference is asked, what it measures of each column, and what it proposes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_runner.data.types import Type
from mlops_runner.specs.base import Scalar

Task = Literal["binary", "multiclass", "regression", "ranking"]
Role = Literal["feature", "target", "id", "time", "group", "weight", "ignored"]

MOST_VALUES = 50


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said; the rest is inferred. `positive` is text and is read as the type of the target."""

    target: str
    time: str | None = None
    group: str | None = None
    id: str | None = None
    positive: str | None = None
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """The type of a column, and why it is not a simpler one.

    `unread` counts the values that are not of this type and become missing by `cleaning: cast`.
    """

    type: Type
    format: tuple[str, ...] = ()
    unread: int = 0
    cast: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured over all rows of a column, in its inferred type.

    low, high: ends of a numeric column. values: every value with its count, the most frequent first, where there are
    at most 50. whole: no number has decimals. ordered: no value is smaller than the one before it.
    Of texts, over a sample: characters and words on average, whether they are codes, or amounts with signs in them, and
    the kind of personal data that they look like.
    """

    name: str
    typing: Typing
    rows: int
    missing: int
    distinct: int
    low: float | None = None
    high: float | None = None
    values: tuple[tuple[Any, int], ...] = ()
    whole: bool = False
    ordered: bool = False
    characters: float = 0.0
    words: float = 0.0
    coded: bool = False
    amounts: bool = False
    personal: str | None = None

    @property
    def type(self) -> Type:
        """The inferred type."""
        return self.typing.type

    @property
    def known(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return not self.missing and self.distinct == self.rows

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return self.type in {"float", "int"}


@dataclass(frozen=True, slots=True)
class Guess:
    """A declared column, with the sentence that explains what is not obvious about it."""

    facts: Facts
    role: Role
    why: str = ""
    tags: tuple[str, ...] = ()
    min: float | int | None = None
    max: float | int | None = None
    allowed: tuple[Scalar, ...] | None = None
    max_missing: float = 0.0

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.facts.name


@dataclass(frozen=True, slots=True)
class SplitGuess:
    """A split of the Data document, as its fields, and why it fits."""

    fields: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class TaskGuess:
    """What is predicted; `positive` for binary tasks. classes: value and count, for class tasks."""

    task: Task
    why: str
    positive: Scalar = None
    positive_why: str = ""
    classes: tuple[tuple[Any, int], ...] = ()
    mean: float = 0.0
    deviation: float = 0.0

    @property
    def of_numbers(self) -> bool:
        """Whether the target is a number: an amount, or the relevance of a row to its query."""
        return self.task in {"regression", "ranking"}


@dataclass(frozen=True, slots=True)
class Guessing:
    """What a constant guess reaches on the test side: the RMSE or log loss (in nats), and the share of positives."""

    loss: float
    positives: float = 0.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that the documents are written from. skipped: columns that are not declared, and why.

    Of the features: the fewest rows of a category with a column of its own, those that are encoded by the target, the
    most terms of a text, and how wide the matrix becomes. calendar: parts of the time that become features.
    """

    source: Mapping[str, Any]
    source_why: Mapping[str, str]
    columns: tuple[Guess, ...]
    task: TaskGuess
    split: SplitGuess
    guessing: Guessing
    rows: int
    duplicates: int
    cleaning: tuple[tuple[Mapping[str, Any], str], ...] = ()
    rules: tuple[tuple[Mapping[str, Any], str], ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    min_count: int = 1
    by_target: tuple[str, ...] = ()
    terms: int = 0
    width: int = 0
    calendar: tuple[str, ...] = ()

    @property
    def target(self) -> Guess:
        """The target."""
        return next(column for column in self.columns if column.role == "target")

    def with_role(self, role: Role) -> list[Guess]:
        """Return the columns of a role."""
        return [column for column in self.columns if column.role == role]
