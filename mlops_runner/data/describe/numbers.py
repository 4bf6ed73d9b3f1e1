"""The distribution of numbers: some of their values as edges, and how many rows are at and between them."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.describe.distinct import Distinct
from mlops_runner.digest import Json

Ordered = NDArray[Any]

DIGITS = 9


@dataclass(slots=True)
class Numbers:
    """Describes numbers in two passes over sorted batches, shape (known rows,) each: `look`, `settle`, `count`.

    A column with at most `most_edges` different values has all of them as edges. Otherwise the edges are the lower
    quantiles of the rows, or of every `stride`-th row of each sorted batch. An edge with a single row of its own is
    rounded to nine digits; the counts are exact for the edges as they are written.
    """

    most_edges: int
    stride: int = 1
    _sample: list[Ordered] = field(default_factory=list)
    _means: list[tuple[int, float]] = field(default_factory=list)
    _edges: Ordered = field(default_factory=lambda: np.empty(0))
    _at: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _between: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _squares: list[float] = field(default_factory=list)
    _mean: float = 0.0
    _low: float = 0.0
    _high: float = 0.0
    _unique: list[int] = field(default_factory=list)
    _distinct: Distinct = field(default_factory=Distinct)

    def look(self, ordered: Ordered) -> None:
        """See a batch for the first time."""
        low, high = ordered[0], ordered[-1]
        self._low, self._high = (min(self._low, low), max(self._high, high)) if self._means else (low, high)
        scale = _scale(low, high)
        self._means.append((len(ordered), float((ordered / scale).mean()) * scale))
        self._sample.append(ordered[:: self.stride])
        if self.stride > 1:
            self._sample.append(ordered[-1:])

    def settle(self) -> None:
        """Choose the edges."""
        sample = self._sample[0] if len(self._sample) == 1 else np.sort(np.concatenate(self._sample))
        rows = sum(count for count, _ in self._means)
        self._mean = sum(count / rows * mean for count, mean in self._means)
        self._edges = _edges(sample, self.most_edges)
        self._at, self._between = np.zeros(len(self._edges), np.int64), np.zeros(len(self._edges) - 1, np.int64)
        self._sample.clear()

    def count(self, ordered: Ordered) -> None:
        """See a batch for the second time."""
        left = np.searchsorted(ordered, self._edges, side="left")
        right = np.searchsorted(ordered, self._edges, side="right")
        self._at += right - left
        self._between += left[1:] - right[:-1]
        scale = _scale(self._low, self._high)
        self._squares.append(float(np.square(ordered / scale - self._mean / scale).sum()))
        different = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
        self._unique.append(len(different))
        if len(self._means) > 1:
            self._distinct.add(pl.Series(different))

    def unique(self) -> tuple[int, bool]:
        """Return how many different values there are, and whether that is exact."""
        return (self._unique[0], True) if len(self._unique) == 1 else (self._distinct.count(), self._distinct.exact)

    def moments(self) -> dict[str, Json]:
        """Return the mean and the standard deviation (n - 1)."""
        rows = sum(count for count, _ in self._means)
        spread = math.sqrt(math.fsum(self._squares) / (rows - 1)) * _scale(self._low, self._high) if rows > 1 else 0.0
        return {"mean": _finite(self._mean), "std": _finite(spread)}

    def distribution(self) -> tuple[list[float | int], dict[str, Json]]:
        """Return the edges, the rows at each edge and the rows between each edge and the next."""
        return self._edges.tolist(), {"at": self._at.tolist(), "between": self._between.tolist()}


def _edges(ordered: Ordered, most: int) -> Ordered:
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    if len(first) <= most:
        return ordered[first]
    edges = np.unique(ordered[np.arange(most) * (len(ordered) - 1) // (most - 1)])
    if edges.dtype.kind != "f":
        return edges
    rows = np.searchsorted(ordered, edges, side="right") - np.searchsorted(ordered, edges, side="left")
    rounded = [
        value if many > 1 else float(f"{value:.{DIGITS}g}") for value, many in zip(edges.tolist(), rows, strict=True)
    ]
    inner = np.clip(rounded, edges[0], edges[-1])
    return np.unique(np.concatenate((edges[:1], inner[1:-1], edges[-1:])))


def _scale(low: float, high: float) -> float:
    """Return what to divide by before squaring: squares of large floats overflow."""
    return max(abs(float(low)), abs(float(high))) or 1.0


def _finite(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
