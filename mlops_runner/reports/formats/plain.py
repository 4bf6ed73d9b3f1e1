"""Text for a terminal: aligned columns, no colours, nothing that could steer the terminal."""

import textwrap
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
    Inline,
    Paragraph,
    Report,
    Section,
    Table,
    Verdicts,
    verdict_word,
)
from mlops_runner.reports.formats.safe import one_line, plain, visible

WIDTH = 100


def render_text(report: Report) -> str:
    """Return the report as plain text, tables as wide as they are, running text wrapped at 100 characters."""
    title = one_line(report.heading)
    head = [title, "=" * len(title), *_wrapped(report.subtitle), ""]
    head += [*_wrapped(f"{verdict_word(report.verdict.answer)}: {report.verdict.text}"), ""]
    lines = [*head, *facts_lines(report.highlights.items)]
    for section in report.sections:
        lines += ["", *_section(section)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    title = one_line(section.title)
    yield from (title, "-" * len(title))
    for block in section.blocks:
        yield from _block(block)
        yield ""


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return _wrapped(block.text)
        case Table():
            return [*table_lines(block.columns, block.rows), *_wrapped(block.note)]
        case Figure():
            return _wrapped(f"[figure] {block.caption} {block.alt}")
        case Facts():
            return facts_lines(block.items)
        case Verdicts():
            heads = tuple(Column(name) for name in ("Verdict", "Gate", "Numbers compared", "Measured on"))
            rows = tuple((verdict_word(gate.answer), gate.name, gate.comparison, gate.where) for gate in block.gates)
            return table_lines(heads, rows)
        case Code():
            return [f"  {line}" for line in visible(block.text, "\n\t").split("\n")]
        case Folded():
            return _wrapped(f"{block.summary}.")
        case _:
            assert_never(block)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(one_line(text), WIDTH)


def facts_lines(items: tuple[tuple[str, Inline], ...]) -> list[str]:
    """Return names and values as two columns."""
    widest = max((len(one_line(name)) for name, _ in items), default=0)
    return [f"{one_line(name):<{widest}}  {plain(value)}" for name, value in items]


def table_lines(columns: tuple[Column, ...], rows: tuple[tuple[Inline, ...], ...]) -> list[str]:
    """Return aligned lines, the head first."""
    table = [[one_line(column.name) for column in columns], *([_spelled(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(columns))]
    return [
        "  ".join(_padded(text, width, column) for text, width, column in zip(row, widths, columns, strict=True))
        for row in table
    ]


def _padded(text: str, width: int, column: Column) -> str:
    return text.rjust(width) if column.align == "right" else text.ljust(width)


def _spelled(inline: Inline) -> str:
    """Return the text of a cell with what stands beside it."""
    beside = f" {one_line(inline.small)}" if isinstance(inline, Cell) and inline.small else ""
    return plain(inline) + beside
