"""plan, why, graph, run."""

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_runner.cli.console import Settings, SizeParam, common_options, emit, emit_json, say
from mlops_runner.cli.everywhere import Answer, all_pipelines_option, answer, refuse_with_all, waits
from mlops_runner.cli.selecting import selection_options
from mlops_runner.errors import (
    EXIT_CHANGES,
    EXIT_OK,
    EXIT_REFUSED,
    Diagnostic,
    InvalidInput,
    UsageFailure,
)

if TYPE_CHECKING:
    from mlops_runner.api import Project
    from mlops_runner.plan.select import Selection

FORMS = ["text", "mermaid", "dot", "svg", "html"]


@click.command()
@common_options
@click.option("--base", metavar="REF", help="Compare with pipeline.lock as it was at a git revision.")
@click.option("--affected-by", metavar="REF", help="List the steps that changes since a git revision may affect.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when something would change.")
@click.option("--out", type=click.Path(dir_okay=False), help="Also write the plan as JSON, for run --plan.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Expected time with N steps at a time.")
@click.option("--all", "everything", is_flag=True, help="List every step, however many are alike.")
@selection_options
@all_pipelines_option
def plan(
    settings: Settings, base: str | None, out: str | None, selection: "Selection | None", everywhere: bool, **how: Any
) -> int:
    """Say what a run would do, and why. Needs no data, network or secrets, and writes nothing.

    \b
    Examples:
      mlops plan
      mlops plan --base main --detailed-exitcode
      mlops plan --to evaluate --from 'count@*'
      mlops plan --affected-by main --json
      mlops plan --all-pipelines     this one, and before it those that pipelines: names
      mlops plan --out plan.json && mlops run --plan plan.json
    """
    affected_by = how.pop("affected_by")
    if affected_by and (base or out or selection):
        message = "--affected-by compares with a revision, whatever is locked and selected"
        raise UsageFailure(Diagnostic("contradiction", message, hint="leave the others out"))
    if everywhere:
        refuse_with_all(out=out, to=selection)
    if affected_by:
        command = functools.partial(_affected, affected_by=affected_by, **how)
    else:
        how |= {"base": base, "out": out, "selection": selection, "several": everywhere}
        command = functools.partial(_planned, settings, **how)
    return answer(settings, command, everywhere=everywhere)


def _planned(
    settings: Settings, _: str, project: "Project", *, base: str | None, out: str | None, **how: Any
) -> Answer:
    from mlops_runner.plan.codec import plan_json
    from mlops_runner.reports.plan import Local, plan_summary, plan_text

    found = project.plan(base, how["selection"])
    if out:
        from mlops_runner.durable import write_text

        write_text(Path(out), json.dumps(plan_json(found), indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    # what is here says nothing of another revision
    local = Local({}) if base or settings.as_json else project.local(found, how["jobs"])
    text = functools.partial(plan_text, found, local, everything=how["everything"], several=how["several"])
    code = EXIT_CHANGES if how["detailed_exitcode"] and found.changes else EXIT_OK
    return Answer(code, lambda: emit(text()), lambda: plan_json(found), plan_summary(found, local.notes))


def _affected(
    _: str, project: "Project", *, affected_by: str, everything: bool, detailed_exitcode: bool, **__: Any
) -> Answer:
    from mlops_runner.reports.affected import affected_json, affected_text

    found = project.affected_by(affected_by)
    code = EXIT_CHANGES if detailed_exitcode and found.steps else EXIT_OK
    words = f"{len(found.steps)} affected" if found.steps else "not affected"
    text = functools.partial(affected_text, found, everything=everything)
    return Answer(code, lambda: emit(text()), lambda: affected_json(found), words)


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
    from mlops_runner.reports.why import why_text

    project = settings.project()
    found = project.plan(base)
    planned = found.find(step)
    if planned is None:
        from mlops_runner.plan.select import unknown_step

        raise UsageFailure(unknown_step(step, [other.name for other in found.steps]))
    if settings.as_json:
        emit_json(planned_json(planned))
    else:
        emit(why_text(planned, project.lock_at(base) if base else project.lock(), project.notes(found)))
    return EXIT_OK


@click.command()
@common_options
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False), help="Write it into this file.")
@click.option("--all", "everything", is_flag=True, help="Draw every instance of a step, however many there are.")
@all_pipelines_option
def graph(settings: Settings, form: str, out: str | None, everything: bool, everywhere: bool) -> int:
    """Draw the steps and what flows between them; in svg and html coloured by what a run would do, with reasons.

    \b
    Examples:
      mlops graph
      mlops graph --format mermaid >> README.md
      mlops graph --format html --out graph.html
      mlops graph -P                 all pipelines as one graph
    """
    from mlops_runner.plan.pipelines import together
    from mlops_runner.reports.graph import graph_json, render_graph

    project = settings.project()
    plans = (
        {folder: each.plan() for folder, each in project.pipelines().items()} if everywhere else {".": project.plan()}
    )
    found = together(plans) if everywhere else plans["."]
    if out:
        from mlops_runner.durable import write_text

        value = (
            json.dumps(graph_json(found), indent=2, sort_keys=True, ensure_ascii=False) if settings.as_json else None
        )
        write_text(Path(out), (value or render_graph(found, form, everything=everything)) + "\n")
        if not settings.quiet:
            say(f"wrote {out}")
    elif settings.as_json:
        emit_json(graph_json(found))
    else:
        emit(render_graph(found, form, everything=everything))
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
@click.option("--memory", type=SizeParam(), help="Memory that steps share which declare theirs; by default, all.")
@click.option("--gpus", type=click.IntRange(min=0), metavar="N", help="GPUs that steps share; by default, all.")
@click.option(
    "--set", "given", multiple=True, metavar="PATH=VALUE", help="Try a value without touching files; may be repeated."
)
@click.option("--keep-going", "-k", is_flag=True, help="After a failure, do what does not wait for it.")
@click.option("--strict", is_flag=True, help="Close the project to what a step does not declare, and fail it.")
@click.option(
    "--executor",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Where steps run: here, or on a Dask cluster.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    envvar="MLOPS_SCHEDULER",
    show_envvar=True,
    help="With --executor dask: the address of its scheduler; without one, a cluster is started here for the run.",
)
@click.option("--message", "-m", default="", help="What this run is about, for the experiment log.")
@click.option("--no-report", is_flag=True, help="Do not write the HTML report.")
@click.option("--affected-by", metavar="REF", help="With -P: leave out pipelines that changes since REF do not affect.")
@selection_options
@all_pipelines_option
def run(
    settings: Settings,
    plan_file: str | None,
    given: tuple[str, ...],
    selection: "Selection | None",
    everywhere: bool,
    **how: Any,
) -> int:
    """Execute what changed, write pipeline.lock, and answer by the gates: exit 0 or 3.

    \b
    Unchanged steps stay, known results come back from the cache, the rest runs, each step in a process of its own.
    Steps that do not wait for each other run at the same time. A run that was stopped goes on where it was. With --to,
    --from or --only, the selected steps alone: the others stay as they are locked.

    \b
    Examples:
      mlops run
      mlops run --plan plan.json     only what was reviewed
      mlops run --jobs 1             one step after the other
      mlops run --only 'count@*'     all instances of count, and nothing else
      mlops run --executor dask --scheduler tls://scheduler.example:8786
      mlops run --set training.candidates.boosted.params.max_depth=6
      mlops run -P --keep-going      all pipelines, whatever fails on the way
    """
    _refuse_together(plan_file, given, selection)
    _refuse_scheduler(how)
    affected_by = how.pop("affected_by")
    command = functools.partial(_run, settings, plan_file=plan_file, given=given, selection=selection, **how)
    if not everywhere:
        if affected_by:
            message = "--affected-by chooses among several pipelines"
            raise UsageFailure(
                Diagnostic("contradiction", message, hint="add --all-pipelines; for steps, see: mlops plan")
            )
        return answer(settings, command, everywhere=False)
    refuse_with_all(plan=plan_file, set=given, to=selection)

    def left_out(project: "Project", failed: list[str]) -> str:
        if why := waits(project, failed, stops=not how["keep_going"]):
            return why
        return f"not affected since {affected_by}" if affected_by and not project.affected_by(affected_by).steps else ""

    return answer(settings, command, everywhere=True, left_out=left_out)


