"""Strict YAML: one UTF-8 document of YAML 1.2 core scalars in, a value and the place of each of its parts out.

Read from the event stream, because composing crashes on deep nesting and keeps only the last of two equal keys.
Whatever readers of YAML 1.1 and 1.2 understand differently is refused with the hint to quote it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.cyaml import CParser

from mlops_runner.errors import Diagnostic, InvalidInput, Place

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 500_000

Value: TypeAlias = Any  # None | bool | int | float | str | tuple[Value, ...] | dict[str, Value]
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands: line and column from 1 of its key and of itself, and its span in characters."""

    key: tuple[int, int]
    value: tuple[int, int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML document. Sequences are tuples, mappings are dicts in file order."""

    file: str
    text: str
    value: Value
    marks: Mapping[Path, Mark]

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
    builder = _Builder(file)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.problems.append(_syntax_problem(error, text, file))
    if builder.problems:
        raise InvalidInput(sorted(builder.problems, key=lambda d: d.place or Place(file)))
    return Document(file, text, builder.root, builder.marks)


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.1f} MiB"
        raise InvalidInput(
            Diagnostic(
                "yaml-size",
                f"the file has {size}; at most 4 MiB are read",
                Place(file),
                "data belongs in data files, not in a spec",
            )
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise InvalidInput(
            Diagnostic(
                "yaml-encoding",
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                Place(file, before.count(b"\n") + 1, column),
                "save the file as UTF-8",
            )
        ) from None


def _events(text: str) -> Iterator[Any]:
    parser = CParser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
    if mark is not None:
        place = Place(file, mark.line + 1, mark.column + 1)
    else:
        position = getattr(error, "position", 0) or 0
        place = Place(file, text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1) + 1)
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    hint = (
        "indent with spaces, not tabs" if "\t" in line[: place.column] else "check indentation, quotes and colons here"
    )
    return Diagnostic("yaml-syntax", f"cannot read YAML: {problem}", place, hint)


@dataclass(slots=True)
class _Open:
    """A collection that is still being read."""

    mapping: bool
    path: Path
    mark: Any
    key_place: tuple[int, int]
    items: dict[str, Value] | list[Value]
    key: str | None = None
    key_mark: Any = None
    skipped: int = 0


@dataclass(slots=True)
class _Builder:
    file: str
    root: Value = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    documents: int = 0
    nodes: int = 0

    def take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._count(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._count(event)
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)
            case yaml.AliasEvent():
                self._complain(
                    "yaml-alias",
                    f"alias *{event.anchor} is not allowed",
                    event,
                    "write the value out where it is needed",
                )
                self._put(None, event)
            case yaml.DocumentStartEvent():
                self._document(event)
            case _:
                pass

    def _complain(self, code: str, message: str, event: Any, hint: str) -> None:
        mark = event.start_mark
        self.problems.append(Diagnostic(code, message, Place(self.file, mark.line + 1, mark.column + 1), hint))

    def _fatal(self, code: str, message: str, event: Any, hint: str) -> None:
        self._complain(code, message, event, hint)
        raise InvalidInput(self.problems)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self._fatal(
                "yaml-documents", "a second document starts here", event, "one file holds one document: split it"
            )

    def _count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._fatal(
                "yaml-size", f"more than {MAX_NODES:,} values", event, "data belongs in data files, not in a spec"
            )
        if event.anchor is not None:
            self._complain(
                "yaml-anchor", f"anchor &{event.anchor} is not allowed", event, "write the value out where it is needed"
            )
        if event.tag is not None:
            self._complain(
                "yaml-tag", f"tag {event.tag} is not allowed", event, "remove it; quote the value if it is text"
            )

    def _child_path(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, (top.key or "") if top.mapping else len(top.items))

    def _scalar(self, event: Any) -> None:
        top = self.stack[-1] if self.stack else None
        if top and top.mapping and top.key_mark is None:
            self._key(top, event)
            return
        self._put(self._resolve(event), event)

    def _key(self, top: _Open, event: Any) -> None:
        text = event.value
        if event.implicit[0] and text == "<<":
            self._complain(
                "yaml-merge", "merge keys (<<) are not allowed", event, "write the keys out where they are needed"
            )
        elif not isinstance(self._resolve(event), str):
            self._complain("yaml-key", f"key {text or 'null'} is not text", event, f'quote it: "{text}"')
        if text in top.items:
            first = self.marks[(*top.path, text)].key[0]
            self._complain(
                "duplicate-key", f'key "{text}" is given twice (first on line {first})', event, "keep one of the two"
            )
            top.skipped += 1
            text = f"{text}\0{top.skipped}"
        top.key, top.key_mark = text, event.start_mark

    def _open(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._fatal("yaml-depth", f"nested deeper than {MAX_DEPTH} levels", event, "flatten this part")
        mapping = isinstance(event, yaml.MappingStartEvent)
        top = self.stack[-1] if self.stack else None
        if top and top.mapping and top.key_mark is None:
            self._fatal("yaml-key", "a collection cannot be a key", event, "keys are text")
        key_mark = top.key_mark if top and top.mapping else event.start_mark
        opened = _Open(mapping, self._child_path(), event.start_mark, _position(key_mark), {} if mapping else [])
        self.marks[opened.path] = _mark(key_mark, event)
        self.stack.append(opened)

    def _close(self, event: Any) -> None:
        closed = self.stack.pop()
        value = closed.items if isinstance(closed.items, dict) else tuple(closed.items)
        start = closed.mark
        self.marks[closed.path] = Mark(closed.key_place, _position(start), start.index, event.end_mark.index)
        self._attach(value)

    def _put(self, value: Value, event: Any) -> None:
        top = self.stack[-1] if self.stack else None
        key_mark = top.key_mark if top and top.mapping and top.key_mark else event.start_mark
        self.marks[self._child_path()] = _mark(key_mark, event)
        self._attach(value)

    def _attach(self, value: Value) -> None:
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if isinstance(top.items, dict):
            top.items[top.key or ""] = value
            top.key = top.key_mark = None
        else:
            top.items.append(value)

    def _resolve(self, event: Any) -> Value:
        text: str = event.value
        if not event.implicit[0]:
            return text
        for pattern, read in _CORE:
            if pattern.fullmatch(text):
                return self._number(read, text, event)
        for pattern, seen_as in _AMBIGUOUS:
            if pattern.fullmatch(text):
                self._complain(
                    "yaml-ambiguous", f"{text} is read as {seen_as} by some YAML readers", event, f'quote it: "{text}"'
                )
                break
        return text

    def _number(self, read: Any, text: str, event: Any) -> Value:
        if len(text) > 400:
            self._complain("yaml-number", f"a number of {len(text)} digits", event, "quote it if it is text")
            return None
        return read(text)


def _position(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _mark(key_mark: Any, event: Any) -> Mark:
    return Mark(_position(key_mark), _position(event.start_mark), event.start_mark.index, event.end_mark.index)


_CORE = (
    (re.compile(r"|~|null|Null|NULL"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?(?:0|[1-9][0-9]*)"), int),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda _: float("nan")),
)

_AMBIGUOUS = (
    (re.compile(r"yes|Yes|YES|on|On|ON"), "true"),
    (re.compile(r"no|No|NO|off|Off|OFF"), "false"),
    (re.compile(r"[-+]?0[0-9_]+|0o[0-7]+"), "an octal number"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|[-+]?0b[01_]+"), "a number"),
    (re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"), "a number in base 60"),
    (re.compile(r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"), "a number"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?"), "a date"),
    (re.compile(r"="), "a special value"),
)
