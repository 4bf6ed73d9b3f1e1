"""What every format does to foreign text first."""

import unicodedata

from mlops_runner.reports.document import Cell, Inline


def visible(text: str, keep: str = "") -> str:
    """Replace control characters, which could steer a terminal or break a file, by a visible mark; `keep` stays.

    Marks that reverse the direction of writing count as control characters: they make text read as something else.
    """
    return "".join(char if char in keep or not _steers(char) else "\ufffd" for char in text)


def one_line(text: str) -> str:
    """Return visible text on one line; line breaks and tabs become spaces."""
    return visible(" ".join(text.split()))


def plain(inline: Inline) -> str:
    """Return the text of a cell, without its looks."""
    return one_line(inline.text if isinstance(inline, Cell) else inline)


def _steers(char: str) -> bool:
    return (
        unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}
        or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
