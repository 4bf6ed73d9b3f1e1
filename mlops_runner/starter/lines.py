"""Lines of YAML with comments beside them, or above them where they would be too long."""

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from mlops_runner.specs.yaml_text import flow_text, scalar_text

WIDTH = 120
COMMENT_AT = 32


def commented(line: str, comment: str = "", at: int = COMMENT_AT) -> list[str]:
    """Put a comment behind a line, from a column on; above it, if both are too long for one line."""
    comment = " ".join("".join(c if c.isprintable() else " " for c in comment).split())
    if not comment:
        return [line]
    beside = f"{line:<{at}} # {comment}" if len(line) < at else f"{line}  # {comment}"
    if len(beside) <= WIDTH:
        return [beside]
    indent = " " * (len(line) - len(line.lstrip()))
    return [*(f"{indent}# {part}" for part in wrap(comment, WIDTH - len(indent) - 2)), line]


def pair(key: str, value: Any, indent: int = 0) -> str:
    """Write `key: value` in one line."""
    return f"{' ' * indent}{scalar_text(key)}: {flow_text(value)}"


def mapping(fields: Mapping[str, Any], comments: Mapping[str, str], indent: int = 2) -> list[str]:
    """Write a mapping, a line for each of its keys."""
    return [
        line for key, value in fields.items() for line in commented(pair(key, value, indent), comments.get(key, ""))
    ]


def entry(key: str, fields: Mapping[str, Any], comment: str, at: int) -> list[str]:
    """Write `key: {…}` in one line with its comment, or as a block with wrapped lists when it is too long."""
    line = pair(key, fields, 2)
    if len(line) <= WIDTH:
        return commented(line, comment, at)
    head = commented(f"  {scalar_text(key)}:", comment, at)
    return [*head, *(part for name, value in fields.items() for part in _wrapped(name, value))]


def _wrapped(name: str, value: Any) -> Iterable[str]:
    line = pair(name, value, 4)
    if len(line) <= WIDTH or not isinstance(value, tuple | list):
        return [line]
    rows, row = [], ""
    for item in (flow_text(item) for item in value):
        if row and len(row) + len(item) > WIDTH - 10:
            rows.append(row)
            row = ""
        row += f"{item}, "
    return [f"    {scalar_text(name)}: [", *(f"      {text.rstrip()}" for text in [*rows, row.rstrip(", ")]), "    ]"]