def _run(
    settings: Settings,
    _: str,
    project: "Project",
    *,
    plan_file: str | None,
    given: tuple[str, ...],
    selection: "Selection | None",
    no_report: bool,
    **how: Any,
) -> Answer:
    from mlops_runner.cli.progress import Progress
    from mlops_runner.reports.steps import partial_text
    from mlops_runner.reports.verdict import results_text, verdict_json, verdict_text

    progress = Progress(quiet=settings.quiet or settings.as_json)
    report, left = None, tuple[str, ...]()
    try:
        if given:
            results, verdict = project.try_out(given, progress, **how)
        else:
            expected, selection = _expected(plan_file) if plan_file else (None, selection)
            results = project.run(progress, expected, selection=selection, **how)
            verdict = project.verdict(results)
            left = project.partial() if selection else left
    finally:
        progress.close()
    if not given and not no_report and verdict.winner:
        report = project.fresh_report(changed=any(result.how == "ran" for result in results))

    def show() -> None:
        emit(verdict_text(verdict, results, report))
        if left:
            emit(partial_text(left))
        if given and not settings.quiet:
            say("  nothing in the project was changed; to keep it: mlops exp list, mlops exp apply NUMBER")

    code = EXIT_OK if verdict.passed else EXIT_REFUSED
    words = results_text(results) if verdict.passed else f"{results_text(results)}; refused by a gate"
    return Answer(code, show, lambda: {**verdict_json(verdict, results), "partial": list(left)}, words)


def _refuse_together(plan_file: str | None, given: tuple[str, ...], selection: "Selection | None") -> None:
    """Refuse options that contradict each other. Raises UsageFailure."""
    message = None
    if given and plan_file:
        message = "--set runs something else than the plan of a file"
    elif given and selection:
        message = "--set tries the whole pipeline, not some of its steps"
    elif plan_file and selection:
        message = "the plan of a file says itself which steps are selected"
    if message:
        raise UsageFailure(Diagnostic("contradiction", message, hint="leave one of them out"))


def _refuse_scheduler(how: dict[str, Any]) -> None:
    """Refuse a scheduler that nothing would be sent to; one that a variable names waits for who asks for it."""
    context = click.get_current_context()
    given = context.get_parameter_source("scheduler") is click.core.ParameterSource.COMMANDLINE
    if given and how["executor"] == "local":
        hint = "add --executor dask, or leave --scheduler out"
        raise UsageFailure(
            Diagnostic("contradiction", "--scheduler names a Dask cluster, and steps run here", hint=hint)
        )
    if how["executor"] == "local" or not how["scheduler"]:
        how["scheduler"] = None


def _expected(file: str) -> "tuple[str, Selection | None]":
    """Return the digest of a plan in a file, and which steps it is about."""
    from mlops_runner.plan.codec import selection_from_json

    try:
        value = json.loads(Path(file).read_bytes())
        return str(value["plan_digest"]), selection_from_json(value)
    except (ValueError, KeyError, TypeError):
        hint = "make one with: mlops plan --out plan.json"
        raise InvalidInput(Diagnostic("invalid-plan", f"{file} is not a plan", hint=hint)) from None
