"""Preprocessing of a Training document: what happens to the columns of each kind, and to single columns."""

from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, Share, complaint
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding

P = TypeVar("P", bound=Part)
Kind = Literal["number", "category", "date", "text"]
DatePart = Literal["days", "year", "month", "day", "weekday", "day_of_year", "hour", "minute"]

Impute = Literal["none", "mean", "median", "zero"]
Scale = Literal["none", "standard", "robust"]
Encode = Literal["one_hot", "ordinal", "target", "native"]
Clip = Annotated[tuple[Share, Share], Field(examples=[[0.01, 0.99]])]
Smoothing = Literal["auto"] | Annotated[float, Field(ge=0)]
Folds = Annotated[int, Field(ge=2, le=20)]
Count = Annotated[int, Field(ge=1)]
Terms = Annotated[int, Field(ge=1, le=20_000)]
Words = Annotated[int, Field(ge=1, le=3)]

TEXT_TAG = "text"
KINDS: dict[str, Kind] = {
    "float": "number",
    "int": "number",
    "string": "category",
    "bool": "category",
    "date": "date",
    "datetime": "date",
}
# What a column of a type may be treated as. Its own kind comes first.
TREATED: dict[str, tuple[Kind, ...]] = {
    "float": ("number",),
    "int": ("number", "category"),
    "string": ("category", "text"),
    "bool": ("category", "number"),
    "date": ("date",),
    "datetime": ("date",),
}


class NumericPreprocessing(Part):
    """What happens to float and int columns, in this order, fitted on the training side only."""

    clip: Annotated[
        Clip | None, Field(description="Quantiles of the training rows; values beyond are moved to them.")
    ] = None
    impute: Annotated[Impute, Field(description="What replaces a missing value; none passes it on to the trainer.")] = (
        "median"
    )
    scale: Annotated[Scale, Field(description="How values are scaled.")] = "none"
    indicator: Annotated[bool, Field(description="Whether a column more says that the value was missing.")] = False

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> "NumericPreprocessing":
        _refuse_empty(self.clip)
        return self


class CategoricalPreprocessing(Part):
    """What happens to string and bool columns. A missing value is a category of its own; unseen ones never fail."""

    encode: Annotated[
        Encode,
        Field(
            description="How categories become numbers: a column each, their position, the mean of the target "
            "(cross-fitted), or as they are (xgboost alone).",
        ),
    ] = "one_hot"
    min_count: Annotated[Count, Field(description="Categories with fewer training rows are pooled as rare.")] = 1
    smoothing: Annotated[
        Smoothing,
        Field(description="For target: rows of the overall mean that each category is mixed with; auto: by variance."),
    ] = "auto"
    folds: Annotated[Folds, Field(description="For target: folds of the cross-fitting.")] = 5


class DatePreprocessing(Part):
    """What happens to date and datetime columns (UTC). What comes out is treated like numbers, cycles excepted."""

    parts: Annotated[
        tuple[DatePart, ...], Field(min_length=1, description="Parts to take; days count from 1970-01-01.")
    ] = ("days",)
    cyclic: Annotated[
        bool, Field(description="Whether parts that come round (month to minute) become a sine and a cosine.")
    ] = False


class TextPreprocessing(Part):
    """What happens to string columns with the tag `text`: TF-IDF of their words, lower-cased, each row of length 1."""

    max_terms: Annotated[Terms, Field(description="Most terms; the most frequent ones stay.")] = 500
    min_count: Annotated[Count, Field(description="Terms in fewer training rows are left out.")] = 2
    words: Annotated[Words, Field(description="Longest term, in words.")] = 1


class ColumnPreprocessing(Part):
    """What one column has different from its kind."""

    kind: Annotated[
        Kind | None,
        Field(description="Treat an int column as a category, a string as a text, a bool as a number."),
    ] = None
    clip: Annotated[Clip | None, Field(description="As in numeric.")] = None
    impute: Annotated[Impute | None, Field(description="As in numeric.")] = None
    scale: Annotated[Scale | None, Field(description="As in numeric.")] = None
    indicator: Annotated[bool | None, Field(description="As in numeric.")] = None
    encode: Annotated[Encode | None, Field(description="As in categorical.")] = None
    min_count: Annotated[Count | None, Field(description="As in categorical, or in text.")] = None
    smoothing: Annotated[Smoothing | None, Field(description="As in categorical.")] = None
    folds: Annotated[Folds | None, Field(description="As in categorical.")] = None
    parts: Annotated[tuple[DatePart, ...] | None, Field(min_length=1, description="As in dates.")] = None
    cyclic: Annotated[bool | None, Field(description="As in dates.")] = None
    max_terms: Annotated[Terms | None, Field(description="As in text.")] = None
    words: Annotated[Words | None, Field(description="As in text.")] = None

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> "ColumnPreprocessing":
        _refuse_empty(self.clip)
        return self

    def settings(self) -> dict[str, object]:
        """Return what the column says, besides its kind."""
        return {name: value for name, value in self if value is not None and name != "kind"}


