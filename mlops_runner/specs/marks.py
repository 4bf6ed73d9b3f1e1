"""Where the parts of a YAML document stand: from a path of keys and indexes to lines, columns and spans."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

LINE_BREAK = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands: line and column from 1 of its key and of itself, and its span in characters."""

    key: tuple[int, int]
    value: tuple[int, int]
    start: int
    end: int


class Marks(Mapping[Path, Mark]):
    """The marks of a document by path, in file order.

    `spans` holds three offsets for each value, in file order and every collection before its parts: where its key
    starts (or itself, without a key), where it starts and where it ends. Paths, lines and columns are made on
    demand, because most documents are valid and never asked for them.
    """

    def __init__(self, text: str, value: Any, spans: list[int]) -> None:
        self._text, self._value, self._spans = text, value, spans

    def __getitem__(self, path: Path) -> Mark:
        row = self._rows[path]
        key, start, end = self._spans[row : row + 3]
        return Mark(self._position(key), self._position(start), start, end)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def below(self, path: Path) -> Iterator[tuple[Path, Mark]]:
        """Yield what stands at a path and below it; nothing if there is nothing."""
        first = self._rows.get(path)
        while first is not None and 3 * len(self._order) > first:
            found = self._order[first // 3]
            if found[: len(path)] != path:
                break
            yield found, self[found]
            first += 3

    @cached_property
    def _order(self) -> list[Path]:
        return list(self._rows)

    @cached_property
    def _rows(self) -> dict[Path, int]:
        paths = _paths(self._value) if self._spans else iter(())
        return {path: 3 * number for number, path in enumerate(paths)}

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in LINE_BREAK.finditer(self._text))]

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1


def _paths(document: Any) -> Iterator[Path]:
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        yield path
        if isinstance(value, dict | tuple):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend(((*path, name), part) for name, part in reversed(list(parts)))
