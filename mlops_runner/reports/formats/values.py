"""JSON: the document for programs. Figures carry their caption and alternative text, not their drawing."""

import dataclasses
import json
from typing import Any, assert_never

from mlops_runner.reports.document import Block, Code, Facts, Figure, Folded, Inline, Paragraph, Report, Table, Verdicts

VERSION = 1


def render_json(report: Report) -> str:
    """Return the report as JSON text. `<` is written as an escape, so that the text may stand within a web page."""
    value = {
        "version": VERSION,
        "title": report.heading,
        "subtitle": report.subtitle,
        "verdict": {"answer": report.verdict.answer, "text": report.verdict.text},
        "highlights": _block(report.highlights),
        "sections": [
            {"title": section.title, "weight": section.weight, "blocks": [_block(block) for block in section.blocks]}
            for section in report.sections
        ],
    }
    return json.dumps(value, indent=2, allow_nan=False).replace("<", "\\u003c") + "\n"


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Table():
            columns = [{"name": column.name, "align": column.align} for column in block.columns]
            rows = [[_whole(cell) for cell in row] for row in block.rows]
            return {
                "kind": "table",
                "columns": columns,
                "rows": rows,
                "note": block.note,
                "marked": sorted(block.marked),
            }
        case Figure():
            return {"kind": "figure", "caption": block.caption, "alt": block.alt}
        case Facts():
            return {"kind": "facts", "items": [{"name": name, "value": _whole(value)} for name, value in block.items]}
        case Verdicts():
            return {"kind": "verdicts", "gates": [dataclasses.asdict(gate) for gate in block.gates]}
        case Paragraph() | Code():
            return dataclasses.asdict(block)
        case Folded():
            return {"kind": "folded", "summary": block.summary, "table": _block(block.table)}
        case _:
            assert_never(block)


def _whole(inline: Inline) -> str:
    """Return the full value behind a cell: programs have no use for short forms."""
    return inline if isinstance(inline, str) else inline.full or inline.text
