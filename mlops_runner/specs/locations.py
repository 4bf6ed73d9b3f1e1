"""Strict YAML: one UTF-8 document of YAML 1.2 core scalars in, a value and the place of each of its parts out.

Read from the event stream, because composing crashes on deep nesting and keeps only the last of two equal keys.
Whatever readers of YAML 1.1 and 1.2 understand differently is refused with the hint to quote it.
"""

import codecs
import re
from dataclasses import dataclass

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.specs.builder import MAX_DEPTH, MAX_NODES, Builder
from mlops_runner.specs.marks import LINE_BREAK, Mark, Marks, Path
from mlops_runner.specs.scalars import Value
from mlops_runner.specs.syntax import explain

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "Mark", "Path", "Value", "load_yaml"]

MAX_BYTES = 4 * 1024 * 1024

SAVE_AS = "save the file as UTF-8"

# What the parser refuses, and the line breaks of YAML 1.1 that are plain characters in YAML 1.2.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML document. Sequences are tuples, mappings are dicts in file order."""

    file: str
    text: str
    value: Value
    marks: Marks

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return the place of the value (or its key) at a path, or of its nearest ancestor that is written."""
        for length in range(len(path), -1, -1):
            if mark := self.marks.get(path[:length]):
                line, column = mark.key if key and length == len(path) else mark.value
                return Place(self.file, line, column)
        return Place(self.file)


def load_yaml(data: bytes, file: str) -> Document:
    """Parse bytes into a Document.

    Raises InvalidInput with every problem found: syntax, encoding, size, depth, duplicate keys, aliases, tags,
    further documents, keys that are not text, and scalars that YAML 1.1 reads otherwise.
    """
    text = _decode(data, file)
    builder, parser = Builder(file), CParser(text)
    try:
        while event := parser.get_event():
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(explain(error, text, file))
    finally:
        parser.dispose()
    if builder.problems:
        raise InvalidInput(sorted(builder.problems, key=lambda d: d.place or Place(file)))
    return Document(file, text, builder.root, Marks(text, builder.root, builder.spans))


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.1f} MiB"
        hint = "data belongs in data files, not in a spec"
        raise InvalidInput(Diagnostic("yaml-size", f"the file has {size}; at most 4 MiB are read", Place(file), hint))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _unreadable("yaml-encoding", "the file is UTF-16", Place(file), SAVE_AS)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # What stands before the bad byte is UTF-8. The decoder leaves a byte order mark out of its count.
        bad, before = error.object[error.start], error.object[: error.start].decode()
        raise _unreadable("yaml-encoding", f"byte 0x{bad:02x} is not UTF-8", _end(before, file), SAVE_AS) from None
    if found := _FORBIDDEN.search(text):
        message = f"character U+{ord(found[0]):04X} is not allowed"
        hint = 'remove it, or write it as "\\u…" in double quotes'
        raise _unreadable("yaml-character", message, _end(text[: found.start()], file), hint)
    return text


def _unreadable(code: str, message: str, place: Place, hint: str) -> InvalidInput:
    return InvalidInput(Diagnostic(code, message, place, hint))


def _end(before: str, file: str) -> Place:
    lines = LINE_BREAK.split(before)
    return Place(file, len(lines), len(lines[-1]) + 1)
