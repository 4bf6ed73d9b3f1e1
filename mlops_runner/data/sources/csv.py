"""Delimited text: checked byte by byte for what parsers forgive, then read as text in the order of the file.

Several files are one table, in the order of their names, if each is what the dialect says and has the columns.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.columns import MOST_SHOWN, compare_columns
from mlops_runner.data.sources.files import files_below, no_files
from mlops_runner.data.sources.structure import Marks, Structure, scan, trimmed
from mlops_runner.data.sources.text import decode
from mlops_runner.data.table import SHOWN_ROWS, Numbering, Part, Reading, Table, counted
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import CsvSource, Dialect

OTHER_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
QUOTES = {"double": '"', "single": "'", "none": None}


def read(spec: Data, _project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Read one file, or those of a folder one below the other, as text columns; see `sources.base.Reader`."""
    source = spec.source
    assert isinstance(source, CsvSource)
    path = inputs["source"]
    if not path.is_dir():
        return parse(path.read_bytes(), source, spec, source.path)
    files = {at.relative_to(path).as_posix(): at for at in files_below(path)}
    if not files:
        return Reading(None, (no_files(source.path),))
    found = {name: parse(at.read_bytes(), source, spec, f"{source.path}: {name}") for name, at in files.items()}
    if problems := [problem for reading in found.values() for problem in reading.problems]:
        hidden = len(problems) - MOST_SHOWN
        message = f"{source.path}: {hidden} more complaints about its files"
        more = (Diagnostic(problems[-1].code, message),) if hidden > 0 else ()
        return Reading(None, (*problems[:MOST_SHOWN], *more))
    return Reading(_below_each_other({name: reading.table for name, reading in found.items() if reading.table}, spec))


def _below_each_other(tables: Mapping[str, Table], spec: Data) -> Table:
    """Return the rows of several files with the declared columns, whatever their order in each."""
    source = spec.source
    assert isinstance(source, CsvSource)
    names = list(spec.columns)
    parts = [Part(name, table.height, table.numbering) for name, table in tables.items()]
    query = pl.concat([table.lazy.select(names) for table in tables.values()])
    height = sum(part.rows for part in parts)
    return Table(query, source.path, frozenset(names), source.decimal, Numbering("line", files=lambda: parts), height)


def parse(raw: bytes, dialect: Dialect, spec: Data, origin: str) -> Reading:
    """Read the bytes of a file, which messages call `origin`, as text columns, parsed when they are asked for."""
    quote = QUOTES[dialect.quote]
    if not dialect.delimiter.isascii() or dialect.delimiter in f"\r\n\0{quote or ''}":
        message = f"{origin}: {dialect.delimiter!r} cannot delimit fields"
        return Reading(None, (Diagnostic("invalid-delimiter", message),))
    text = decode(raw, dialect, origin)
    if isinstance(text, Diagnostic):
        return Reading(None, (text,))
    marks = Marks(ord(dialect.delimiter), ord(quote) if quote else None)
    text = _after(text, dialect.skip_lines)
    text = trimmed(text, marks) if dialect.trim else text
    if not text:
        message = f"{origin}: nothing is below the {counted(dialect.skip_lines, 'line')} to skip"
        return Reading(None, (Diagnostic("empty-file", message, hint="lower skip_lines"),))
    found = scan(text, marks)
    if isinstance(found, Structure):
        return _Text(text, found, dialect, origin).read(spec)
    line = text[: text.find(b"\n")].decode(errors="replace")
    if wrong := _wrong_delimiter(line, dialect, origin):
        return Reading(None, (wrong,))
    message = f"{origin}: line {found.line + dialect.skip_lines}: {found.what}"
    return Reading(None, (Diagnostic("malformed-csv", message, hint=found.hint),))