class Preprocessing(Part):
    """Preprocessing per column kind; part of the model bundle, so that serving applies the same."""

    numeric: Annotated[NumericPreprocessing, Field(description="For float and int columns.")] = (
        NumericPreprocessing.model_construct()
    )
    categorical: Annotated[CategoricalPreprocessing, Field(description="For string and bool columns.")] = (
        CategoricalPreprocessing.model_construct()
    )
    dates: Annotated[DatePreprocessing, Field(description="For date and datetime columns.")] = (
        DatePreprocessing.model_construct()
    )
    text: Annotated[TextPreprocessing, Field(description="For string columns with the tag text.")] = (
        TextPreprocessing.model_construct()
    )
    columns: Annotated[
        dict[str, ColumnPreprocessing],
        Field(description="Columns that are treated otherwise, by name.", examples=[{"zip": {"encode": "target"}}]),
    ] = {}

    def native(self) -> bool:
        """Whether some column keeps its categories, which only xgboost can read."""
        return self.categorical.encode == "native" or any(one.encode == "native" for one in self.columns.values())

    def cross_fitted(self) -> bool:
        """Whether some column becomes the mean of the target."""
        return self.categorical.encode == "target" or any(one.encode == "target" for one in self.columns.values())

    def kind_of(self, name: str, column_type: str, tagged: bool) -> Kind:
        """Return how a column is treated. tagged: whether it has the tag text."""
        own = self.columns.get(name)
        if own is not None and own.kind is not None:
            return own.kind
        return "text" if tagged and column_type == "string" else KINDS[column_type]

    def numbers_of(self, name: str) -> NumericPreprocessing:
        """Return how the numbers of a column are treated: its own, or those that come out of a date."""
        return _merged(self.numeric, self.columns.get(name))

    def categories_of(self, name: str) -> CategoricalPreprocessing:
        """Return how the categories of a column are treated."""
        return _merged(self.categorical, self.columns.get(name))

    def dates_of(self, name: str) -> DatePreprocessing:
        """Return how the dates of a column are treated."""
        return _merged(self.dates, self.columns.get(name))

    def texts_of(self, name: str) -> TextPreprocessing:
        """Return how the texts of a column are treated."""
        return _merged(self.text, self.columns.get(name))


# The fields that a column of a kind may set. What comes out of a date is a number.
FIELDS: dict[Kind, frozenset[str]] = {
    "number": frozenset(NumericPreprocessing.model_fields),
    "category": frozenset(CategoricalPreprocessing.model_fields),
    "date": frozenset((*DatePreprocessing.model_fields, *NumericPreprocessing.model_fields)),
    "text": frozenset(TextPreprocessing.model_fields),
}


def columns_fit(spec: Preprocessing, types: Mapping[str, str], texts: Container[str]) -> Iterator[Finding]:
    """Settings of single columns fit the type of the column. types: of the features; texts: those with the tag text."""
    for name, own in spec.columns.items():
        path: Path = ("columns", name)
        if name not in types:
            message = f'preprocessing.columns names "{name}", which is not a feature'
            yield Finding(path, "unknown-column", message, nearest(name, types) or "name a feature")
        elif own.kind is not None and own.kind not in TREATED[types[name]]:
            message = f'column "{name}" is {types[name]}, so it cannot be treated as a {own.kind}'
            hint = f"it can be a {' or a '.join(TREATED[types[name]])}"
            yield Finding((*path, "kind"), "wrong-kind", message, hint)
        else:
            kind = spec.kind_of(name, types[name], name in texts)
            for key in sorted(own.settings().keys() - FIELDS[kind]):
                message = f'"{key}" says nothing about column "{name}", which is treated as a {kind}'
                hint = f"a {kind} has {', '.join(sorted(FIELDS[kind]))}"
                yield Finding((*path, key), "needless-setting", message, hint)


def _merged(part: P, own: ColumnPreprocessing | None) -> P:
    given = {} if own is None else own.settings()
    return part.model_copy(update={name: value for name, value in given.items() if name in type(part).model_fields})


def _refuse_empty(clip: tuple[float, float] | None) -> None:
    if clip is not None and clip[0] >= clip[1]:
        message = "clip goes from {low} to {high}: nothing lies between"
        raise complaint("empty-range", message, "for example: [0.01, 0.99]", low=clip[0], high=clip[1])
