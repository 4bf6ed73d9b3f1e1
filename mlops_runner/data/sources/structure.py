"""The structure of delimited text: where records end and how many fields each has, without parsing a value.

Works on whole arrays of bytes and knows only RFC 4180: quotes around a field hide delimiters and line ends, and two
quotes inside stand for one. A short record becomes missing values in most parsers, hence the count of our own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LINE_FEED, RETURN, SPACE, TAB = 10, 13, 32, 9
# The masks of a chunk stay in the processor's cache.
CHUNK = 1 << 20

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Marks:
    """The bytes that structure a text: the delimiter, and the quotation mark if there is one."""

    delimiter: int
    quote: int | None = 34


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


def scan(text: bytes, marks: Marks) -> Structure | Broken:
    """Find the records of non-empty text."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = quotes_of(text, marks)
    broken = _quoting(data, quotes, marks) or _lone_return(text, data, quotes)
    return broken or _records(data, quotes, marks.delimiter)


def trimmed(text: bytes, marks: Marks) -> bytes:
    """Leave out the spaces and tabs around fields; those inside quotes stay."""
    data, quotes = np.frombuffer(text, dtype=np.uint8), quotes_of(text, marks)
    blanks = _positions(data, *({SPACE, TAB} - {marks.delimiter}))
    blanks = blanks[np.searchsorted(quotes, blanks) % 2 == 0]
    if not len(blanks):
        return text
    first = np.concatenate(([True], np.diff(blanks) > 1))
    starts, ends = blanks[first], blanks[np.concatenate((first[1:], [True]))] + 1
    before = np.where(starts > 0, data[starts - 1], LINE_FEED)
    after = np.where(ends < len(data), data[np.minimum(ends, len(data) - 1)], LINE_FEED)
    around = np.isin(before, (marks.delimiter, LINE_FEED)) | np.isin(after, (marks.delimiter, LINE_FEED, RETURN))
    gone = np.repeat(around, ends - starts)
    return np.delete(data, blanks[gone]).tobytes()


def quotes_of(text: bytes, marks: Marks) -> Positions:
    """Return the positions of all quotation marks."""
    if marks.quote is None or bytes([marks.quote]) not in text:
        return np.empty(0, dtype=np.int64)
    return _positions(np.frombuffer(text, dtype=np.uint8), marks.quote)


def _positions(data: Bytes, *wanted: int) -> Positions:
    found = [offset + np.flatnonzero(_marked(chunk, wanted)) for offset, chunk in _chunks(data)]
    return np.concatenate(found)


def _marked(chunk: Bytes, wanted: tuple[int, ...]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = chunk == wanted[0]
    for byte in wanted[1:]:
        mask |= chunk == byte
    return mask


def _chunks(data: Bytes) -> Iterator[tuple[int, Bytes]]:
    return ((offset, data[offset : offset + CHUNK]) for offset in range(0, len(data), CHUNK))


def _records(data: Bytes, quotes: Positions, delimiter: int) -> Structure:
    ends, marks_before, total = [], [], 0
    for offset, chunk in _chunks(data):
        marks = np.flatnonzero(_marked(chunk, (delimiter, LINE_FEED)))
        if len(quotes):
            marks = marks[np.searchsorted(quotes, offset + marks) % 2 == 0]
        breaks = np.flatnonzero(chunk[marks] == LINE_FEED)
        ends.append(offset + marks[breaks])
        marks_before.append(total + breaks)
        total += len(marks)
    if data[-1] != LINE_FEED:
        ends.append(np.array([len(data)]))
        marks_before.append(np.array([total]))
    all_ends = np.concatenate(ends)
    # A record of n fields has n - 1 delimiters and its line end, so n marks.
    before = np.concatenate([np.array([-1]), *marks_before])
    return Structure(all_ends, before[1:] - before[:-1], _lines(data, quotes, all_ends))


def _lines(data: Bytes, quotes: Positions, ends: Positions) -> Positions:
    if not len(quotes):
        return np.arange(1, len(ends) + 1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    return np.searchsorted(_positions(data, LINE_FEED), starts) + 1


def _line_of(data: Bytes, position: int) -> int:
    return int(np.count_nonzero(data[:position] == LINE_FEED)) + 1


def _quoting(data: Bytes, quotes: Positions, marks: Marks) -> Broken | None:
    """Every opening quote must stand at the start of a field, every closing one at its end."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], LINE_FEED)
    after = np.where(closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], LINE_FEED)
    bad_opening = opening[~np.isin(before, (marks.delimiter, LINE_FEED, marks.quote or LINE_FEED))]
    bad_closing = closing[~np.isin(after, (marks.delimiter, LINE_FEED, RETURN, marks.quote or LINE_FEED))]
    unclosed = quotes[-1:] if len(quotes) % 2 else quotes[:0]
    first = min((int(found[0]) for found in (bad_opening, bad_closing, unclosed) if len(found)), default=None)
    if first is None:
        return None
    line = _line_of(data, first)
    if len(bad_opening) and first == bad_opening[0]:
        hint = 'write the field as "…""…", or declare the quotation mark with quote'
        return Broken(line, "a quote stands inside a field that does not start with one", hint)
    if len(bad_closing) and first == bad_closing[0]:
        opened = _line_of(data, int(opening[np.searchsorted(opening, first) - 1]))
        what = f"text follows a closing quote; the field was opened in line {opened}"
        return Broken(line, what, "close every quoted field, and double the quotes inside it")
    return Broken(line, "a quoted field is never closed", "close the quote")


def _lone_return(text: bytes, data: Bytes, quotes: Positions) -> Broken | None:
    if b"\r" not in text or text.count(b"\r") == text.count(b"\r\n"):
        return None
    returns = _positions(data, RETURN)
    follower = np.where(returns + 1 < len(data), data[np.minimum(returns + 1, len(data) - 1)], 0)
    lone = returns[(follower != LINE_FEED) & (np.searchsorted(quotes, returns) % 2 == 0)]
    if not len(lone):
        return None
    return Broken(_line_of(data, int(lone[0])), "a carriage return without line feed", "save the file with LF or CRLF")
