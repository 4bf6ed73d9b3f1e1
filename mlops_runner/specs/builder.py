"""From the events of the YAML parser to a value, its marks, and complaints about what is not strict YAML."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.specs.scalars import SPECIAL_FIRST, Doubt, Value, read_plain

MAX_DEPTH = 64
MAX_NODES = 500_000
MAX_PROBLEMS = 100

WRITE_OUT = "write the value out where it is needed"


@dataclass(slots=True)
class _Open:
    """A collection that is still being read. `row` is its place among the spans."""

    mapping: bool
    values: Any
    row: int = 0
    key: str = ""
    # Where the key starts whose value comes next; None while a mapping waits for a key.
    key_start: int | None = None
    first_lines: dict[str, int] = field(default_factory=dict)


class Builder:
    """Takes events one by one. Raises InvalidInput where reading on makes no sense; else collects `problems`."""

    def __init__(self, file: str) -> None:
        self.problems: list[Diagnostic] = []
        # Plain numbers, three for each value (see Marks): objects would keep the garbage collector busy.
        self.spans: list[int] = []
        self._file = file
        self._documents = 0
        # The document is the only item of this list, so that no value is a special case.
        self._top = _Open(False, [])
        self._stack = [self._top]
        self._handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        """Take the next event."""
        if handle := self._handlers.get(type(event)):
            handle(event)

    @property
    def root(self) -> Value:
        """The value of the document; None if it is empty."""
        return self._stack[0].values[0] if self._stack[0].values else None

    def complain(self, code: str, message: str, mark: Any, hint: str) -> None:
        """Add a problem; raise InvalidInput when there are already many."""
        self.problems.append(Diagnostic(code, message, Place(self._file, mark.line + 1, mark.column + 1), hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise InvalidInput(self.problems)

    def _fatal(self, code: str, message: str, mark: Any, hint: str) -> None:
        self.complain(code, message, mark, hint)
        raise InvalidInput(self.problems)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "one file holds one document: split it"
            self._fatal("yaml-documents", "a second document starts here", event.start_mark, hint)

    def _mark(self, event: Any, end: int) -> int:
        """Note where a value stands, and refuse what no value may carry. Returns its row."""
        start, key = event.start_mark.index, self._top.key_start
        row = len(self.spans)
        self.spans += (start if key is None else key, start, end)
        if row >= 3 * MAX_NODES:
            hint = "data belongs in data files, not in a spec"
            self._fatal("yaml-size", f"more than {MAX_NODES:,} values", event.start_mark, hint)
        return row

    def _bare(self, event: Any) -> None:
        if event.anchor is not None:
            self.complain("yaml-anchor", f"anchor &{event.anchor} is not allowed", event.start_mark, WRITE_OUT)
        if event.tag is not None:
            hint = "remove it; quote the value if it is text"
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.complain("yaml-tag", f"tag {tag} is not allowed", event.start_mark, hint)

    def _scalar(self, event: Any) -> None:
        text, top = event.value, self._top
        if event.anchor is not None or event.tag is not None:
            self._bare(event)
        plain = event.implicit[0] and text[:1] in SPECIAL_FIRST
        if top.mapping and top.key_start is None:
            self._key(event.start_mark, text, plain)
            return
        value = self._resolve(text, event.start_mark) if plain else text
        self._mark(event, event.end_mark.index)
        self._put(value)

    def _put(self, value: Value) -> None:
        top = self._top
        if top.mapping:
            top.values[top.key] = value
            top.key_start = None
        else:
            top.values.append(value)

    def _key(self, mark: Any, text: str, plain: bool) -> None:
        top = self._top
        if plain and text == "<<":
            self.complain(
                "yaml-merge", "merge keys (<<) are not allowed", mark, "write the keys out where they are needed"
            )
        elif plain and not isinstance(self._resolve(text, mark), str):
            self.complain("yaml-key", f"key {text or 'null'} is not text", mark, f'quote it: "{text}"')
        first = top.first_lines.setdefault(text, mark.line)
        if text in top.values:
            message = f'key "{text}" is given twice (first on line {first + 1})'
            self.complain("duplicate-key", message, mark, "keep one of the two")
        top.key, top.key_start = text, mark.index

    def _open(self, event: Any) -> None:
        start, top = event.start_mark, self._top
        self._bare(event)
        if len(self._stack) > MAX_DEPTH:
            self._fatal("yaml-depth", f"nested deeper than {MAX_DEPTH} levels", start, "flatten this part")
        if top.mapping and top.key_start is None:
            self._fatal("yaml-key", "a collection cannot be a key", start, "keys are text")
        mapping = type(event) is yaml.MappingStartEvent
        self._top = _Open(mapping, {} if mapping else [], self._mark(event, 0))
        self._stack.append(self._top)

    def _close(self, event: Any) -> None:
        closed = self._stack.pop()
        self._top = self._stack[-1]
        self.spans[closed.row + 2] = event.end_mark.index
        self._put(closed.values if closed.mapping else tuple(closed.values))

    def _alias(self, event: Any) -> None:
        mark, top = event.start_mark, self._top
        self.complain("yaml-alias", f"alias *{event.anchor} is not allowed", mark, WRITE_OUT)
        if top.mapping and top.key_start is None:
            top.key, top.key_start = f"*{event.anchor}", mark.index
        else:
            self._put(None)

    def _resolve(self, text: str, mark: Any) -> Value:
        value = read_plain(text)
        if isinstance(value, Doubt):
            self.complain(value.code, value.message, mark, value.hint)
            return text
        return value
