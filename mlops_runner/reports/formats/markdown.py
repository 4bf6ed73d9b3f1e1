"""Markdown as GitHub reads it, for comments on pull requests. Figures become their caption: a comment has no SVG."""

import re
from collections.abc import Iterator
from typing import assert_never

from mlops_runner.reports.document import (
    Block,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Folded,
    Gate,
    Inline,
    Paragraph,
    Report,
    Section,
    Table,
    Verdicts,
    verdict_word,
)
from mlops_runner.reports.formats.safe import one_line, plain, visible

SIGNS = {"pass": "✅", "fail": "❌", "unmeasured": "⚠️", "no-gates": "⚪", "same": "✅", "different": "🔶"}
# Breaks "@team" and "#1" for GitHub, which would otherwise notify people and link issues; nobody sees it.
JOINER = "\u2060"


def render_markdown(report: Report) -> str:
    """Return the report as Markdown; every string is escaped, so that none starts a tag, a link or a table cell."""
    head = [f"# {escape(report.heading)}", escape(report.subtitle), _verdict(report)]
    if report.highlights.items:
        head.append(" · ".join(f"{escape(name)} {_highlight(value)}" for name, value in report.highlights.items))
    parts = [*head, *(_section(section) for section in report.sections)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Escape foreign text for a line of Markdown, within tables too."""
    quiet = re.sub(r"([@#])(?=\w)", rf"\1{JOINER}", one_line(text))
    entities = quiet.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    marked = re.sub(r"([\\`*\[\]|~$!])", r"\\\1", entities)
    # Underscores within words are no emphasis on GitHub, and names of metrics read better without backslashes.
    marked = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", marked)
    marked = re.sub(r"(?i)\b(https?|ftp|www)(?=[:.])", rf"\1{JOINER}", marked)
    return re.sub(r"^([-+#=]|\d+[.)](?=\s|$))", _first, marked)


def _first(found: re.Match[str]) -> str:
    """Escape what would start a list, a heading or a line."""
    return f"{found[1][:-1]}\\{found[1][-1]}"


def _verdict(report: Report) -> str:
    answer = report.verdict.answer
    return f"{SIGNS[answer]} **{verdict_word(answer)}** {escape(report.verdict.text)}"


def _section(section: Section) -> str:
    body = "\n\n".join(filter(None, (_block(block) for block in section.blocks)))
    if section.weight == "main":
        return f"## {escape(section.title)}\n\n{body}"
    return _details(section.title, body)


def _details(summary: str, body: str) -> str:
    return f"<details>\n<summary>{escape(summary)}</summary>\n\n{body}\n\n</details>"


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return escape(block.text)
        case Table():
            return "\n".join(_table(block.columns, block.rows)) + (f"\n\n{escape(block.note)}" if block.note else "")
        case Figure():
            return f"*{escape(block.caption)}* {escape(block.alt)}"
        case Facts():
            return "\n".join(_table((Column("Fact"), Column("Value")), block.items))
        case Verdicts():
            heads = tuple(Column(name) for name in ("Verdict", "Gate", "Numbers compared", "Measured on"))
            return "\n".join(_table(heads, tuple(_gate(gate) for gate in block.gates)))
        case Code():
            return _fenced(block)
        case Folded():
            return _details(block.summary, _block(block.table))
        case _:
            assert_never(block)


def _gate(gate: Gate) -> tuple[Inline, ...]:
    word = f"{SIGNS[gate.answer]} {verdict_word(gate.answer)}"
    return (word, Cell(gate.name, strong=True), Cell(gate.comparison, mono=True), gate.where)


def _table(columns: tuple[Column, ...], rows: tuple[tuple[Inline, ...], ...]) -> Iterator[str]:
    yield "| " + " | ".join(escape(column.name) for column in columns) + " |"
    yield "|" + "|".join("---:" if column.align == "right" else "---" for column in columns) + "|"
    for row in rows:
        yield "| " + " | ".join(_inline(inline) for inline in row) + " |"


def _inline(inline: Inline) -> str:
    text = plain(inline)
    if isinstance(inline, str) or not text:
        return escape(text)
    if inline.mono:
        return _code(text)
    words = f"**{escape(text)}**" if inline.strong else escape(text)
    return f"{words} {escape(inline.small)}" if inline.small else words


def _highlight(inline: Inline) -> str:
    """Write the value in bold, and what stands beside it in brackets."""
    small = inline.small if isinstance(inline, Cell) else ""
    return f"**{escape(plain(inline))}**" + (f" ({escape(small)})" if small else "")


def _code(text: str) -> str:
    """Write a code span whose fence is longer than any run of backticks within; a pipe would still end the cell."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{edge}{text}{edge}{fence}".replace("|", "\\|")


def _fenced(block: Code) -> str:
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", block.text)), default=2))
    language = re.sub(r"[^A-Za-z0-9_-]", "", block.language)
    return f"{fence}{language}\n{visible(block.text, chr(10) + chr(9))}\n{fence}"
