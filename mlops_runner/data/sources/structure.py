"""The structure of delimited text: where records end and how many fields each has, without parsing a value.

Works on whole arrays of bytes and knows only RFC 4180: quotes around a field hide delimiters and line ends, and two
quotes inside stand for one. A short record becomes missing values in most parsers, hence the count of our own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUOTE, LINE_FEED, RETURN = 34, 10, 13
CHUNK = 1 << 24

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Records including the header, shape (records,): byte after which each ends, its fields, its first line."""

    ends: Positions
    fields: Positions
    lines: Positions


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the text stops being delimited text: a line (from 1) and what is wrong there."""

    line: int
    what: str
    hint: str


def scan(text: bytes, delimiter: str) -> Structure | Broken:
    """Find the records of non-empty text. The delimiter is one ASCII character."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = _positions(data, QUOTE) if b'"' in text else np.empty(0, dtype=np.int64)
    broken = _quoting(data, quotes, ord(delimiter)) or _lone_return(text, data, quotes)
    return broken or _records(data, quotes, ord(delimiter))


def line_of(data: NDArray[np.uint8], position: int) -> int:
    """Count lines from 1 up to a byte position."""
    return int(np.count_nonzero(data[:position] == LINE_FEED)) + 1


def _positions(data: NDArray[np.uint8], byte: int) -> Positions:
    found = [offset + np.flatnonzero(chunk == byte) for offset, chunk in _chunks(data)]
    return np.concatenate(found)


def _chunks(data: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    # Chunks bound the memory of the masks; positions of all delimiters of a large file would not fit.
    return ((offset, data[offset : offset + CHUNK]) for offset in range(0, len(data), CHUNK))


def _records(data: NDArray[np.uint8], quotes: Positions, delimiter: int) -> Structure:
    ends, marks_before, total = [], [], 0
    for offset, chunk in _chunks(data):
        marks = offset + np.flatnonzero((chunk == delimiter) | (chunk == LINE_FEED))
        if len(quotes):
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        breaks = np.flatnonzero(data[marks] == LINE_FEED)
        ends.append(marks[breaks])
        marks_before.append(total + breaks)
        total += len(marks)
    if data[-1] != LINE_FEED:
        ends.append(np.array([len(data)]))
        marks_before.append(np.array([total]))
    all_ends = np.concatenate(ends)
    # A record of n fields has n - 1 delimiters and its line end, so n marks.
    before = np.concatenate([np.array([-1]), *marks_before])
    return Structure(all_ends, before[1:] - before[:-1], _lines(data, quotes, all_ends))


def _lines(data: NDArray[np.uint8], quotes: Positions, ends: Positions) -> Positions:
    if not len(quotes):
        return np.arange(1, len(ends) + 1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    return np.searchsorted(_positions(data, LINE_FEED), starts) + 1


def _quoting(data: NDArray[np.uint8], quotes: Positions, delimiter: int) -> Broken | None:
    """Every opening quote must stand at the start of a field, every closing one at its end."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], LINE_FEED)
    after = np.where(closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], LINE_FEED)
    bad_opening = opening[~np.isin(before, (delimiter, LINE_FEED, QUOTE))]
    bad_closing = closing[~np.isin(after, (delimiter, LINE_FEED, RETURN, QUOTE))]
    unclosed = quotes[-1:] if len(quotes) % 2 else quotes[:0]
    first = min((int(found[0]) for found in (bad_opening, bad_closing, unclosed) if len(found)), default=None)
    if first is None:
        return None
    line = line_of(data, first)
    if len(bad_opening) and first == bad_opening[0]:
        return Broken(line, "a quote stands inside a field that does not start with one", 'write the field as "…""…"')
    if len(bad_closing) and first == bad_closing[0]:
        opened = line_of(data, int(opening[np.searchsorted(opening, first) - 1]))
        what = f"text follows a closing quote; the field was opened in line {opened}"
        return Broken(line, what, "close every quoted field, and double the quotes inside it")
    return Broken(line, "a quoted field is never closed", "close the quote")


def _lone_return(text: bytes, data: NDArray[np.uint8], quotes: Positions) -> Broken | None:
    if text.count(b"\r") == text.count(b"\r\n"):
        return None
    returns = _positions(data, RETURN)
    follower = np.where(returns + 1 < len(data), data[np.minimum(returns + 1, len(data) - 1)], 0)
    lone = returns[(follower != LINE_FEED) & (np.searchsorted(quotes, returns) % 2 == 0)]
    if not len(lone):
        return None
    return Broken(line_of(data, int(lone[0])), "a carriage return without line feed", "save the file with LF or CRLF")
