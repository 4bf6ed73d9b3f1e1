"""Preprocessing: fitted on the rows to fit on, kept as plain values in JSON, applied to any rows of the same columns.

What comes out stands in this order: numbers, dates, categories, texts; inside a kind, as the table has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified, StepFailed
from mlops_runner.specs.base import Part
from mlops_runner.specs.training_preprocessing import Kind, Preprocessing, columns_fit
from mlops_runner.train.columns.categories import Native, OneHot, Ordinal, fit_categories, without_missing
from mlops_runner.train.columns.dates import Dates, fit_dates
from mlops_runner.train.columns.numbers import Numbers, fit_numbers
from mlops_runner.train.columns.target_means import CrossFitted, Target, TargetMeans, cross_fitted, fit_target_means
from mlops_runner.train.columns.texts import Texts, fit_texts
from mlops_runner.train.features import Output, Schema
from mlops_runner.train.stored import AnyRows

# 2 GiB of float64. The result is dense, because half of the trainers cannot read anything else.
MAX_CELLS = 2**28
KINDS: tuple[Kind, ...] = ("number", "date", "category", "text")

Columns = Annotated[Numbers | Dates | OneHot | Ordinal | Native | TargetMeans | Texts, Field(discriminator="kind")]


class Fitted(Part):
    """What preprocessing learned: preprocess.json. Format 1; a change that a reader would mistake raises the number."""

    format: Literal[1] = 1
    parts: tuple[Columns, ...]

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The columns that come out, in order: `age`, `city=Bonn`, `city=(rare)`."""
        return tuple(output for part in self.parts for output in part.outputs())

    def transform(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, outputs), dense, for the matrix of some rows."""
        return _side_by_side([part.apply(frame) for part in self.parts], frame.height)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows to fit on: the matrix of their features, and what the encoding by the target needs to know of it.

    Of rows that stay on the disk one column at a time is looked at, which learns the same.
    """

    frame: AnyRows
    target: Target | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned, and what stands in its place for the rows it was learned from. own: by position of the part."""

    fitted: Fitted
    own: Mapping[int, CrossFitted]

    def transform(self, frame: pl.DataFrame, first: int) -> NDArray[np.float64]:
        """Return shape (rows, outputs) for rows that were fitted on, the first of which stands at position `first`."""
        parts = enumerate(self.fitted.parts)
        return _side_by_side(
            [self.own[at].apply(frame, first) if at in self.own else part.apply(frame) for at, part in parts],
            frame.height,
        )


def fit_preprocessing(spec: Preprocessing, schema: Schema, rows: Rows) -> tuple[Fitted, NDArray[np.float64]]:
    """Learn from the rows to fit on, which are held in memory, and transform them. Raises as `learn` does."""
    assert isinstance(rows.frame, pl.DataFrame)
    learned = learn(spec, schema, rows)
    return learned.fitted, learned.transform(rows.frame, 0)


def learn(spec: Preprocessing, schema: Schema, rows: Rows) -> Learned:
    """Learn from the rows to fit on.

    Only for them is the result not that of `transform`: what is learned from the target leaves out each row's own fold.
    Columns that are constant or never filled are kept: the width of the result depends on the schema and on the
    categories alone. Raises InvalidInput for settings that do not fit a column, StepFailed when the result would not
    fit into memory.
    """
    kinds = kinds_of(spec, schema)
    learner = _Learner(spec, rows)
    for kind in KINDS:
        names = [name for name, own in kinds.items() if own == kind]
        if kind == "number" and names:
            learner.numbers(names)
        for name in names:
            learner.learn(kind, name)
    learner.refuse_explosion()
    return Learned(Fitted(parts=tuple(learner.parts)), learner.own)


def kinds_of(spec: Preprocessing, schema: Schema) -> dict[str, Kind]:
    """Return how each feature is treated. Raises InvalidInput for settings of a column that do not fit it."""
    types = {feature.name: feature.type for feature in schema.features}
    if found := list(columns_fit(spec, types, schema.texts)):
        raise InvalidInput(Diagnostic(one.code, one.message, hint=one.hint) for one in found)
    return {name: spec.kind_of(name, kind, name in schema.texts) for name, kind in types.items()}


def encode(fitted: Fitted) -> bytes:
    """Return the content of preprocess.json."""
    return (canonical_json(fitted.model_dump(mode="json")) + "\n").encode("utf-8", "surrogatepass")


def decode(data: bytes) -> Fitted:
    """Parse preprocess.json. Raises NotVerified."""
    try:
        return Fitted.model_validate_json(data)
    except ValidationError as error:
        message = f"preprocess.json is not one we wrote: {error.error_count()} fields are wrong"
        raise NotVerified(Diagnostic("unreadable-record", message, hint="restore it, or train again")) from error


@dataclass(slots=True)
class _Learner:
    """Learns column by column, and remembers what the rows to fit on are given where that differs from serving."""

    spec: Preprocessing
    rows: Rows
    parts: list[Columns] = field(default_factory=list)
    own: dict[int, CrossFitted] = field(default_factory=dict)

    def numbers(self, names: list[str]) -> None:
        frame = self.rows.frame
        together = [names] if isinstance(frame, pl.DataFrame) else [[name] for name in names]
        found = [
            fit_numbers({name: self.spec.numbers_of(name) for name in some}, frame.select(some)) for some in together
        ]
        self.parts.append(Numbers(columns=tuple(column for numbers in found for column in numbers.columns)))

    def learn(self, kind: Kind, name: str) -> None:
        spec, frame = self.spec, self.rows.frame
        match kind:
            case "date":
                column = frame.select([name])
                self.parts.append(fit_dates(name, column, spec.dates_of(name), spec.numbers_of(name)))
            case "category":
                self.parts.append(self._categories(name, frame.select([name])))
            case "text":
                texts = [frame[name]] if isinstance(frame, pl.DataFrame) else frame.parts(name)
                self.parts.append(fit_texts(name, texts, spec.texts_of(name)))

    def _categories(self, name: str, column: pl.DataFrame) -> Columns:
        spec = self.spec.categories_of(name)
        if spec.encode == "target":
            assert self.rows.target is not None
            target = self.rows.target
            means = fit_target_means(name, column, target, spec.min_count, spec.smoothing)
            self.own[len(self.parts)] = cross_fitted(means, column, target, spec.folds, spec.smoothing)
            return means
        found = fit_categories(name, column, spec.min_count)
        match spec.encode:
            case "one_hot":
                return OneHot(categories=found)
            case "ordinal":
                return Ordinal(categories=found)
            case "native":
                return Native(categories=without_missing(found))

    def refuse_explosion(self) -> None:
        widths = {_feature(part): len(tuple(part.outputs())) for part in self.parts if isinstance(part, OneHot | Texts)}
        frame = self.rows.frame
        width, height = sum(widths.values()), min(frame.height, getattr(frame, "batch_rows", frame.height))
        if not widths or width * height <= MAX_CELLS:
            return
        worst = max(widths, key=lambda name: widths[name])
        message = (
            f"one_hot and texts give {width} columns for {height} rows, more than fits into memory; "
            f'"{worst}" alone gives {widths[worst]}'
        )
        hint = f'use encode: ordinal or target, raise min_count, or give "{worst}" the role ignored'
        raise StepFailed(Diagnostic("too-many-categories", message, hint=hint))


def _feature(part: OneHot | Texts) -> str:
    return part.feature if isinstance(part, Texts) else part.categories.feature


def _side_by_side(blocks: list[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    return np.ascontiguousarray(np.hstack(blocks) if blocks else np.empty((rows, 0)), dtype=np.float64)
