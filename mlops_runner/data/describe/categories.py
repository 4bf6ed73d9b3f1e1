"""The distribution of words: how many rows each of the most frequent ones has, and how long texts are."""

import math
from dataclasses import dataclass, field

import polars as pl

from mlops_runner.data.describe.distinct import Distinct
from mlops_runner.digest import Json

DIGITS = 9
# Values with a single row are listed up to here; they say little about what the next rows will be.
SINGLES = 50
LONGEST = 200
# Candidates for the most frequent values that are kept from batch to batch, for each that is listed.
CANDIDATES = 4


@dataclass(slots=True)
class Categories:
    """Describes words in two passes over the counted values of batches: `look`, `settle`, `count`.

    A batch is a frame (value, count). With one batch all counts are exact; with several, the counts of the listed
    values are, and the listed ones are the most frequent among the most frequent of each batch. Texts longer than 200
    characters are never listed.
    """

    most: int
    _candidates: list[pl.DataFrame] = field(default_factory=list)
    _listed: pl.DataFrame = field(default_factory=pl.DataFrame)
    _counts: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0
    _batches: int = 0
    _different: int = 0
    _distinct: Distinct = field(default_factory=Distinct)
    _lengths: list[tuple[int, int, int, int, int]] = field(default_factory=list)

    def look(self, counted: pl.DataFrame) -> None:
        """See a batch for the first time."""
        self._batches += 1
        self._candidates.append(_frequent(_short(counted), CANDIDATES * self.most))

    def settle(self) -> None:
        """Choose the values whose rows are counted."""
        merged = pl.concat(self._candidates).group_by("value").agg(pl.col("count").sum())
        self._listed = _frequent(merged, CANDIDATES * self.most).select("value")
        self._candidates.clear()

    def count(self, counted: pl.DataFrame) -> None:
        """See a batch for the second time."""
        self._rows += int(counted["count"].sum())
        self._counts.append(self._listed.join(counted, on="value", how="inner"))
        self._different = len(counted)
        if self._batches > 1:
            self._distinct.add(counted["value"])
        if counted.schema["value"] == pl.String:
            self._lengths.append(_lengths(counted))

    def unique(self) -> tuple[int, bool]:
        """Return how many different values there are, and whether that is exact."""
        return (self._different, True) if self._batches == 1 else (self._distinct.count(), self._distinct.exact)

    def distribution(self) -> dict[str, Json]:
        """Return the most frequent values, ties in their order, and how many rows have `other` ones."""
        merged = pl.concat(self._counts).group_by("value").agg(pl.col("count").sum())
        top = _frequent(merged, self.most)
        singles = top.filter(pl.col("count") == 1)
        top = top.filter(pl.col("count") > 1).extend(singles.head(max(0, SINGLES - (len(top) - len(singles)))))
        listed: list[Json] = [{"value": value, "count": count} for value, count in top.iter_rows()]
        return {"categories": listed, "other": self._rows - int(top["count"].sum())}

    def lengths(self) -> dict[str, Json]:
        """Return what is known of the lengths of texts, in characters; nothing for other values."""
        if not self._lengths:
            return {}
        rows, total, squares = (sum(batch[at] for batch in self._lengths) for at in range(3))
        # Whole numbers up to the root, so that no rounding has to agree elsewhere.
        variance = max(0, rows * squares - total * total) / (rows * (rows - 1)) if rows > 1 else 0.0
        found: dict[str, Json] = {
            "min": min(batch[3] for batch in self._lengths),
            "max": max(batch[4] for batch in self._lengths),
            "mean": float(f"{total / rows:.{DIGITS}g}"),
            "std": float(f"{math.sqrt(variance):.{DIGITS}g}"),
        }
        return {"lengths": found}


def count_values(known: pl.Series) -> pl.DataFrame:
    """Count the values of a batch: a frame (value, count) with Int64 counts, in no order."""
    return known.rename("value").value_counts(name="count").cast({"count": pl.Int64})


def _frequent(counted: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the values with the highest counts, ties in the order of the values."""
    if len(counted) > most:
        least = counted["count"].top_k(most).min()
        above = counted.filter(pl.col("count") > least)
        # Where most values have one row each, sorting all that tie would cost more than everything else.
        ties = counted.filter(pl.col("count") == least).bottom_k(most - len(above), by="value")
        counted = above.vstack(ties)
    return counted.sort(["count", "value"], descending=[True, False])


def _short(counted: pl.DataFrame) -> pl.DataFrame:
    if counted.schema["value"] != pl.String:
        return counted
    return counted.filter(pl.col("value").str.len_chars() <= LONGEST)


def _lengths(counted: pl.DataFrame) -> tuple[int, int, int, int, int]:
    """Return rows, sum of lengths, sum of squares, shortest and longest."""
    length = pl.col("value").str.len_chars().cast(pl.Int64)
    of = pl.col("count")
    sums = (of.sum(), (length * of).sum(), (length * length * of).sum())
    row = counted.select(*(value.alias(str(at)) for at, value in enumerate((*sums, length.min(), length.max())))).row(0)
    return row[0], row[1], row[2], row[3], row[4]
