"""What a notebook holds: its cells, and the line of the file on which each of their lines stands.

Read with the standard library alone, so that a plan needs no Jupyter.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from mlops_runner.errors import Diagnostic, InvalidInput, Place

SUFFIX = ".ipynb"
PARAMETERS = "parameters"  # the cell with the defaults of params
INJECTED = "injected-parameters"  # what an earlier execution has put after it
SKIPPED = "skip-execution"
MAY_FAIL = "raises-exception"

FORMAT = 4
_BLANK = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `number` counts all cells from 1, `lines` are those of the file on which its source stands."""

    number: int
    kind: str
    source: str
    tags: frozenset[str]
    metadata: Mapping[str, Any]
    attachments: Mapping[str, Any]
    lines: tuple[int, ...]

    @property
    def runs(self) -> bool:
        """Whether the cell is executed."""
        return self.kind == "code" and bool(self.source.strip()) and not self.tags & {SKIPPED, INJECTED}

    def line(self, number: int) -> int:
        """Return the line of the file on which a line of the source stands."""
        return self.lines[min(number, len(self.lines)) - 1]


def read_notebook(data: bytes, file: str) -> tuple[Cell, ...]:
    """Return the cells of a notebook. Raises InvalidInput for what is none, or is none of Python."""
    value, text = _parsed(data, file)
    _refuse_foreign(value, file)
    lines = _lines(text)
    cells = tuple(_cell(found, number, lines.get(number, (1,)), file) for number, found in enumerate(value["cells"], 1))
    if not any(cell.runs for cell in cells):
        hint = "write some, or leave the step out"
        raise InvalidInput(Diagnostic("empty-notebook", f"{file} has no code cells that run", Place(file, 1), hint))
    return cells


def _parsed(data: bytes, file: str) -> tuple[dict[str, Any], str]:
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text)
    except json.JSONDecodeError as error:
        place = Place(file, error.lineno, error.colno)
        hint = "git left a conflict in it: solve it" if b"<<<<<<<" in data else "save it again in Jupyter"
        raise _odd(file, f"it is not JSON ({error.msg})", place, hint) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise _odd(file, f"it cannot be read ({error})") from None
    if not isinstance(value, dict) or not isinstance(value.get("nbformat"), int):
        raise _odd(file, "it does not name its format (nbformat)")
    if value["nbformat"] != FORMAT:
        message = f"{file} is a notebook of format {value['nbformat']}; only format {FORMAT} is read"
        hint = f"save it again in Jupyter, or: jupyter nbconvert --to notebook --inplace {file}"
        raise InvalidInput(Diagnostic("notebook-format", message, Place(file, 1), hint))
    if not isinstance(value.get("cells"), list):
        raise _odd(file, "it has no list of cells")
    return value, text


def _refuse_foreign(value: Mapping[str, Any], file: str) -> None:
    """Refuse a notebook whose kernel is of another language; one that names none is of Python."""
    metadata = value.get("metadata")
    described = metadata if isinstance(metadata, dict) else {}
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        found = described.get(part)
        language = found.get(key) if isinstance(found, dict) else None
        if isinstance(language, str) and language.lower() not in {"python", "ipython"}:
            message = f"{file} is a notebook of {language}; only Python is run"
            hint = "run it as a command, with the program that runs such notebooks"
            raise InvalidInput(Diagnostic("notebook-language", message, Place(file, 1), hint))


def _cell(value: Any, number: int, lines: tuple[int, ...], file: str) -> Cell:
    place = Place(file, lines[0])
    if not isinstance(value, dict) or value.get("cell_type") not in {"code", "markdown", "raw"}:
        raise _odd(file, f"cell {number} is neither code, markdown nor raw", place)
    source = value.get("source")
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    if not isinstance(source, str) or re.search("[\ud800-\udfff]", source):
        raise _odd(file, f"the source of cell {number} is not text", place)
    metadata = value.get("metadata") if isinstance(value.get("metadata"), dict) else {}
    tags = metadata.get("tags", ()) if isinstance(metadata, dict) else ()
    named = frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset[str]()
    attachments = value.get("attachments")
    return Cell(
        number,
        value["cell_type"],
        source,
        named,
        metadata or {},
        attachments if isinstance(attachments, dict) else {},
        lines if len(lines) >= source.count("\n") else lines[:1],
    )


def _odd(file: str, why: str, place: Place | None = None, hint: str = "save it again in Jupyter") -> InvalidInput:
    return InvalidInput(Diagnostic("not-a-notebook", f"{file} is not a notebook: {why}", place or Place(file, 1), hint))


def _lines(text: str) -> dict[int, tuple[int, ...]]:
    """Return where the source of each cell stands: a line of the file for each of its parts."""
    breaks = [position for position, letter in enumerate(text) if letter == "\n"] if "\n" in text else []
    found = {}
    cells = next((at for key, at in _members(text, 0) if key == "cells"), None)
    for number, cell in enumerate(_elements(text, cells) if cells is not None else (), 1):
        source = next((at for key, at in _members(text, cell) if key == "source"), cell)
        parts = list(_elements(text, source)) or [source]
        found[number] = tuple(bisect_right(breaks, at) + 1 for at in parts)
    return found


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """Yield the keys of the JSON object that begins at a position, and where their values begin."""
    at = _skip(text, at)
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = scanstring(text, at + 1, True)
        at = _skip(text, _skip(text, at) + 1)
        yield key, at
        at = _after(text, at)


def _elements(text: str, at: int) -> Iterator[int]:
    """Yield where the values of the JSON list that begins at a position begin."""
    if text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        at = _after(text, at)


def _after(text: str, at: int) -> int:
    """Return where what follows a JSON value begins: the next one, or the end of the collection."""
    at = _skip(text, _DECODER.raw_decode(text, at)[1])
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


_DECODER = json.JSONDecoder()
