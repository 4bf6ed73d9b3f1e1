"""One edit of a page: which span of its text is replaced, and by what. Everything else stays as it was written."""

import re

from mlops_runner.specs.marks import Path
from mlops_runner.specs.page import Page
from mlops_runner.specs.scalars import Value
from mlops_runner.specs.yaml_text import (
    below_key,
    block_lines,
    flow_text,
    is_block,
    item_lines,
    pair_lines,
    scalar_text,
)

_OF_THE_FILE = re.compile(r"# ?(?:yaml-language-server:|@)|#!")


def replace(page: Page, path: Path, value: Value) -> str:
    """Write another value at a path. A collection in brackets stays in brackets, quoted text in its quotes."""
    start, end = page.start(path), page.end(path)
    first = page.text[start : start + 1]
    quote = first if first in {"'", '"'} and not page.is_block(path) else ""
    if page.in_brackets(path):
        lead = _lead(page, path) if start == end else ""
        new = scalar_text(value, quote=quote, flow=True) if isinstance(value, str) else flow_text(value)
        return _cut(page, start, end, lead + new)
    if is_block(value) and not (page.has_brackets(path) and page.value(path)):
        return _put_block(page, path, value)
    return _put_inline(page, path, flow_text(value) if is_block(value) else _inline(value, quote))


def insert(page: Page, path: Path, value: Value) -> str:
    """Add a key to a mapping, or an item to the end of a list; an empty `{}` or `[]` becomes a block."""
    owner, key = path[:-1], path[-1]
    only = {key: value} if isinstance(key, str) else (value,)
    if not page.value(owner):
        return replace(page, owner, only)
    if not page.is_block(owner):
        text = flow_text(only)[1:-1]
        return _insert_in_brackets(page, owner, text)
    lines = pair_lines(key, value, page.style) if isinstance(key, str) else item_lines(value, page.style)
    indent = page.style.newline + " " * page.column(page.start(owner))
    at = page.end(owner)
    return _cut(page, at, at, "".join(indent + line for line in lines))


def remove(page: Page, path: Path) -> str:
    """Remove a key or an item with its comments: behind it, and in the lines directly above at its indentation."""
    owner = path[:-1]
    if len(page.value(owner)) == 1:
        empty = "{}" if isinstance(page.value(owner), dict) else "[]"
        if page.is_block(owner):
            return _put_inline(page, owner, empty)
        return _cut(page, page.start(owner), page.end(owner), empty)
    if not page.is_block(owner):
        return _remove_in_brackets(page, path)
    start, end = page.entry_start(path), page.end(path)
    following = page.next(path)
    if not page.starts_line(start) and following:
        # Behind a dash: what comes next, or the comment above it, moves up.
        gap = page.text[page.next_line(end) : page.entry_start(following)]
        return _cut(page, start, page.next_line(end) + len(gap) - len(gap.lstrip()))
    above, below = _comments_above(page, start), page.next_line(end)
    if below == page.line_end(end):
        # The last line of a file without a final line break: the break before it goes instead.
        above = page.line_end(page.line_start(above - 1))
    return _cut(page, above, below)


def _previous(page: Page, path: Path) -> Path:
    if isinstance(path[-1], int):
        return (*path[:-1], path[-1] - 1)
    keys = list(page.value(path[:-1]))
    return (*path[:-1], keys[keys.index(path[-1]) - 1])


def _cut(page: Page, start: int, end: int, new: str = "") -> str:
    return page.text[:start] + new + page.text[end:]


def _inline(value: Value, quote: str) -> str:
    return flow_text(value) if isinstance(value, dict | tuple) else scalar_text(value, quote=quote)


def _lead(page: Page, path: Path) -> str:
    """Return what goes between a key and the value it did not have yet."""
    after = page.indicator_end(path)
    if after is None:
        return ": "
    return " " if after == page.start(path) else ""


def _put_inline(page: Page, path: Path, new: str) -> str:
    start, end = page.start(path), page.end(path)
    after = page.indicator_end(path)
    if after is None:
        return _cut(page, start, end, new)
    line_end = page.line_end(after)
    if line_end < start:
        # The old value stood below: the new one moves up, before the comment behind the colon.
        return _cut(page, after, end, f" {new}{page.text[after:line_end].rstrip()}")
    return _cut(page, start, end, new if start > after else f" {new}")


def _put_block(page: Page, path: Path, value: Value) -> str:
    start, end = page.start(path), page.end(path)
    lines, newline = block_lines(value, page.style), page.style.newline
    after = page.indicator_end(path)
    if after is None:
        above = "" if page.starts_line(start) else newline
        return _cut(page, start, end, above + newline.join(lines))
    below = page.line_end(after) < start
    comment = page.text[after : page.line_end(after)] if below else page.text[end : page.line_end(end)]
    column = page.column(page.entry_start(path))
    if isinstance(path[-1], int) and not comment.strip():
        indent = newline + " " * (column + 2)
        return _cut(page, after, page.line_end(end), " " + indent.join(lines))
    deeper = 2 if isinstance(path[-1], int) else below_key(value, page.style)
    indent = newline + " " * (column + deeper)
    return _cut(page, after, page.line_end(end), comment.rstrip() + "".join(indent + line for line in lines))


def _insert_in_brackets(page: Page, owner: Path, text: str) -> str:
    last = page.last(owner)
    start, end, closing = page.entry_start(last), page.end(last), page.end(owner)
    comma = page.comma(end)
    if page.line_end(comma or end) < closing and page.starts_line(start):
        # One item per line: another line, behind the comment of the last.
        at = page.line_end(comma or end)
        line = page.style.newline + page.text[page.line_start(start) : start] + text
        return (
            page.text[:end]
            + ("" if comma else ",")
            + page.text[end:at]
            + line
            + ("," if comma else "")
            + page.text[at:]
        )
    at = comma or end
    return _cut(page, at, at, f" {text}" if comma else f", {text}")


def _remove_in_brackets(page: Page, path: Path) -> str:
    start, end = page.entry_start(path), page.end(path)
    comma = page.comma(end)
    stop = re.compile(r"[ \t]*").match(page.text, comma or end).end()  # type: ignore[union-attr]
    if page.starts_line(start) and (stop == page.line_end(stop) or page.text[stop] == "#"):
        return _cut(page, page.line_start(start), page.next_line(stop))
    if comma:
        return _cut(page, start, stop)
    before = page.end(_previous(page, path))
    return _cut(page, before, end)


def _comments_above(page: Page, start: int) -> int:
    """Return where the comment lines directly above start. What speaks to tools about the file is no such comment."""
    column, above = page.column(start), page.line_start(start)
    while above > 0:
        line = page.line_start(above - 1)
        comment = page.text.startswith("#", line + column) and page.starts_line(line + column)
        if not comment or _OF_THE_FILE.match(page.text, line + column):
            break
        above = line
    return above
