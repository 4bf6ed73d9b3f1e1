"""The text of a query, taken apart just far enough to tell that it is one SELECT and which parameters it has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

AS_OF = "as_of"

_PARTS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<quoted> \b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \$(\w*)\$.*?\$\3\$ )
    | (?P<cast> :: )
    | (?P<parameter> (?<![:\w\]]):[A-Za-z_]\w* )
    | (?P<word> \w+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a query: comment, quoted, cast, parameter, word or sign."""

    kind: str
    text: str


def parts(query: str) -> Iterator[Part]:
    """Yield the pieces of a query, in order and without loss."""
    for found in _PARTS.finditer(query):
        yield Part(str(found.lastgroup), found[0])


def parameters(query: str) -> frozenset[str]:
    """Return the names of the parameters of a query: of :as_of, `as_of`."""
    return frozenset(part.text[1:] for part in parts(query) if part.kind == "parameter")


def statement(query: str) -> tuple[Part, ...]:
    """Return the pieces of a query without the semicolon that may end it, and what follows that."""
    code = tuple(parts(query))
    end = max((at for at, part in enumerate(code) if not _empty(part)), default=0)
    return code[:end] if code and code[end].text == ";" else code


def _empty(part: Part) -> bool:
    return part.kind == "comment" or part.text.isspace()


def fault(query: str) -> str | None:
    """Say why a text is not one SELECT, or return None. What it does to the database is for the database to say."""
    code = [part for part in statement(query) if not _empty(part)]
    first = next((part.text.upper() for part in code if part.text != "("), "")
    if first not in {"SELECT", "WITH"}:
        return f"it starts with {first[:20]}" if first else "it is empty"
    depth = 0
    for part in code:
        if part.kind == "sign" and part.text in "'\"`;":
            return "it holds a second statement" if part.text == ";" else "a quotation mark is not closed"
        depth += {"(": 1, ")": -1}.get(part.text, 0)
        if depth < 0:
            return "it closes a bracket that it never opened"
    return "it opens a bracket that it never closes" if depth else None
