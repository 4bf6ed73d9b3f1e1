"""How wide one-hot encoding makes the matrix, and from which count on a category deserves a column of its own."""

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


@dataclass(frozen=True, slots=True)
class Encoding:
    """The smallest count of a category in training, the columns of the matrix, and categories too rare to be used."""

    min_count: int
    width: int
    too_rare: Mapping[str, str]


def plan_encoding(table: Table, features: Sequence[Guess]) -> Encoding:
    """Choose `min_count` so that the matrix fits, and find the texts of which hardly any value is frequent enough."""
    rows = table.height
    texts = {g.name: _counts(table, g) for g in features if g.facts.type in {"string", "bool"}}
    numbers = len(features) - len(texts)
    budget = max(min(WIDEST, int(CELLS / max(TRAIN * rows, 1))) - numbers, NARROWEST)
    fewest = 1 if rows < MANY_ROWS else 5
    chosen = next((c for c in COUNTS if c >= fewest and _width(texts, c) <= budget), COUNTS[-1])
    rare = {name: _frequent(counts, chosen) / max(int(counts.sum()), 1) for name, counts in texts.items()}
    too_rare = {
        name: f"{len(texts[name])} different values, and {1 - share:.0%} of the rows have a rare one: "
        "group them before a model can use them"
        for name, share in rare.items()
        if share < FEW_OFTEN and len(texts[name]) > 1
    }
    kept = {name: counts for name, counts in texts.items() if name not in too_rare}
    return Encoding(chosen, numbers + _width(kept, chosen), too_rare)


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
