"""Which rows of two tables are the same ones: by a key, or by their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.row_digest import Words, different, row_digests, without_nan

Positions = NDArray[np.int64]

# Without a key, changed rows are recognised by the columns that did not change, if those tell most rows apart ...
MOST_ALIKE = 0.5
# ... and so many of the rows that differ find their counterpart.
FEWEST_FOUND = 0.5
KEPT = 0.98


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Positions of rows that only one side has, and of pairs of rows that are the same but differ in some values.

    cells: how many of the pairs differ, by column. moved: rows that are on another side of the split. reordered:
    whether all rows are there and the same, but in another order.
    """

    removed: Positions
    added: Positions
    changed_old: Positions
    changed_new: Positions
    cells: Mapping[str, int] = field(default_factory=dict)
    moved: int = 0
    reordered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one table: columns in an order that both tables have in common, and the side of every row."""

    columns: Sequence[pl.Series]
    sides: NDArray[np.int8]

    def digests(self) -> Words:
        """Digest every row: the sum over its columns, so that a column can be taken out again."""
        total = np.zeros(len(self.sides), np.uint64)
        for at, values in enumerate(self.columns):
            total += digests_of(values, at)
        return total

    def gather(self, positions: Positions) -> "Rows":
        """Return some of the rows."""
        return Rows([values.gather(positions) for values in self.columns], self.sides[positions])


def digests_of(values: pl.Series, at: int = 0) -> Words:
    """Digest the values of one column; `at` keeps equal values of different columns apart."""
    return row_digests([without_nan(values)], at)


def match_by_key(old: Rows, new: Rows, keys: tuple[Words, Words], names: Sequence[str]) -> Matching:
    """Match rows whose keys have the same digest; no digest may come twice on a side."""
    order = np.argsort(keys[1], kind="stable")
    ordered = keys[1][order]
    place = np.minimum(np.searchsorted(ordered, keys[0]), max(0, len(ordered) - 1))
    found = ordered[place] == keys[0] if len(ordered) else np.zeros(len(keys[0]), np.bool_)
    first, second = np.flatnonzero(found), order[place[found]]
    left = np.ones(len(keys[1]), np.bool_)
    left[second] = False
    differ = old.digests()[first] != new.digests()[second]
    moved = int(np.count_nonzero(old.sides[first] != new.sides[second]))
    pairs = first[differ], second[differ]
    removed, added = np.flatnonzero(~found), np.flatnonzero(left)
    return Matching(
        removed, added, *pairs, _cells(old.gather(pairs[0]), new.gather(pairs[1]), names), moved,
        _only_reordered(removed, added, pairs[0], second),
    )  # fmt: skip


def match_by_values(old: Rows, new: Rows, names: Sequence[str]) -> Matching:
    """Match rows with equal values, each once; then those that agree in all but the columns that changed."""
    digests = old.digests(), new.digests()
    with_side = [_mixed(one, rows.sides) for one, rows in zip(digests, (old, new), strict=True)]
    first, second = _paired(with_side[0], with_side[1])
    rest = _others(first, len(digests[0])), _others(second, len(digests[1]))
    moved_old, moved_new = _paired(digests[0][rest[0]], digests[1][rest[1]])
    left = np.delete(rest[0], moved_old), np.delete(rest[1], moved_new)
    pairs, cells = _changed(old.gather(left[0]), new.gather(left[1]), names)
    changed = left[0][pairs[0]], left[1][pairs[1]]
    removed, added = np.delete(left[0], pairs[0]), np.delete(left[1], pairs[1])
    reordered = not (len(left[0]) or len(left[1]) or len(moved_old)) and not np.array_equal(*digests)
    return Matching(np.sort(removed), np.sort(added), *changed, cells, len(moved_old), reordered)


def shared(old: Words, new: Words) -> int:
    """Count the values that both have, each as often as the side that has it less often."""
    return len(_paired(old, new)[0])


def _only_reordered(removed: Positions, added: Positions, changed: Positions, order: Positions) -> bool:
    return not (len(removed) or len(added) or len(changed)) and bool((np.diff(order) < 0).any())


def _mixed(digests: Words, sides: NDArray[np.int8]) -> Words:
    return row_digests([pl.Series(digests.view(np.int64)), pl.Series(sides)])


def _others(positions: Positions, rows: int) -> Positions:
    left = np.ones(rows, np.bool_)
    left[positions] = False
    return np.flatnonzero(left)


def _paired(old: Words, new: Words) -> tuple[Positions, Positions]:
    """Pair equal digests, the first with the first, as many as both sides have; positions of either side."""
    orders = np.argsort(old, kind="stable"), np.argsort(new, kind="stable")
    ordered = old[orders[0]], new[orders[1]]
    start = np.searchsorted(ordered[0], ordered[0], side="left")
    rank = np.arange(len(old)) - start
    place = np.searchsorted(ordered[1], ordered[0], side="left") + rank
    inside = place < np.searchsorted(ordered[1], ordered[0], side="right")
    return orders[0][inside], orders[1][place[inside]]


def _changed(old: Rows, new: Rows, names: Sequence[str]) -> tuple[tuple[Positions, Positions], dict[str, int]]:
    """Pair rows that agree in all but a few columns: those columns whose values are not the same on both sides."""
    nothing = np.zeros(0, np.int64)
    fewer = min(len(old.sides), len(new.sides))
    if not fewer or len(names) < 2:
        return (nothing, nothing), {}
    digests = [
        (digests_of(a, at), digests_of(b, at)) for at, (a, b) in enumerate(zip(old.columns, new.columns, strict=True))
    ]
    overlap = [shared(*pair) / fewer for pair in digests]
    ignored = sorted((at for at, share in enumerate(overlap) if share < 1), key=lambda at: -overlap[at])
    ignored = ignored or _permuted(digests)
    found = shared(*_without(digests, ignored))
    for at in ignored.copy():
        fewer_ignored = [other for other in ignored if other != at]
        if shared(*_without(digests, fewer_ignored)) >= KEPT * found:
            ignored = fewer_ignored
    keys = _without(digests, ignored)
    pairs = _paired(*keys)
    told_apart = len(different(keys[0])) > MOST_ALIKE * len(keys[0])
    if not ignored or not told_apart or len(pairs[0]) < FEWEST_FOUND * fewer:
        return (nothing, nothing), {}
    return pairs, _cells(old.gather(pairs[0]), new.gather(pairs[1]), names)


def _permuted(digests: Sequence[tuple[Words, Words]]) -> list[int]:
    """Return the column without which most rows agree: all its values are there, but in other rows."""
    return [max(range(len(digests)), key=lambda at: shared(*_without(digests, [at])))]


def _without(digests: Sequence[tuple[Words, Words]], ignored: Sequence[int]) -> tuple[Words, Words]:
    first, second = np.zeros(len(digests[0][0]), np.uint64), np.zeros(len(digests[0][1]), np.uint64)
    for at, (a, b) in enumerate(digests):
        if at not in ignored:
            first, second = first + a, second + b
    return first, second


def _cells(old: Rows, new: Rows, names: Sequence[str]) -> dict[str, int]:
    """Count, for paired rows, the values that differ by column; two missing values are the same."""
    counts = {
        name: int(without_nan(a).ne_missing(without_nan(b)).sum())
        for name, a, b in zip(names, old.columns, new.columns, strict=True)
    }
    return {name: count for name, count in counts.items() if count}