class _Text:
    """A text whose records are known."""

    def __init__(self, text: bytes, structure: Structure, dialect: Dialect, origin: str) -> None:
        self.text, self.structure, self.dialect, self.origin = text, structure, dialect, origin
        self.first = dialect.skip_lines + 1
        self.lines = structure.lines[int(dialect.header) :] + dialect.skip_lines

    def read(self, spec: Data) -> Reading:
        """Return the table with the problems of its header, or only problems."""
        record = self._first_record()
        if record is None or not any(record):
            what = "is empty" if record is not None else "is no header: it holds a name of more than 100 000 characters"
            message = f"{self.origin}: line {self.first} {what}"
            return Reading(None, (Diagnostic("no-header", message, hint="start with the names"),))
        if len(record) == 1 and (wrong := _wrong_delimiter(record[0], self.dialect, self.origin, self.first)):
            return Reading(None, (wrong,))
        if wrong := self._header_misjudged(record, spec):
            return Reading(None, (wrong,))
        names = record if self.dialect.header else list(spec.columns)
        problems = compare_columns(names, spec, self.origin)
        if wrong := self._ragged(len(names)) or self._repeated_header(len(names)):
            return Reading(None, (*problems, wrong))
        return Reading(self._table(names, spec), tuple(problems))

    def _first_record(self) -> list[str] | None:
        record = self.text[: self.structure.ends[0]].decode().removesuffix("\r")
        quote = QUOTES[self.dialect.quote]
        form = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
        try:
            return next(csv.reader(io.StringIO(record, newline=""), delimiter=self.dialect.delimiter, **form), [])
        except csv.Error:  # a field longer than the reader's limit
            return None

    def _header_misjudged(self, record: Sequence[str], spec: Data) -> Diagnostic | None:
        """Complain when the file has no header but should, or the other way round."""
        if self.dialect.header:
            if spec.columns.keys().isdisjoint(record) and any(_is_number(text) for text in record):
                message = f"{self.origin}: line {self.first} holds values instead of the names of the columns"
                return Diagnostic("no-header", message, hint="write the names above the rows, or set header: false")
        elif list(spec.columns) == list(record):
            message = f"{self.origin}: line {self.first} holds the names of the columns"
            return Diagnostic("unexpected-header", message, hint="set header: true")
        return None

    def _repeated_header(self, fields: int) -> Diagnostic | None:
        """Complain when the header appears again among the rows, as it does in files that were put together."""
        ends, text = self.structure.ends, self.text
        if not self.dialect.header or fields < 2:
            return None
        header = text[: ends[0]].removesuffix(b"\r")
        position = text.find(b"\n" + header, int(ends[0]))
        while position >= 0:
            row = int(np.searchsorted(ends, position))
            if ends[row] == position and text[position + 1 : ends[row + 1]].removesuffix(b"\r") == header:
                message = f"{self.origin}: line {self.lines[row]} repeats the header"
                return Diagnostic("repeated-header", message, hint="remove the line")
            position = text.find(b"\n" + header, position + 1)
        return None

    def _ragged(self, expected: int) -> Diagnostic | None:
        """Complain about records whose number of fields is not that of the header, or of the declared columns."""
        found = self.structure.fields[int(self.dialect.header) :]
        wrong = np.flatnonzero(found != expected)
        if not len(wrong):
            return None
        shown = ", ".join(f"line {self.lines[row]} has {found[row]}" for row in wrong[:SHOWN_ROWS])
        more = ", …" if len(wrong) > SHOWN_ROWS else ""
        fields = counted(expected, "field" if self.dialect.header else "column")
        stated = f"the header has {fields}" if self.dialect.header else f"{fields} are declared"
        message = f"{self.origin}: {stated}, {counted(len(wrong), 'row')} not: {shown}{more}"
        return Diagnostic("field-count", message, hint=_ragged_hint(found, expected))

    def _table(self, names: list[str], spec: Data) -> Table:
        missing = self.dialect.null_values
        renamed = len(set(names)) == len(names)  # otherwise the parser tells them apart in its own way
        query = pl.scan_csv(
            self.text,
            separator=self.dialect.delimiter,
            quote_char=QUOTES[self.dialect.quote],
            has_header=self.dialect.header,
            infer_schema=False,
            null_values=list(missing) if "" in missing else None,
            with_column_names=(lambda _: names) if renamed else None,
        )
        found = query.collect_schema().names()
        if "" not in missing:
            query = query.with_columns(_empty_text(name, missing) for name in found if name in spec.columns)
        plain = not len(self.lines) or len(self.lines) == self.lines[-1] - self.lines[0] + 1
        above = self.dialect.skip_lines + int(self.dialect.header)
        numbering = Numbering("line", above, None if plain else self.lines)
        return Table(query, self.origin, frozenset(found), self.dialect.decimal, numbering, len(self.lines))


def _empty_text(name: str, missing: Sequence[str]) -> pl.Expr:
    # The parser takes an unquoted empty field for missing; here only the declared texts are.
    value = pl.col(name).fill_null("")
    return pl.when(value.is_in(list(missing)).not_()).then(value).alias(name) if missing else value


def _after(text: bytes, lines: int) -> bytes:
    position = 0
    for _ in range(lines):
        position = text.find(b"\n", position) + 1
        if not position:
            return b""
    return text[position:]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _wrong_delimiter(line: str, dialect: Dialect, origin: str, number: int = 1) -> Diagnostic | None:
    """Complain when a line holds another usual delimiter but not the declared one."""
    others = [c for c in OTHER_DELIMITERS if c in line]
    if dialect.delimiter in line or not others:
        return None
    likely = max(others, key=line.count)
    message = f"{origin}: line {number} holds no {dialect.delimiter!r}, so the table has a single column"
    return Diagnostic("wrong-delimiter", message, hint=f"set delimiter to the {OTHER_DELIMITERS[likely]} {likely!r}")


def _ragged_hint(found: NDArray[np.int64], expected: int) -> str:
    if len(found) > 1 and (found == expected + 1).all():
        return "every row has one field more: a delimiter at the end of the lines, or a column without a name"
    if len(found) > 1 and (found == expected - 1).all():
        return "every row has one field fewer than there are names: remove one, or write it in the rows"
    if (found[found != expected] == 1).all() and expected > 1:
        return "remove empty lines and lines of text"
    return "quote fields that contain the delimiter"
