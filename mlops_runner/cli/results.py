"""gate, report, diff: what came of a run, for people and programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.errors import EXIT_CHANGES, EXIT_OK, EXIT_REFUSED, Diagnostic, UsageFailure

if TYPE_CHECKING:
    from mlops_runner.api import Project
    from mlops_runner.data.compare import Difference
    from mlops_runner.reports.since import Since


@click.command()
@common_options
@click.option("--baseline", metavar="REF", help="Also refuse metrics that are clearly worse than at a git revision.")
def gate(settings: Settings, baseline: str | None) -> int:
    """Answer by the gates of the last run: exit 0 or 3. Executes nothing.

    \b
    Examples:
      mlops gate
      mlops gate --json
      mlops gate --baseline main     and nothing may be worse than there, beyond chance
    """
    from mlops_runner.reports.since import since_json, since_text
    from mlops_runner.reports.verdict import gates_text, verdict_json

    project = settings.project()
    verdict = project.verdict()
    since = _since(project, baseline) if baseline else None
    if settings.as_json:
        emit_json({**verdict_json(verdict, []), **({"since": since_json(since)} if since else {})})
    else:
        emit(gates_text(verdict) or "  no gates are declared")
        if since:
            emit(since_text(since))
    return EXIT_OK if verdict.passed and not (since and since.refused) else EXIT_REFUSED


def _since(project: "Project", revision: str) -> "Since":
    from mlops_runner.api.since import since

    found = since(revision, project.lock_at(revision), project.lock(), project.evidence())
    if found is None:
        message = f"the lock of {revision} has no evaluation to compare with"
        raise UsageFailure(Diagnostic("no-run", message, hint="name a revision that has one"))
    return found


@click.command()
@common_options
@click.option(
    "--format", "form", type=click.Choice(["html", "markdown", "text", "json"]), default="html", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False), help="File to write.  [default: .mlops/report.html, or stdout]")
def report(settings: Settings, form: Any, out: str | None) -> int:
    """Write the report of the last run: one page, with plots.

    \b
    Examples:
      mlops report
      mlops report --format markdown
      mlops report --out report.html
    """
    from mlops_runner.durable import write_text
    from mlops_runner.reports.render import Format, render

    project = settings.project()
    chosen: Format = "json" if settings.as_json else form
    if chosen == "html" and out is None:
        emit(str(project.write_report()))
        return EXIT_OK
    text = render(project.report(), chosen)
    if out is None:
        emit(text)
    else:
        write_text(Path(out), text)
        say(f"wrote {out}")
    return EXIT_OK


@click.command()
@common_options
@click.argument("revisions", default="HEAD..")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True)
@click.option("--check", is_flag=True, help="Exit 2 when something differs.")
def diff(settings: Settings, revisions: str, form: str, check: bool) -> int:
    """Compare what two revisions resolved to: A..B, or A.. for the working tree.

    \b
    Examples:
      mlops diff                     HEAD with the working tree
      mlops diff main..HEAD
      mlops diff v1..v2 --format markdown
    """
    from mlops_runner.lock.compare import compare
    from mlops_runner.reports.diff import diff_json, render_diff

    old, new = revisions_of(revisions)
    project = settings.project()
    changes = list(compare(project.lock_at(old), project.lock_at(new) if new else project.lock()))
    data, absent = (
        _data(project, old, new) if any(c.stage == "data" and c.part == "outputs" for c in changes) else (None, "")
    )
    if settings.as_json:
        emit_json(diff_json(changes, data))
    else:
        emit(render_diff(changes, form, data, absent))
    return EXIT_CHANGES if check and changes else EXIT_OK


def _data(project: "Project", old: str, new: str) -> "tuple[Difference | None, str]":
    """Compare the data of both revisions; without it on this machine, say so."""
    from mlops_runner.api.data_versions import compare_revisions

    try:
        return compare_revisions(project, old, new), ""
    except UsageFailure as error:
        return None, "; ".join(f"{d.message} ({d.hint})" for d in error.diagnostics)


def revisions_of(text: str) -> tuple[str, str]:
    """Take A..B apart; B is empty for the working tree. Raises UsageFailure."""
    old, dots, new = text.partition("..")
    if not dots or not old or new.startswith("."):
        message = f'"{text}" does not name two revisions'
        raise UsageFailure(Diagnostic("usage", message, hint="write A..B, or A.. for the working tree"))
    return old, new
