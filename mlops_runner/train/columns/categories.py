"""Categories: a column each, their position, or their number as xgboost reads it; and how rows find their category."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.specs.base import Part
from mlops_runner.train.features import MISSING, Output

RARE = "(rare)"
UNSEEN = -1


class Categories(Part):
    """The categories of a column: those that are kept, in order, and those that share the place after them."""

    feature: str
    kept: tuple[str, ...]
    rare: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The places, by name."""
        return (*self.kept, RARE) if self.rare else self.kept

    def codes(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """Return the place of each row's category, -1 where the training rows had none such."""
        places = [*range(len(self.kept)), *(len(self.kept) for _ in self.rare)]
        series = texts_in(frame, self.feature)
        if not places:
            return np.full(frame.height, UNSEEN)
        found = series.replace_strict([*self.kept, *self.rare], places, default=UNSEEN, return_dtype=pl.Int64)
        return found.to_numpy()


class OneHot(Part):
    """A column for each category, and one for all rare ones; all 0 for an unseen one."""

    kind: Literal["one_hot"] = "one_hot"
    categories: Categories

    def outputs(self) -> Iterator[Output]:
        """Name the columns that come out."""
        feature = self.categories.feature
        yield from (Output(f"{feature}={name}", feature) for name in self.categories.names)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, categories)."""
        codes = self.categories.codes(frame)
        x = np.zeros((frame.height, len(self.categories.names)))
        seen = np.flatnonzero(codes != UNSEEN)
        x[seen, codes[seen]] = 1.0
        return x


class Ordinal(Part):
    """The place of the category in alphabetical order, rare ones last; -1 for an unseen one."""

    kind: Literal["ordinal"] = "ordinal"
    categories: Categories

    def outputs(self) -> Iterator[Output]:
        """Name the column that comes out."""
        yield Output(self.categories.feature, self.categories.feature)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, 1)."""
        return self.categories.codes(frame).astype(np.float64)[:, None]


class Native(Part):
    """The number of the category, for a trainer that knows it is one; missing and unseen are both missing."""

    kind: Literal["native"] = "native"
    categories: Categories

    def outputs(self) -> Iterator[Output]:
        """Name the column that comes out."""
        yield Output(self.categories.feature, self.categories.feature, categorical=True)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, 1)."""
        codes = self.categories.codes(frame).astype(np.float64)
        codes[codes == UNSEEN] = np.nan
        return codes[:, None]


def fit_categories(feature: str, frame: pl.DataFrame, min_count: int) -> Categories:
    """Find the categories of the training rows, sorted; those with fewer rows than `min_count` are rare."""
    counts = texts_in(frame, feature).value_counts(name="rows")
    kept = counts.filter(pl.col("rows") >= min_count)[feature].to_list()
    rare = counts.filter(pl.col("rows") < min_count)[feature].to_list()
    return Categories(feature=feature, kept=tuple(sorted(kept)), rare=tuple(sorted(rare)))


def without_missing(found: Categories) -> Categories:
    """Leave out the category of missing values."""
    kept, rare = (tuple(name for name in names if name != MISSING) for names in (found.kept, found.rare))
    return Categories(feature=found.feature, kept=kept, rare=rare)


def texts_in(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column as texts; whole numbers are written without a point."""
    column = frame[name]
    if column.dtype == pl.String:
        return column
    return column.fill_nan(None).cast(pl.Int64).cast(pl.String).fill_null(MISSING)
