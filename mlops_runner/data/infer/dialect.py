"""How a delimited text file is written, judged by its first records: what Python's csv module cannot tell."""

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from mlops_runner.errors import Diagnostic, InvalidInput

Quote = Literal["double", "single", "none"]
Records = list[list[str]]

# In this order when two fit equally well: a comma also occurs inside numbers and texts.
DELIMITERS = (";", "\t", "|", ",")
LOOKED_AT = 1_000
MOST_SKIPPED = 20
ENOUGH = 0.9
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
MOMENT = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T]\d{1,2}:\d{2}.*)?")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The dialect of a text as far as the first records tell, and the names of its columns.

    `named` says whether the file itself names them.
    """

    delimiter: str
    quote: Quote
    skip_lines: int
    trim: bool
    named: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well a delimiter explains the records: the share with the same number of fields, after some skipped.

    above: the last of those that were skipped.
    """

    delimiter: str
    skipped: int
    width: int
    share: float
    records: Records
    above: Sequence[str] = ()


def sniff(text: str, complete: bool) -> Sniffed:
    """Find out how the text is written; `complete` says that it is the whole file. Raises InvalidInput."""
    quote = _quote(text)
    # A space separates words in most files, and fields only where nothing else does.
    best = _best(text, DELIMITERS, quote, complete) or _best(text, (" ",), quote, complete)
    if best is None:
        raise InvalidInput(_no_table(text, quote, complete))
    records = [record for record in best.records if len(record) == best.width]
    trim = _padded(records)
    if trim:
        records = [[field.strip() for field in record] for record in records]
    named = _has_header(records)
    if not named and _is_misfit(best):
        # The reader says what is wrong with the rows.
        best = replace(best, skipped=best.skipped - 1, width=len(best.above), records=[list(best.above)])
        return Sniffed(best.delimiter, quote, _lines(text, best, quote), trim, True, tuple(best.above))
    names = tuple(records[0]) if named else tuple(f"column_{i}" for i in range(1, best.width + 1))
    return Sniffed(best.delimiter, quote, _lines(text, best, quote), trim, named, names)


def looks_like_data(field: str) -> bool:
    """Whether a field is a number or a date, which names of columns seldom are."""
    return bool(NUMBER.fullmatch(field) or MOMENT.fullmatch(field))


def _is_misfit(fit: _Fit) -> bool:
    """Whether the line above the table names its columns, but for one too many or too few."""
    plain = len(fit.above) > 1 and not any(looks_like_data(field) or not field.strip() for field in fit.above)
    return plain and abs(len(fit.above) - fit.width) == 1


def _best(text: str, delimiters: Sequence[str], quote: Quote, complete: bool) -> _Fit | None:
    fits = [fit for delimiter in delimiters if (fit := _fit(text, delimiter, quote, complete))]
    good = [fit for fit in fits if fit.share >= ENOUGH]
    # max keeps the first of equals, so the order of the delimiters decides.
    return max(good, key=lambda fit: (-fit.skipped, round(fit.share, 2)), default=None)


def _no_table(text: str, quote: Quote, complete: bool) -> Diagnostic:
    fits = [fit for delimiter in DELIMITERS if (fit := _fit(text, delimiter, quote, complete))]
    if fits:
        best = max(fits, key=lambda fit: fit.share)
        message = f"the records do not agree on their number of fields: {best.share:.0%} have {best.width}"
        return Diagnostic("malformed-csv", message, hint="is it delimited text? quote fields that hold the delimiter")
    hint = "fields must be separated by a comma, semicolon, tab or bar"
    return Diagnostic("single-column", "the file has a single column: no target and features", hint=hint)


def _quote(text: str) -> Quote:
    if '"' in text:
        inside = re.search(r'(?:^|[,;\t|])[^",;\t|\n]+"', text, re.MULTILINE) and not re.search(
            r'(?:^|[,;\t| ])"', text, re.MULTILINE
        )
        return "none" if inside else "double"
    opened = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", text, re.MULTILINE)
    return "single" if len(opened) > text.count("\n") / 2 else "double"


def _records(text: str, delimiter: str, quote: Quote, complete: bool) -> Records:
    lines = io.StringIO(text, newline="")
    if quote == "none":
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quotechar='"' if quote == "double" else "'")
    found: Records = []
    # A broken record ends the look; the reader of the source will say what is wrong with it.
    with contextlib.suppress(csv.Error):
        found.extend(islice(reader, LOOKED_AT + 1))
    return found if (complete and len(found) <= LOOKED_AT) or len(found) < 2 else found[:-1]


def _fit(text: str, delimiter: str, quote: Quote, complete: bool) -> _Fit | None:
    records = [record for record in _records(text, delimiter, quote, complete) if record]
    widths = [len(record) for record in records]
    width, _ = max(Counter(widths).items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width < 2 or width not in widths[: MOST_SKIPPED + 1]:
        return None
    skipped = widths.index(width)
    rest = widths[skipped:]
    above = records[skipped - 1] if skipped else ()
    return _Fit(delimiter, skipped, width, rest.count(width) / len(rest), records[skipped:], above)


def _lines(text: str, fit: _Fit, quote: Quote) -> int:
    """Count the physical lines above the first record of the table, empty ones included."""
    lines = text.split("\n", MOST_SKIPPED + 1)[: MOST_SKIPPED + 1]
    parsed = (_records(line, fit.delimiter, quote, complete=True) for line in lines)
    found = (number for number, records in enumerate(parsed) if records and len(records[0]) == fit.width)
    # A name that goes over several lines hides the header from this; then nothing but whole records can be counted.
    return next(found, fit.skipped)


def _padded(records: Records) -> bool:
    """Whether spaces around fields are the way the file is written, and no part of its values."""
    fields = [field for record in records for field in record[1:] if field.strip()]
    padded = [field for field in fields if field != field.strip()]
    numbers = [field for field in padded if looks_like_data(field.strip())]
    return bool(numbers) or len(padded) * 2 > len(fields) > 0


def _has_header(records: Records) -> bool:
    """Whether the first record names the columns: it holds no data, or stands out from the columns below it."""
    first, rest = records[0], records[1:]
    if _counts_up(first) or not rest:
        return True
    if any(looks_like_data(field) for field in first):
        return False
    below = list(zip(*rest, strict=True))
    if any(_is_data(column) for column in below):
        return True
    # Only texts: names of columns do not come again as values in most of their columns.
    repeated = sum(field in column for field, column in zip(first, below, strict=True))
    return repeated * 2 <= len(first) and len(set(first)) == len(first)


def _counts_up(first: Sequence[str]) -> bool:
    """Whether all numbers are whole and follow each other: years, or columns that a program numbered."""
    numbers = [field for field in first if looks_like_data(field)]
    if len(numbers) < 2 or not all(field.isascii() and field.isdigit() for field in numbers):
        return False
    return [int(field) for field in numbers] == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))


def _is_data(column: Sequence[str]) -> bool:
    filled = [field for field in column if field]
    return bool(filled) and sum(map(looks_like_data, filled)) > ENOUGH * len(filled)
