"""Rows drawn at random, exact under a seed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]
Codes = NDArray[np.int32]
Sides = NDArray[np.int8]
Keys = NDArray[np.uint64]

CHUNK = 1 << 20
# Cells of the counts by class and bucket.
MOST_CELLS = 1 << 22


def shuffled(count: int, seed: int) -> Order:
    """Return a permutation of the rows."""
    # The bit generator is named, because numpy may change its default one.
    return np.random.Generator(np.random.PCG64(seed)).permutation(count)


def random_order(count: int, *seeds: int) -> Order:
    """Return a permutation of the rows: their order by the raw words of PCG64, equal ones by position."""
    return np.argsort(np.random.PCG64(np.random.SeedSequence(seeds)).random_raw(count), kind="stable")


def draw_sides(codes: Codes | None, sizes: NDArray[np.int64], rows: int, seed: int) -> Sides:
    """Give every row a side so that class c has sizes[c, side] rows on each; shape (rows,).

    Every row gets a raw word of PCG64; in each class the rows with the smallest words go to the first side, and so
    on, equal words by position. Words are made twice instead of kept: besides the sides and the codes, memory holds
    the counts of the words' buckets, and the few words whose bucket is divided. `codes` is None for a single class.
    """
    borders = np.cumsum(sizes, axis=1)[:, :-1]
    bits = max(0, (MOST_CELLS // len(sizes)).bit_length() - 1)
    counts = np.zeros((len(sizes), 1 << bits), np.int64)
    for _, of_class, keys in _chunks(codes, rows, seed):
        cells = of_class.astype(np.int64) << bits | _buckets(keys, bits)
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    below = np.cumsum(counts, axis=1)
    # The bucket in which each border falls, and how many of its rows are below the border.
    cut = np.stack([np.count_nonzero(below <= border[:, None], axis=1) for border in borders.T], axis=1)
    before = np.pad(below, ((0, 0), (1, 0)))
    part = borders - np.take_along_axis(before, cut, axis=1)
    return _sides(codes, rows, seed, (bits, cut, part))


def _sides(codes: Codes | None, rows: int, seed: int, borders: tuple[int, Order, Order]) -> Sides:
    bits, cut, part = borders
    sides = np.empty(rows, np.int8)
    divided: list[tuple[Order, Codes, Keys]] = []
    for at, of_class, keys in _chunks(codes, rows, seed):
        bucket = _buckets(keys, bits)
        of_row = cut[of_class]
        sides[at : at + len(keys)] = np.count_nonzero(bucket[:, None] > of_row, axis=1)
        here = np.flatnonzero((bucket[:, None] == of_row).any(axis=1))
        divided.append((at + here, of_class[here], keys[here]))
    place, of_class, keys = (np.concatenate(parts) for parts in zip(*divided, strict=True))
    order = np.lexsort((place, keys, of_class))
    place, of_class, bucket = place[order], of_class[order], _buckets(keys[order], bits)
    starts = np.flatnonzero(np.diff(of_class, prepend=-1) | np.diff(bucket, prepend=-1))
    rank = np.arange(len(place)) - np.repeat(starts, np.diff(starts, append=len(place)))
    of_row = cut[of_class]
    late = (bucket[:, None] > of_row) | (bucket[:, None] == of_row) & (rank[:, None] >= part[of_class])
    sides[place] = np.count_nonzero(late, axis=1)
    return sides


def _chunks(codes: Codes | None, rows: int, seed: int) -> Iterator[tuple[int, Codes, Keys]]:
    words = np.random.PCG64(seed)
    for at in range(0, rows, CHUNK):
        count = min(CHUNK, rows - at)
        of_class = np.zeros(count, np.int32) if codes is None else codes[at : at + count]
        yield at, of_class, words.random_raw(count)


def _buckets(keys: Keys, bits: int) -> Order:
    return (keys >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(keys), np.int64)
