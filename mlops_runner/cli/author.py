"""init, validate, schema, doctor: for the person who writes the documents."""

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say, show_diagnostics, tell_written
from mlops_runner.cli.everywhere import Answer, all_pipelines_option, answer, every_pipeline, for_each
from mlops_runner.errors import EXIT_FAILED, EXIT_INVALID, EXIT_OK, Diagnostic

if TYPE_CHECKING:
    from mlops_runner.api import Project

GITHUB_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
GITHUB_PROPERTY_ESCAPES = {**GITHUB_ESCAPES, ":": "%3A", ",": "%2C"}


@click.command()
@common_options
@click.option("--format", "form", type=click.Choice(["text", "github", "json"]), default="text", show_default=True)
@all_pipelines_option
def validate(settings: Settings, form: str, everywhere: bool) -> int:
    """Check every document of the pipeline; report all problems at once, with file, line, column and a hint.

    \b
    Examples:
      mlops validate
      mlops validate --format github     annotations in a pull request
      mlops validate -P                  the documents of all pipelines
    """
    settings.as_json |= form == "json"
    command = functools.partial(_validated, settings, form=form, said=set())
    if not everywhere:
        return answer(settings, command, everywhere=False)
    return for_each(settings, command, every_pipeline(settings.project()))


def _validated(settings: Settings, folder: str, project: "Project", *, form: str, said: set[Diagnostic]) -> Answer:
    from mlops_runner.api.below import shifted

    found = project.validate()
    errors = [d for d in found if d.severity == "error"]
    told = [problem for problem in shifted(folder, found) if problem not in said]  # those above repeat what is below
    said.update(told)

    def show() -> None:
        if form == "github":
            for diagnostic in told:
                emit(_annotation(diagnostic))
            return
        show_diagnostics(told)
        if not errors and not settings.quiet:
            say(f"valid: {', '.join(project.documents())}")

    words = f"{len(errors)} errors" if len(errors) > 1 else "1 error" if errors else "valid"
    return Answer(EXIT_INVALID if errors else EXIT_OK, show, lambda: [_json(diagnostic) for diagnostic in told], words)


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
@click.option("--fix", is_flag=True, help="Remove what killed runs left behind; let git merge the lock.")
@all_pipelines_option
def doctor(settings: Settings, fix: bool, everywhere: bool) -> int:
    """Look for what would keep the runner from working here: exit 0 or 1.

    \b
    Examples:
      mlops doctor
      mlops doctor --fix
    """
    command = functools.partial(_examined, fix=fix)
    if not everywhere:
        return answer(settings, command, everywhere=False)
    project = settings.project()  # first: what is set up there holds below
    return for_each(settings, command, {".": project, **every_pipeline(project)})


def _examined(_: str, project: "Project", *, fix: bool) -> Answer:
    from mlops_runner.doctor import examine

    findings = examine(project, fix=fix)

    def show() -> None:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            sign = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
            emit(f"  {sign} {finding.name:<{width}}  {finding.what}")
            if finding.hint and not finding.ok:
                emit(f"    {'':<{width}}  hint: {finding.hint}")

    bad = [finding.name for finding in findings if not finding.ok]
    return Answer(
        EXIT_FAILED if bad else EXIT_OK,
        show,
        lambda: [{"name": f.name, "ok": f.ok, "what": f.what, "hint": f.hint} for f in findings],
        f"look at {', '.join(bad)}" if bad else "fine",
    )


@click.command()
@common_options
@click.argument("folder", default=".", type=click.Path(file_okay=False))
@click.option("--name", help="Name of the pipeline.  [default: the folder's]")
@click.option("--from", "table", metavar="FILE", help="A CSV or Parquet file, a pattern, or a folder of Parquet files.")
@click.option("--target", metavar="COLUMN", help="What is to be predicted; needed with --from.")
@click.option("--time", metavar="COLUMN", help="When a row came about; the split follows it.")
@click.option("--group", metavar="COLUMN", help="What rows belong to; groups are kept together.")
@click.option("--id", "row_id", metavar="COLUMN", help="What names a row.")
@click.option("--positive", metavar="VALUE", help="The class to find, of a target with two.")
@click.option(
    "--task",
    type=click.Choice(["binary", "multiclass", "regression", "ranking"]),
    help="What kind of prediction it is; a ranking needs --group, the query.",
)
@click.option("--copy", is_flag=True, help="Copy a file from outside the folder into its data/.")
def init(settings: Settings, folder: str, name: str | None, table: str | None, **wishes: Any) -> int:
    """Start a project: documents that fit a table, or a small pipeline on a bundled data set. It runs at once.

    With --from, types, roles, limits, split, task and gates are inferred from all rows, with a comment where something
    is not plain; nothing is asked. Files that are there already are never touched.

    \b
    Examples:
      mlops init churn && cd churn && mlops run
      mlops init --from data/churn.csv --target churned
      mlops init --from 'data/2026-*.parquet' --target amount --time sold_at
    """
    target = Path(settings.directory) / folder
    title = name or target.resolve().name
    if table is not None:
        return _init_from(settings, Path(settings.directory) / table, target, title, wishes)
    if given := [option for option, value in wishes.items() if value]:
        option = given[0].replace("row_id", "id")
        raise click.UsageError(f"--{option} says something about a table: name it with --from")
    from mlops_runner.starter.bundled import write_starter

    tell_written(settings, write_starter(target, title))
    say(f"next: {_enter(target)}mlops plan, then mlops run")
    _tell_above(target)
    return EXIT_OK


def _enter(folder: Path) -> str:
    """Return what leads into a folder from here; nothing if we are there."""
    return "" if folder.resolve() == Path.cwd() else f"cd {os.path.relpath(folder)}, "


def _tell_above(folder: Path) -> None:
    """Say how a new pipeline becomes one of those that the pipeline above it names."""
    from mlops_runner.specs.above import PIPELINE_FILE, declared_by, pipelines_above

    folder = folder.absolute()
    if (above := next(pipelines_above(folder), None)) and not declared_by(folder):
        file = os.path.relpath(above / PIPELINE_FILE)
        say(f"to run it with the others: add {folder.relative_to(above).as_posix()} to pipelines: in {file}")


def _init_from(settings: Settings, table: Path, folder: Path, name: str, wishes: dict[str, Any]) -> int:
    from mlops_runner.data.infer.values import Wishes
    from mlops_runner.starter.decisions import decisions_json, decisions_text, next_text
    from mlops_runner.starter.inferred import start_from

    if wishes["target"] is None:
        raise click.UsageError("--from needs --target, the column that is to be predicted")
    copy = wishes.pop("copy")
    started = start_from(table, folder, name, Wishes(id=wishes.pop("row_id"), **wishes), copy=copy)
    if settings.as_json:
        written = [str(path) for path in started.written]
        emit_json({"written": written, "decided": decisions_json(started.proposal)})
        return EXIT_OK
    if not settings.quiet:
        say(decisions_text(started.proposal))
        say()
    tell_written(settings, started.written)
    say(f"next: {_enter(folder)}{next_text(table, started.proposal)}")
    _tell_above(folder)
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
