"""A 64-bit digest of the values of a row, the same in every release, on every machine, under every library version.

In words, so that anyone can compute it elsewhere (all numbers are unsigned, of 64 bits, and wrap around):

- `mix(x)`: x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9; x = (x ^ (x >> 27)) * 0x94D049BB133111EB; x ^ (x >> 31).
  It is the last step of SplitMix64 (Steele, Lea, Flood 2014, variant 13 of Stafford).
- `absorb(state, word)` is `mix((state ^ word) + 0x9E3779B97F4A7C15)`.
- A row starts as `absorb(0, seed)` and absorbs its values, column after column:
  a missing value as the word 2**64 - 1 followed by 0;
  a whole number, a truth value (0 or 1), a date (days since 1970-01-01) and a time (microseconds since the start of
  that day, in UTC) as the word 1 followed by the number in two's complement;
  a float that is a whole number of at most 53 bits as that whole number, any other float as 2 followed by its bits
  (IEEE 754);
  a text as 3 + 4 * (number of its UTF-8 bytes), followed by the bytes, eight to a word, the first byte lowest, the last
  word filled with zeros.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Words = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MISSING = np.uint64(2**64 - 1)
WHOLE, FRACTION, TEXT = np.uint64(1), np.uint64(2), 3
LARGEST_WHOLE = 2.0**53
# Rows whose texts are laid end to end at a time.
CHUNK = 1 << 18


def row_digests(columns: Sequence[pl.Series], seed: int = 0) -> Words:
    """Return the digest of every row, shape (rows,); the order of the columns matters, their names do not."""
    state = np.full(len(columns[0]), _absorb(np.zeros(1, np.uint64), np.uint64(seed))[0])
    for values in columns:
        state = _column(state, values)
    return state


def different(words: Words) -> Words:
    """Return the different words in their order; sorting is faster here than what numpy does to find them."""
    ordered: Words = np.sort(words)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[first])


def _column(state: Words, values: pl.Series) -> Words:
    dtype = values.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        texts = values.cast(pl.String)
        pieces = [_texts(state[at : at + CHUNK], texts.slice(at, CHUNK)) for at in range(0, len(texts), CHUNK)]
        return np.concatenate([state[:0], *pieces])
    if dtype.is_float():
        kinds, words = _floats(_filled(values.cast(pl.Float64)).to_numpy())
    else:
        words = _filled(_physical(values)).to_numpy().astype(np.int64).view(np.uint64)
        kinds = np.full(len(words), WHOLE)
    if values.null_count():
        missing = values.is_null().to_numpy()
        kinds, words = np.where(missing, MISSING, kinds), np.where(missing, np.uint64(0), words)
    return _absorb(_absorb(state, kinds), words)


def without_nan(values: pl.Series) -> pl.Series:
    """Return a column in which NaN is missing; a column without any is given back as it is."""
    # Expressions on a single column cost more than they do where columns come by the thousand.
    if not values.dtype.is_float() or not np.isnan(_filled(values).to_numpy()).any():
        return values
    return values.fill_nan(None)


def _filled(values: pl.Series) -> pl.Series:
    return values.fill_null(0) if values.null_count() else values


def _physical(values: pl.Series) -> pl.Series:
    in_micros = values.dt.cast_time_unit("us") if isinstance(values.dtype, pl.Datetime) else values
    return in_micros.cast(pl.Int64)


def _floats(values: NDArray[np.float64]) -> tuple[Words, Words]:
    """Return kind and word of every float, so that 3.0 and 3 are the same value; every NaN is the same one."""
    whole = (np.abs(values) <= LARGEST_WHOLE) & (np.trunc(values) == values)
    bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    numbers = np.where(whole, values, 0.0).astype(np.int64).view(np.uint64)
    return np.where(whole, WHOLE, FRACTION), np.where(whole, numbers, bits)


def _texts(state: Words, texts: pl.Series) -> Words:
    missing = texts.is_null().to_numpy()
    known = texts.fill_null("")
    lengths = known.str.len_bytes().to_numpy().astype(np.int64)
    state = _absorb(state, np.where(missing, MISSING, (lengths * 4 + TEXT).astype(np.uint64)))
    state[missing] = _absorb(state[missing], np.uint64(0))
    # Eight zero bytes let the last word of the last text be read as the others are.
    joined = np.frombuffer("".join(known.to_list()).encode("utf-8") + bytes(8), np.uint8)
    return _absorb_bytes(state, joined, np.cumsum(lengths) - lengths, lengths)


def _absorb_bytes(state: Words, joined: NDArray[np.uint8], starts: NDArray[np.int64], left: NDArray[np.int64]) -> Words:
    """Absorb texts that lie end to end, word by word; a text that has ended drops out."""
    words = np.lib.stride_tricks.sliding_window_view(joined, 8)
    rows = np.flatnonzero(left > 0)
    while len(rows):
        found = np.ascontiguousarray(words[starts[rows]]).view("<u8").reshape(-1).astype(np.uint64)
        state[rows] = _absorb(state[rows], found & _mask(left[rows]))
        starts[rows] += 8
        left[rows] -= 8
        rows = rows[left[rows] > 0]
    return state


def _mask(left: NDArray[np.int64]) -> Words:
    """Keep the bytes that belong to the text: the lowest `left` ones of a word."""
    bits = (8 * (8 - np.minimum(left, 8))).astype(np.uint64)
    return np.uint64(2**64 - 1) >> bits


def _absorb(state: Words, word: Words | np.uint64) -> Words:
    with np.errstate(over="ignore"):
        x = (state ^ word) + GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
