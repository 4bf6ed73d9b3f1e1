"""init, validate, schema, doctor: for the person who writes the documents."""

import json
from pathlib import Path

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say, show_diagnostics, tell_written
from mlops_runner.errors import EXIT_FAILED, EXIT_INVALID, EXIT_OK, Diagnostic

GITHUB_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
GITHUB_PROPERTY_ESCAPES = {**GITHUB_ESCAPES, ":": "%3A", ",": "%2C"}


@click.command()
@common_options
@click.option("--format", "form", type=click.Choice(["text", "github", "json"]), default="text", show_default=True)
def validate(settings: Settings, form: str) -> int:
    """Check every document of the pipeline; report all problems at once, with file, line, column and a hint.

    \b
    Examples:
      mlops validate
      mlops validate --format github     annotations in a pull request
    """
    project = settings.project()
    found = project.validate()
    errors = [d for d in found if d.severity == "error"]
    if settings.as_json or form == "json":
        emit_json([_json(diagnostic) for diagnostic in found])
    elif form == "github":
        for diagnostic in found:
            emit(_annotation(diagnostic))
    else:
        show_diagnostics(found)
        if not errors and not settings.quiet:
            say(f"valid: {', '.join(project.documents())}")
    return EXIT_INVALID if errors else EXIT_OK


@click.command()
@common_options
@click.argument("kind", required=False)
@click.option("--out", type=click.Path(file_okay=False), help="Write the schemas of all kinds into this folder.")
def schema(settings: Settings, kind: str | None, out: str | None) -> int:
    """Print the JSON Schema of a kind of document, or export all of them for editors.

    \b
    Examples:
      mlops schema                  the kinds there are
      mlops schema Training
      mlops schema --out schemas
    """
    from mlops_runner.specs.schema import KINDS, export, json_schema

    if out:
        tell_written(settings, export(Path(out)))
    elif kind:
        emit(json.dumps(json_schema(kind), indent=2))
    elif settings.as_json:
        emit_json(list(KINDS))
    else:
        emit("\n".join(KINDS))
    return EXIT_OK


@click.command()
@common_options
@click.option("--fix", is_flag=True, help="Remove what killed runs left behind.")
def doctor(settings: Settings, fix: bool) -> int:
    """Look for what would keep the runner from working here: exit 0 or 1.

    \b
    Examples:
      mlops doctor
      mlops doctor --fix
    """
    from mlops_runner.doctor import examine

    findings = examine(settings.project(), fix=fix)
    if settings.as_json:
        emit_json([{"name": f.name, "ok": f.ok, "what": f.what, "hint": f.hint} for f in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            sign = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
            emit(f"  {sign} {finding.name:<{width}}  {finding.what}")
            if finding.hint and not finding.ok:
                emit(f"    {'':<{width}}  hint: {finding.hint}")
    return EXIT_OK if all(finding.ok for finding in findings) else EXIT_FAILED


@click.command()
@common_options
@click.argument("folder", default=".", type=click.Path(file_okay=False))
@click.option("--name", help="Name of the pipeline.  [default: the folder's]")
def init(settings: Settings, folder: str, name: str | None) -> int:
    """Start a project: a small pipeline on a bundled data set that runs at once, to be edited.

    Files that are there already are never touched.

    \b
    Examples:
      mlops init churn && cd churn && mlops run
    """
    from mlops_runner.starter import write_starter

    target = Path(settings.directory) / folder
    tell_written(settings, write_starter(target, name or target.resolve().name))
    say("next: mlops plan, then mlops run")
    return EXIT_OK


def _json(diagnostic: Diagnostic) -> dict[str, object]:
    place = diagnostic.place
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": place and place.file,
        "line": place and place.line,
        "column": place and place.column,
    }


def _annotation(diagnostic: Diagnostic) -> str:
    """Render a diagnostic as a workflow command, escaped so that no text of a user becomes another command."""
    place = diagnostic.place
    properties = {"title": diagnostic.code}
    if place:
        properties |= {"file": place.file, "line": str(place.line), "col": str(place.column)}
    listed = ",".join(f"{key}={_escape(value, GITHUB_PROPERTY_ESCAPES)}" for key, value in properties.items())
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return f"::{diagnostic.severity} {listed}::{_escape(diagnostic.message + hint, GITHUB_ESCAPES)}"


def _escape(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
