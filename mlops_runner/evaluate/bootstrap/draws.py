"""Which rows a resample holds, and how often: counts per row, drawn by arithmetic of our own from a named generator."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlops_runner.evaluate.values import Integers

Raw: TypeAlias = NDArray[np.uint64]
Halves: TypeAlias = NDArray[np.uint32]

# Counts of this many rows at a time stay in a processor's cache.
BLOCK_CELLS = 131_072
KEPT_BYTES = 31 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What is drawn with replacement.

    strata: arrays of row numbers (or of cluster numbers) that are drawn from on their own, each as often as it is long.
    clusters: shape (rows,), the cluster of each row, when clusters are drawn instead of rows; numbered from 0.
    block: how many units that follow each other are drawn together; then there is one stratum, in their order.
    """

    strata: tuple[Integers, ...]
    clusters: Integers | None = None
    block: int = 1

    @property
    def size(self) -> int:
        """How many units there are."""
        return sum(len(stratum) for stratum in self.strata)


def draw(units: Units, resamples: int, seed: tuple[int, ...]) -> Iterator[Integers]:
    """Yield counts per row, shaped (resamples of the block, rows), until all resamples are drawn.

    The numbers come from PCG64's raw stream, whose bits NumPy keeps the same in every version. Half a raw number times
    the number of units, without the lower half, gives the unit (Lemire 2019, without rejection: with a million
    units, none is drawn more than 0.03 % too often). How many resamples stand in a block changes nothing.
    """
    # glibc keeps memory up to the size of the largest mapping that was freed, instead of giving it back and asking for
    # it again with every array of a block, which took as long as the sums. Nothing is written here, so nothing is used.
    np.empty(KEPT_BYTES, dtype=np.uint8)
    generator = np.random.PCG64(np.random.SeedSequence(seed))
    columns = units.size if units.clusters is None else max(units.size, len(units.clusters))
    at_once = min(resamples, max(1, BLOCK_CELLS // max(columns, 1)))
    room = np.empty((at_once, units.size), dtype=np.uint64)
    for first in range(0, resamples, at_once):
        drawn = room[: resamples - first]
        counts = _counts(units, drawn, generator) if units.block == 1 else _block_counts(units, len(drawn), generator)
        yield counts if units.clusters is None else counts.take(units.clusters, axis=1)


def _counts(units: Units, drawn: Raw, generator: np.random.PCG64) -> Integers:
    """Draw into `drawn`, a number below the size of its stratum in every cell, and count."""
    halves = _halves(generator, *drawn.shape)
    counts, start = [], 0
    for stratum in units.strata:
        cells = slice(start, start + len(stratum))
        np.multiply(halves[:, cells], np.uint64(len(stratum)), out=drawn[:, cells])
        drawn[:, cells] >>= np.uint64(32)
        counts.append(_tally(drawn[:, cells].view(np.int64), len(stratum)))
        start += len(stratum)
    if len(counts) == 1:
        return counts[0]
    joined = np.empty(drawn.shape, dtype=np.int64)
    joined[:, np.concatenate(units.strata)] = np.concatenate(counts, axis=1)
    return joined


def _block_counts(units: Units, resamples: int, generator: np.random.PCG64) -> Integers:
    """Draw blocks instead of units, the first unit following the last, and count units (Politis and Romano 1992).

    On the circle every unit is as likely as any other. So many blocks are drawn as cover all units.
    """
    size, length = units.size, units.block
    halves = _halves(generator, resamples, -(-size // length))
    first = ((halves.astype(np.uint64) * np.uint64(size)) >> np.uint64(32)).view(np.int64)
    begun = _tally(first, size)
    # A unit stands in the blocks that begin at it, and at the units before it that a block reaches back to.
    around = np.concatenate([begun[:, size - length + 1 :], begun], axis=1)
    upto = np.cumsum(np.pad(around, ((0, 0), (1, 0))), axis=1)
    return np.asarray(upto[:, length:] - upto[:, :-length])


def _halves(generator: np.random.PCG64, resamples: int, size: int) -> Halves:
    """Return a number of 32 bits per draw. Every resample takes whole raw numbers, so that blocks do not matter."""
    raw = (size + 1) // 2
    stream = np.asarray(generator.random_raw(resamples * raw), dtype="<u8")
    return stream.view("<u4").reshape(resamples, 2 * raw)[:, :size]


def _tally(drawn: Integers, size: int) -> Integers:
    """Count per row of `drawn` how often each number below `size` occurs."""
    if len(drawn) == 1:
        return np.bincount(drawn[0], minlength=size)[None, :]
    offsets = np.arange(len(drawn), dtype=np.int64)[:, None] * size
    return np.bincount((drawn + offsets).ravel(), minlength=len(drawn) * size).reshape(len(drawn), size)
