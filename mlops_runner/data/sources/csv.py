"""Delimited text: checked byte by byte for what parsers forgive, then read as text in the order of the file."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner.data.columns import compare_columns
from mlops_runner.data.sources.structure import Broken, Structure, scan
from mlops_runner.data.sources.text import decode
from mlops_runner.data.table import SHOWN_ROWS, Numbering, Reading, Table, counted
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import CsvSource

OTHER_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def read(spec: Data, _project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Read the file as text columns; see `sources.base.Reader`."""
    source = spec.source
    assert isinstance(source, CsvSource)
    if not source.delimiter.isascii() or source.delimiter in '"\r\n\0':
        return Reading(
            None, (Diagnostic("invalid-delimiter", f"{source.path}: {source.delimiter!r} cannot delimit fields"),)
        )
    text = decode(inputs["source"].read_bytes(), source)
    if isinstance(text, Diagnostic):
        return Reading(None, (text,))
    match scan(text, source.delimiter):
        case Broken() as broken:
            if wrong := _wrong_delimiter(_first_line(text), source):
                return Reading(None, (wrong,))
            message = f"{source.path}: line {broken.line}: {broken.what}"
            return Reading(None, (Diagnostic("malformed-csv", message, hint=broken.hint),))
        case structure:
            return _read_records(text, structure, spec, source)


def _read_records(text: bytes, structure: Structure, spec: Data, source: CsvSource) -> Reading:
    header = _header(text, structure, source.delimiter)
    if not any(header):
        return Reading(None, (Diagnostic("no-header", f"{source.path}: line 1 is empty", hint="start with the names"),))
    if len(header) == 1 and (wrong := _wrong_delimiter(header[0], source)):
        return Reading(None, (wrong,))
    problems = compare_columns(header, spec, source.path)
    ragged = _ragged(structure, source)
    if ragged is not None:
        return Reading(None, (*problems, ragged))
    frame = _parse(text, header, spec, source)
    if frame is None or frame.height != len(structure.ends) - 1:
        found = Diagnostic("malformed-csv", f"{source.path}: the records cannot be told apart", hint="check the quotes")
        return Reading(None, (*problems, found))
    numbering = Numbering("line", 1, _line_numbers(structure))
    return Reading(Table(frame, source.path, text=True, numbering=numbering), tuple(problems))


def _header(text: bytes, structure: Structure, delimiter: str) -> list[str]:
    first = text[: structure.ends[0]].decode().removesuffix("\r")
    return next(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter), [])


def _line_numbers(structure: Structure) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    lines = structure.lines[1:]
    plain = not len(lines) or (lines[0] == 2 and lines[-1] == len(lines) + 1)
    return None if plain else lines


def _first_line(text: bytes) -> str:
    return text[: text.find(b"\n")].decode(errors="replace")


def _wrong_delimiter(line: str, source: CsvSource) -> Diagnostic | None:
    """Complain when a line holds another usual delimiter but not the declared one."""
    others = [c for c in OTHER_DELIMITERS if c in line]
    if source.delimiter in line or not others:
        return None
    likely = max(others, key=line.count)
    message = f"{source.path}: line 1 holds no {source.delimiter!r}, so the table has a single column"
    return Diagnostic("wrong-delimiter", message, hint=f"set delimiter to the {OTHER_DELIMITERS[likely]} {likely!r}")


def _ragged(structure: Structure, source: CsvSource) -> Diagnostic | None:
    """Complain about records whose number of fields is not that of the header."""
    expected, found = int(structure.fields[0]), structure.fields[1:]
    wrong = np.flatnonzero(found != expected)
    if not len(wrong):
        return None
    numbering = Numbering("line", 1, structure.lines[1:])
    shown = ", ".join(f"{numbering.place(int(row))} has {found[row]}" for row in wrong[:SHOWN_ROWS])
    more = ", …" if len(wrong) > SHOWN_ROWS else ""
    message = (
        f"{source.path}: the header has {counted(expected, 'field')}, {counted(len(wrong), 'row')} not: {shown}{more}"
    )
    return Diagnostic("field-count", message, hint=_ragged_hint(found, expected))


def _ragged_hint(found: np.ndarray[tuple[int], np.dtype[np.int64]], expected: int) -> str:
    if len(found) > 1 and (found == expected + 1).all():
        return "every row has one field more: a delimiter at the end of the lines, or a column without a name"
    if (found[found != expected] == 1).all() and expected > 1:
        return "remove empty lines and lines of text"
    return "quote fields that contain the delimiter"


def _parse(text: bytes, header: list[str], spec: Data, source: CsvSource) -> pl.DataFrame | None:
    empty_is_null = "" in source.null_values
    try:
        frame = pl.read_csv(
            text,
            separator=source.delimiter,
            infer_schema=False,
            null_values=list(source.null_values) if empty_is_null else None,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    if len(set(header)) == len(header):
        frame.columns = header
    if empty_is_null:
        return frame
    present = frozenset(frame.columns)
    return frame.with_columns(_empty_text(name, source) for name in spec.columns if name in present)


def _empty_text(name: str, source: CsvSource) -> pl.Expr:
    # The parser takes an unquoted empty field for missing; here only the declared texts are.
    value = pl.col(name).fill_null("")
    missing = list(source.null_values)
    return pl.when(value.is_in(missing)).then(None).otherwise(value).alias(name) if missing else value
