"""plan, why, graph, run, verify."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say, show_diagnostics
from mlops_runner.errors import (
    EXIT_CHANGES,
    EXIT_NOT_VERIFIED,
    EXIT_OK,
    EXIT_REFUSED,
    Diagnostic,
    InvalidInput,
    NotVerified,
    UsageFailure,
)

if TYPE_CHECKING:
    from mlops_runner.api import Project
    from mlops_runner.execute.rerun import Agreement


@click.command()
@common_options
@click.option("--base", metavar="REF", help="Compare with pipeline.lock as it was at a git revision.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when something would change.")
@click.option("--out", type=click.Path(dir_okay=False), help="Also write the plan as JSON, for run --plan.")
def plan(settings: Settings, base: str | None, detailed_exitcode: bool, out: str | None) -> int:
    """Say what a run would do, and why. Needs no data, network or secrets, and writes nothing.

    \b
    Examples:
      mlops plan
      mlops plan --base main --detailed-exitcode
      mlops plan --out plan.json && mlops run --plan plan.json
    """
    from mlops_runner.plan.codec import plan_json
    from mlops_runner.reports.plan import plan_text

    project = settings.project()
    found = project.plan(base)
    if out:
        from mlops_runner.durable import write_text

        write_text(Path(out), json.dumps(plan_json(found), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    if settings.as_json:
        emit_json(plan_json(found))
    else:
        emit(plan_text(found, {} if base else project.notes(found)))  # what is here says nothing of another revision
    return EXIT_CHANGES if detailed_exitcode and found.changes else EXIT_OK


@click.command()
@common_options
@click.argument("step")
@click.option("--base", metavar="REF", help="Compare with pipeline.lock as it was at a git revision.")
def why(settings: Settings, step: str, base: str | None) -> int:
    """Explain one step: its inputs, its key, and every reason why it would run.

    \b
    Examples:
      mlops why train.boosted
      mlops why evaluate --base main
    """
    from mlops_runner.plan.codec import planned_json
    from mlops_runner.reports.plan import why_text

    project = settings.project()
    found = project.plan(base)
    planned = found.find(step)
    if planned is None:
        from mlops_runner.specs.complaints import nearest

        names = [other.name for other in found.steps]
        hint = nearest(step, names) or f"steps: {', '.join(names)}"
        raise UsageFailure(Diagnostic("unknown-step", f'there is no step "{step}"', hint=hint))
    if settings.as_json:
        emit_json(planned_json(planned))
    else:
        emit(why_text(planned, project.lock_at(base) if base else project.lock(), project.notes(found)))
    return EXIT_OK


@click.command()
@common_options
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True)
def graph(settings: Settings, form: str) -> int:
    """Draw the steps and what flows between them.

    \b
    Examples:
      mlops graph
      mlops graph --format mermaid >> README.md
    """
    from mlops_runner.reports.graph import graph_json, render_graph

    found = settings.project().plan()
    if settings.as_json:
        emit_json(graph_json(found))
    else:
        emit(render_graph(found, form))
    return EXIT_OK


@click.command()
@common_options
@click.option(
    "--plan", "plan_file", type=click.Path(exists=True, dir_okay=False), help="Run only if this is still the plan."
)
@click.option("--force", is_flag=True, help="Execute every step, even those whose result is known.")
@click.option(
    "--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Steps that may run at a time; by default, what fits."
)
@click.option(
    "--set", "given", multiple=True, metavar="PATH=VALUE", help="Try a value without touching files; may be repeated."
)
@click.option("--keep-going", "-k", is_flag=True, help="After a failure, do what does not wait for it.")
@click.option("--strict", is_flag=True, help="Fail a step that reads or writes what it does not declare.")
@click.option("--message", "-m", default="", help="What this run is about, for the experiment log.")
@click.option("--no-report", is_flag=True, help="Do not write the HTML report.")
def run(settings: Settings, plan_file: str | None, given: tuple[str, ...], no_report: bool, **how: Any) -> int:
    """Execute what changed, write pipeline.lock, and answer by the gates: exit 0 or 3.

    \b
    Unchanged steps stay, known results come back from the cache, the rest runs, each step in a process of its own.
    Steps that do not wait for each other run at the same time. A run that was stopped goes on where it was.

    \b
    Examples:
      mlops run
      mlops run --plan plan.json     only what was reviewed
      mlops run --jobs 1             one step after the other
      mlops run --set training.candidates.boosted.params.max_depth=6
    """
    from mlops_runner.cli.progress import Progress
    from mlops_runner.reports.verdict import verdict_json, verdict_text

    if given and plan_file:
        message = "--set runs something else than the plan of a file"
        raise UsageFailure(Diagnostic("contradiction", message, hint="leave one of them out"))
    project = settings.project()
    progress = Progress(quiet=settings.quiet or settings.as_json)
    report = None
    try:
        if given:
            results, verdict = project.try_out(given, progress, **how)
        else:
            results = project.run(progress, _expected(plan_file) if plan_file else None, **how)
            verdict = project.verdict()
    finally:
        progress.close()
    if not given and not no_report:
        report = project.fresh_report(changed=any(result.how == "ran" for result in results))
    if settings.as_json:
        emit_json(verdict_json(verdict, results))
    else:
        emit(verdict_text(verdict, results, report))
        if given and not settings.quiet:
            say("  nothing in the project was changed; to keep it: mlops exp list, mlops exp apply NUMBER")
    return EXIT_OK if verdict.passed else EXIT_REFUSED


@click.command()
@common_options
@click.option("--rerun", type=click.IntRange(min=1), metavar="N", help="Execute every step N times more and compare.")
@click.option("--allow-missing", is_flag=True, help="Accept artifacts that are not here (as in a fork's CI).")
def verify(settings: Settings, rerun: int | None, allow_missing: bool) -> int:
    """Check that lock, specs, artifacts and pointers fit together: exit 0 or 4. Trains nothing without --rerun.

    \b
    Examples:
      mlops verify
      mlops verify --rerun 2     every byte must come out again
    """
    project = settings.project()
    found = project.verify(allow_missing=allow_missing)
    if not found:
        if not settings.quiet:
            those = "every artifact that is here" if allow_missing else "every artifact"
            say(f"verified: {len(project.lock().stages)} stages, {those} is the locked one")
        found = _rerun(project, rerun, quiet=settings.quiet) if rerun else []
    if settings.as_json:
        emit_json([{"code": d.code, "message": d.message, "place": str(d.place or "")} for d in found])
    else:
        show_diagnostics(found)
    return EXIT_NOT_VERIFIED if found else EXIT_OK


def _rerun(project: "Project", rounds: int, *, quiet: bool) -> list[Diagnostic]:
    """Execute every step again and return what came out differently."""
    tell = (lambda _: None) if quiet else _agreed
    try:
        project.rerun(rounds, tell)
    except NotVerified as error:
        return list(error.diagnostics)
    if not quiet:
        say("reproduced once" if rounds == 1 else f"reproduced {rounds} times")
    return []


def _agreed(agreement: "Agreement") -> None:
    a = agreement
    say(f"  rerun {a.round}  {a.step:<24} equal by {a.by}  {a.seconds:.1f} s")


def _expected(file: str) -> str:
    try:
        value = json.loads(Path(file).read_bytes())
        return str(value["plan_digest"])
    except (ValueError, KeyError, TypeError):
        hint = "make one with: mlops plan --out plan.json"
        raise InvalidInput(Diagnostic("invalid-plan", f"{file} is not a plan", hint=hint)) from None
