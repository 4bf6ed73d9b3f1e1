"""How features become columns of a matrix that is not too wide: which categories get a column, and how many words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.infer.values import Guess
from mlops_runner.data.table import Table

TRAIN = 0.6
# 320 MB of float64: what trains in minutes on a laptop.
CELLS = 40_000_000
WIDEST, NARROWEST = 1_000, 100
COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
MANY_ROWS = 500
FEW_OFTEN = 0.2
ROWS_A_MEAN = 2
MOST_TERMS = 300


@dataclass(frozen=True, slots=True)
class Encoding:
    """The smallest count of a category in training, the columns of the matrix, and categories too rare to be used.

    by_target: columns whose categories are many, but come again, so that the mean of the target says something of each.
    terms: the most words of a column of texts.
    """

    min_count: int
    width: int
    too_rare: Mapping[str, str]
    by_target: tuple[str, ...] = ()
    terms: int = 0


def plan_encoding(table: Table, features: Sequence[Guess], classes: int) -> Encoding:
    """Choose `min_count` so that the matrix fits, and find the texts of which hardly any value is frequent enough.

    classes: of the target, 0 where it is a number.
    """
    rows = table.height
    words = [g for g in features if "text" in g.tags]
    texts = {g.name: _counts(table, g) for g in features if g.facts.type in {"string", "bool"} and g not in words}
    numbers = len(features) - len(texts) - len(words)
    cells = int(CELLS / max(TRAIN * rows, 1))
    terms = min(MOST_TERMS, max(cells // (2 * len(words)), NARROWEST)) if words else 0
    numbers += terms * len(words)
    budget = max(min(WIDEST, cells) - numbers, NARROWEST)
    fewest = 1 if rows < MANY_ROWS else 5
    chosen = next((c for c in COUNTS if c >= fewest and _width(texts, c) <= budget), COUNTS[-1])
    rare = {name: _frequent(counts, chosen) / max(int(counts.sum()), 1) for name, counts in texts.items()}
    scarce = [name for name, share in rare.items() if share < FEW_OFTEN and len(texts[name]) > 1]
    by_target = tuple(name for name in scarce if TRAIN * texts[name].sum() >= ROWS_A_MEAN * len(texts[name]))
    too_rare = {
        name: f"{len(texts[name])} different values, and {1 - rare[name]:.0%} of the rows have a rare one: "
        "group them before a model can use them"
        for name in scarce
        if name not in by_target
    }
    kept = {name: counts for name, counts in texts.items() if name not in scarce}
    means = len(by_target) * (classes if classes > 2 else 1)
    return Encoding(chosen, numbers + means + _width(kept, chosen), too_rare, by_target, terms)


def _counts(table: Table, guess: Guess) -> NDArray[np.int64]:
    if guess.facts.values:
        return np.array([count for _, count in guess.facts.values], dtype=np.int64)
    column = pl.col(guess.name).drop_nulls()
    return (
        table.select(column.value_counts(name="\0count").struct.field("\0count"))["\0count"].to_numpy().astype(np.int64)
    )


def _width(texts: Mapping[str, NDArray[np.int64]], count: int) -> int:
    """Count the columns; a category with `count` training rows has about that many more in the file."""
    return sum(int((counts * TRAIN >= count).sum()) + 1 for counts in texts.values())


def _frequent(counts: NDArray[np.int64], count: int) -> int:
    return int(counts[counts * TRAIN >= count].sum())
