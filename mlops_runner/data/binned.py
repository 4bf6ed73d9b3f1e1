"""A distribution as a profile keeps it: values as edges, the rows at each, and the rows between neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DECILES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """edges, at: shape (n,); between: shape (n - 1,). Edges ascend; rows between two of them are taken as even."""

    edges: Floats
    at: Floats
    between: Floats

    @property
    def rows(self) -> float:
        """All rows."""
        return float(self.at.sum() + self.between.sum())

    def below(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the shares of rows below, and at or below, each of the points; shape (points,) each."""
        inner = np.append(self.between, 0.0)
        upto = np.cumsum(self.at + np.concatenate(([0.0], self.between)))
        place = np.searchsorted(self.edges, points, side="right") - 1
        here = np.maximum(place, 0)
        start = self.edges[here]
        width = np.append(np.diff(self.edges), 1.0)[here]
        part = np.clip((points - start) / width, 0.0, 1.0)
        most = np.where(place < 0, 0.0, upto[here] + inner[here] * part)
        own = (place >= 0) & (start == points)
        return (most - np.where(own, self.at[here], 0.0)) / self.rows, most / self.rows


def binned(entry: Mapping[str, Any]) -> Binned | None:
    """Read a column's entry of a profile; None when it has no edges. Dates count in microseconds.

    Entries of version 1 count from each edge (inclusive) to the next, without the rows at the edge.
    """
    if not entry.get("edges"):
        return None
    edges = np.array([_number(edge) for edge in entry["edges"]], np.float64)
    if "counts" in entry:
        between = np.array(entry["counts"], np.float64)
        alone = np.array([float(len(edges) == 1)]) * entry["counts"][-1:] if len(edges) == 1 else np.zeros(len(edges))
        return _strict(edges, np.asarray(alone, np.float64), between)
    return _strict(edges, np.array(entry["at"], np.float64), np.array(entry["between"], np.float64))


def _number(edge: Any) -> float:
    if isinstance(edge, str):
        return datetime.fromisoformat(edge).replace(tzinfo=UTC).timestamp() * 1e6
    return float(edge)


def _strict(edges: Floats, at: Floats, between: Floats) -> Binned:
    """Join edges that are one as floats (large whole numbers, repeated quantiles)."""
    kept, group = np.unique(edges, return_inverse=True)
    together = np.zeros(len(kept))
    np.add.at(together, group, at)
    inner = np.zeros(max(0, len(kept) - 1))
    apart = group[1:] != group[:-1]
    np.add.at(inner, group[:-1][apart], between[: len(apart)][apart])
    np.add.at(together, group[1:][~apart], between[: len(apart)][~apart])
    return Binned(kept, together, inner)


def largest_gap(old: Binned, new: Binned) -> float:
    """Return the Kolmogorov-Smirnov distance, looked for at the edges of both sides: exact where both know a value."""
    points = np.union1d(old.edges, new.edges)
    gaps = [np.abs(a - b).max() for a, b in zip(old.below(points), new.below(points), strict=True)]
    return float(max(gaps))


def cells(old: Binned, new: Binned) -> Floats:
    """Return the shares of both sides in the deciles of the old one, shape (2, bins); equal deciles are one bin."""
    _, upto = old.below(old.edges)
    wanted = np.arange(1, DECILES) / DECILES
    borders = np.unique(old.edges[np.minimum(np.searchsorted(upto, wanted - 1e-12), len(upto) - 1)])
    shares = [np.diff(np.concatenate(([0.0], side.below(borders)[1], [1.0]))) for side in (old, new)]
    return np.array(np.maximum(shares, 0.0))


def wasserstein(old: Binned, new: Binned) -> float:
    """Return the area between the two distribution functions, in the unit of the column."""
    points = np.union1d(old.edges, new.edges)
    (old_below, old_upto), (new_below, new_upto) = old.below(points), new.below(points)
    start, end = (old_upto - new_upto)[:-1], (old_below - new_below)[1:]
    size = np.abs(start) + np.abs(end)
    crossing = start * end < 0
    mean = np.where(crossing, (np.square(start) + np.square(end)) / np.maximum(2 * size, 1e-300), size / 2)
    return float((mean * np.diff(points)).sum())
