"""A YAML document as written: where its values end, what brackets or indentation they stand in, which style it has."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from mlops_runner.specs.locations import Document
from mlops_runner.specs.marks import LINE_BREAK, Path
from mlops_runner.specs.scalars import Value
from mlops_runner.specs.yaml_text import Style

_QUOTED_KEY = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", re.DOTALL)
_COLON = re.compile(r":(?=[\s,\[\]{}]|$)")
_TO_COMMA = re.compile(r"(?:\s|#[^\r\n]*)*,")


@dataclass(frozen=True)
class Page:
    """Offsets in the text of a document. Ends leave out comments, except that blocks end with their last line."""

    document: Document
    style: Style

    @property
    def text(self) -> str:
        """The text all offsets count in."""
        return self.document.text

    def value(self, path: Path) -> Value:
        """Return the value at a path that exists."""
        found = self.document.value
        for part in path:
            found = found[part]
        return found

    def start(self, path: Path) -> int:
        """Return where a value starts."""
        return self.document.marks[path].start

    def end(self, path: Path) -> int:
        """Return where a value ends."""
        if self.is_block(path):
            return self.line_end(self.end(self.last(path)))
        mark = self.document.marks[path]
        if self.text[mark.start : mark.start + 1] not in {"|", ">"}:
            return mark.end
        written = self.text[mark.start : mark.end]
        # After |+ the empty lines that follow are part of the text.
        kept = re.sub(r"(?:\r\n|\r|\n)\Z", "", written) if "+" in LINE_BREAK.split(written)[0] else written.rstrip()
        return mark.start + len(kept)

    def entry_start(self, path: Path) -> int:
        """Return where the key, the dash, or in brackets the item starts."""
        if path and isinstance(path[-1], int) and not self.in_brackets(path):
            return self.dash(path)
        line, column = self.document.marks[path].key
        return self._lines[line - 1] + column - 1

    def indicator_end(self, path: Path) -> int | None:
        """Return the offset behind the colon or dash of a value; None without one."""
        if path and isinstance(path[-1], int):
            return None if self.in_brackets(path) else self.dash(path) + 1
        key = self.entry_start(path)
        quoted = _QUOTED_KEY.match(self.text, key)
        colon = _COLON.search(self.text, quoted.end() if quoted else key)
        return colon.end() if path and colon and colon.end() <= max(self.start(path), key + 1) else None

    def dash(self, path: Path) -> int:
        """Return the offset of the dash of an item: on the item's line, or above it."""
        column = self.column(self.start(path[:-1]))
        line = self._line(self.start(path))
        while self.text[self._lines[line] + column : self._lines[line] + column + 1] != "-":
            line -= 1
        return self._lines[line] + column

    def last(self, path: Path) -> Path:
        """Return the path of the last part of a collection that has parts."""
        value = self.value(path)
        return (*path, next(reversed(value)) if isinstance(value, dict) else len(value) - 1)

    def next(self, path: Path) -> Path | None:
        """Return the path of the part after this one."""
        if isinstance(path[-1], int):
            return (*path[:-1], path[-1] + 1) if path[-1] + 1 < len(self.value(path[:-1])) else None
        keys = list(self.value(path[:-1]))
        after = keys.index(path[-1]) + 1
        return (*path[:-1], keys[after]) if after < len(keys) else None

    def has_brackets(self, path: Path) -> bool:
        """Whether a value is a collection in brackets or braces."""
        start = self.start(path)
        return isinstance(self.value(path), dict | tuple) and self.text[start : start + 1] in {"[", "{"}

    def in_brackets(self, path: Path) -> bool:
        """Whether a value stands in a collection with brackets."""
        return any(self.has_brackets(path[:length]) for length in range(len(path)))

    def is_block(self, path: Path) -> bool:
        """Whether a value is a collection that is written by indentation."""
        collection = isinstance(self.value(path), dict | tuple)
        return collection and not self.has_brackets(path) and not self.in_brackets(path)

    def comma(self, offset: int) -> int | None:
        """Return the offset behind the comma that follows, past space and comments."""
        found = _TO_COMMA.match(self.text, offset)
        return found.end() if found else None

    def line_start(self, offset: int) -> int:
        """Return where the line of an offset starts."""
        return self._lines[self._line(offset)]

    def line_end(self, offset: int) -> int:
        """Return where the line of an offset ends, before its line break."""
        found = LINE_BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def next_line(self, offset: int) -> int:
        """Return where the line after an offset starts, or the end of the text."""
        found = LINE_BREAK.search(self.text, offset)
        return found.end() if found else len(self.text)

    def column(self, offset: int) -> int:
        """Return the column of an offset, from 0."""
        return offset - self.line_start(offset)

    def starts_line(self, offset: int) -> bool:
        """Whether only space stands before an offset in its line."""
        return not self.text[self.line_start(offset) : offset].strip(" \t")

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in LINE_BREAK.finditer(self.text))]

    def _line(self, offset: int) -> int:
        return bisect_right(self._lines, offset) - 1


def style_of(document: Document) -> Style:
    """Return a document's own line break and indentation, as its first examples show them."""
    page = Page(document, Style())
    found = LINE_BREAK.search(page.text)
    steps: dict[type, int] = {}
    for path in document.marks:
        if path and isinstance(path[-1], str) and page.is_block(path):
            deeper = page.column(page.start(path)) - page.column(page.entry_start(path))
            steps.setdefault(type(page.value(path)), deeper)
    step = steps.get(dict, 2)
    return Style(found[0] if found else "\n", step, steps.get(tuple, step))
