"""How much of the target one feature alone gives away: 0 nothing, 1 everything. Pure.

Rows are put into cells by the feature. For a target of classes the measure is Goodman and Kruskal's lambda, the share
of the wrong guesses that knowing the cell avoids; for numbers it is eta squared of the target's ranks, the share of
their variance that lies between cells. Both are leave-one-out: a row is guessed from the others of its cell, so that a
feature with another value in every row explains nothing. A missing feature is a cell of its own.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

# More distinct whole numbers are taken for amounts.
MOST_CLASSES = 32
FEWEST_PER_VALUE = 5
MOST_CELLS, MOST_CELLS_PER_CLASS = 1024, 32
FEWEST_PER_CELL, FEWEST_PER_CLASS_CELL = 3, 5
CELL, COUNT = "\0cell", "\0count"


def association(feature: pl.Series, target: pl.Series) -> float:
    """Return the association of two columns of equal length, none of the target's values missing, not all equal."""
    if _is_classes(target):
        return _avoided(_cells(feature, target), target)
    ranks = target.rank().to_numpy()
    return _explained(_cells(feature, None), ranks)


def _is_classes(target: pl.Series) -> bool:
    return target.dtype in (pl.String, pl.Boolean) or (target.dtype.is_integer() and target.n_unique() <= MOST_CLASSES)


def _cells(feature: pl.Series, classes: pl.Series | None) -> pl.Series:
    """Number the cells of a feature: its values, or ranges where nearly every row has a value of its own."""
    if feature.dtype in (pl.String, pl.Boolean) or feature.n_unique() * FEWEST_PER_VALUE <= len(feature):
        return feature
    values = feature.to_physical().cast(pl.Float64)
    known = values.is_not_null()
    if classes is None:
        edges = _starts(values.filter(known), MOST_CELLS, FEWEST_PER_CELL)
    else:
        # Each class has edges of its own: a value that parts two classes is one, however rare one of them is.
        counted = classes.alias("class").value_counts(name=COUNT).sort([COUNT, "class"], descending=[True, False])
        parts = [values.filter((classes == one) & known) for one in counted["class"].head(MOST_CLASSES)]
        edges = np.unique(np.concatenate([_starts(p, MOST_CELLS_PER_CLASS, FEWEST_PER_CLASS_CELL) for p in parts]))
    codes = np.searchsorted(edges, values.fill_null(0.0).to_numpy(), side="right")
    return pl.Series(codes).set(~known, None)


def _starts(values: pl.Series, most: int, fewest: int) -> NDArray[np.float64]:
    """Return where each of up to `most` equal parts of the sorted values begins; a part has `fewest` rows or more."""
    ordered = np.sort(values.to_numpy())
    count = min(most, max(1, len(ordered) // fewest))
    return np.unique(ordered[np.arange(count) * len(ordered) // count]) if len(ordered) else ordered


def _avoided(cells: pl.Series, classes: pl.Series) -> float:
    """Return lambda: guessing the class of a row as the most frequent one among the others of its cell."""
    counts = pl.DataFrame({CELL: cells, "class": classes}).group_by(CELL, "class").agg(pl.len().alias(COUNT))
    ordered = pl.col(COUNT).sort(descending=True)
    best = counts.group_by(CELL).agg(ordered.first().alias("most"), ordered.get(1, null_on_oob=True).alias("next"))
    # Without the row itself its class must still be ahead of the next one.
    right = best.filter(pl.col("most").cast(pl.Int64) - 1 > pl.col("next").fill_null(0).cast(pl.Int64))["most"].sum()
    rows, base = len(classes), int(counts.group_by("class").agg(pl.col(COUNT).sum())[COUNT].max())  # type: ignore[arg-type]
    return max(0.0, (int(right) - base) / (rows - base))


def _explained(cells: pl.Series, ranks: NDArray[np.float64]) -> float:
    """Return eta squared: guessing the rank of a row as the mean of the others of its cell."""
    codes = cells.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    centred = ranks - ranks.mean()
    sizes = np.bincount(codes)
    means = np.bincount(codes, centred) / np.maximum(sizes, 1)
    size = sizes[codes]
    # A row that is alone in its cell is guessed as the mean of all.
    inflation = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0)
    missed = np.where(size > 1, centred - means[codes], centred) * inflation
    return max(0.0, 1.0 - float(np.square(missed).sum()) / float(np.square(centred).sum()))
