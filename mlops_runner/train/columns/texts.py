"""Texts: TF-IDF of the terms that most training rows use, each row of length 1 (as scikit-learn's TfidfVectorizer)."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.specs.base import Part
from mlops_runner.specs.training_preprocessing import TextPreprocessing
from mlops_runner.train.features import MISSING, Output

WORD = r"\b\w\w+\b"


class Texts(Part):
    """The terms of one column, sorted, and how much each says: ln((1 + rows) / (1 + rows with the term)) + 1."""

    kind: Literal["text"] = "text"
    feature: str
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    words: int

    def outputs(self) -> Iterator[Output]:
        """Name the columns that come out."""
        yield from (Output(f"{self.feature}~{term}", self.feature) for term in self.terms)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, terms); a text without a known term, or a missing one, is all 0."""
        x = np.zeros((frame.height, len(self.terms)))
        places = pl.DataFrame({"term": self.terms, "place": range(len(self.terms))}, {"term": pl.String, "place": int})
        # Sorted: sums in another order end in other digits.
        found = _counted(frame[self.feature], self.words).join(places, on="term").sort("row", "place")
        row, place = found["row"].to_numpy(), found["place"].to_numpy()
        values = found["count"].to_numpy() * np.array(self.idf)[place]
        length = np.sqrt(np.bincount(row, weights=values * values, minlength=frame.height))
        x[row, place] = values / length[row]
        return x


def fit_texts(feature: str, parts: Iterable[pl.Series], spec: TextPreprocessing) -> Texts:
    """Choose the terms from the training rows: the most frequent ones, in case of doubt the first by alphabet.

    parts: the texts of all rows, in one piece or in several.
    """
    counts, height = pl.DataFrame(schema={"term": pl.String, "rows": pl.Int64, "times": pl.Int64}), 0
    for texts in parts:
        found = _counted(texts, spec.words).group_by("term").agg(rows=pl.len(), times=pl.col("count").sum())
        counts = pl.concat([counts, found.cast(counts.schema)]).group_by("term").sum()
        height += len(texts)
    frequent = counts.filter(pl.col("rows") >= spec.min_count).sort("times", "term", descending=[True, False])
    chosen = dict(frequent.head(spec.max_terms).sort("term").select("term", "rows").iter_rows())
    idf = tuple(math.log((1 + height) / (1 + rows)) + 1 for rows in chosen.values())
    return Texts(feature=feature, terms=tuple(chosen), idf=idf, words=spec.words)


def _counted(texts: pl.Series, words: int) -> pl.DataFrame:
    """Return row, term, count."""
    known = texts.replace({MISSING: None}).str.to_lowercase().str.extract_all(WORD)
    single = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "term": known}).explode("term").drop_nulls()
    longer = [_joined(single, length) for length in range(2, words + 1)]
    return pl.concat([single, *longer]).group_by("row", "term").agg(count=pl.len())


def _joined(single: pl.DataFrame, length: int) -> pl.DataFrame:
    """Return the terms of `length` words that follow each other in a row."""
    following = [pl.col("term").shift(-step) for step in range(length)]
    inside = pl.col("row").shift(1 - length) == pl.col("row")
    return single.select("row", pl.concat_str(following, separator=" ").alias("term"), inside=inside).filter(
        pl.col("inside")
    ).select("row", "term")  # fmt: skip
