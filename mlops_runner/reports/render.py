"""One report, four forms."""

from typing import Literal, assert_never

from mlops_runner.reports.document import Report
from mlops_runner.reports.formats.html import render_html
from mlops_runner.reports.formats.markdown import render_markdown
from mlops_runner.reports.formats.plain import render_text
from mlops_runner.reports.formats.values import render_json

Format = Literal["html", "markdown", "text", "json"]

__all__ = ["Format", "render", "render_html", "render_json", "render_markdown", "render_text"]


def render(report: Report, form: Format) -> str:
    """Return the report as text in the given form; the same report gives the same bytes."""
    match form:
        case "html":
            return render_html(report)
        case "markdown":
            return render_markdown(report)
        case "text":
            return render_text(report)
        case "json":
            return render_json(report)
        case _:
            assert_never(form)
