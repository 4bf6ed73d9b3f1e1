"""HTML: one self-contained page, without scripts or requests, for screens light and dark and for paper."""

import re
from functools import cache
from typing import Any, assert_never

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mlops_runner.reports.document import (
    Block,
    Code,
    Facts,
    Figure,
    Folded,
    Paragraph,
    Report,
    Table,
    Verdicts,
    verdict_word,
)
from mlops_runner.reports.formats.safe import plain, visible


def render_html(report: Report) -> str:
    """Return the page as text. Every string of the report is escaped; only the SVG of figures is taken as it is."""
    return _environment().get_template("report.html.j2").render(report=report, anchors=_anchors(report))


@cache
def _environment() -> Environment:
    loader = PackageLoader("mlops_runner.reports")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"block": _block, "inline": plain, "visible": lambda text: visible(text, "\n\t")}
    # Names of metrics may go on in another line after an underscore, where a page is narrow.
    environment.filters["breakable"] = lambda text: escape(text).replace("_", Markup("_<wbr>"))
    environment.globals["word"] = verdict_word
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    return environment


def _block(block: Block) -> Markup:
    """Render one block with its macro, which escapes and therefore answers Markup."""
    macros: Any = _environment().get_template("blocks.html.j2").module
    match block:
        case Paragraph():
            html: Markup = macros.paragraph(block)
        case Table():
            html = macros.table(block)
        case Figure():
            html = macros.figure(block)
        case Facts():
            html = macros.facts(block)
        case Verdicts():
            html = macros.verdicts(block)
        case Code():
            html = macros.code(block)
        case Folded():
            html = macros.folded(block)
        case _:
            assert_never(block)
    return html


def _anchors(report: Report) -> list[str]:
    """Name each section for links within the page; the number keeps equal titles apart."""
    slugs = [re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") for section in report.sections]
    return [f"{at}-{slug}" for at, slug in enumerate(slugs, start=1)]
