"""exp: what was tried, what came of it, and how to keep it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.errors import EXIT_OK, Diagnostic, UsageFailure

if TYPE_CHECKING:
    from mlops_runner.api import Project
    from mlops_runner.execute.tracking import Experiment

BETTER_LAST = 20


@click.group("exp")
def experiments() -> None:
    """Look at what was tried: every run that executed something is in the experiment log of this machine.

    \b
    Examples:
      mlops run --set training.candidates.boosted.params.max_depth=6 -m "deeper"
      mlops exp list --sort test.roc_auc
      mlops exp compare 12 14 --html compare.html
      mlops exp apply 14
    """


@experiments.command("list")
@common_options
@click.option("--limit", "-n", type=click.IntRange(min=1), default=BETTER_LAST, show_default=True, help="Most runs.")
@click.option("--sort", metavar="METRIC", help="Best first by a metric of the winner, such as test.roc_auc.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Metric to show; may be repeated.")
def list_(settings: Settings, limit: int, sort: str | None, metrics: tuple[str, ...]) -> int:
    """List runs, the newest first: number, winner, metrics, verdict, and what was changed.

    \b
    Examples:
      mlops exp list
      mlops exp list --sort test.log_loss --metric test.log_loss --metric test.recall
    """
    from mlops_runner.reports.changes import changes
    from mlops_runner.reports.experiments import as_json, list_text

    project = settings.project()
    log = project.experiments()
    found, changed = (_sorted(log, sort) if sort else log)[:limit], changes(log)
    if settings.as_json:
        emit_json([{**as_json(run, whole=False), "changed": changed[run.number]} for run in found])
        return EXIT_OK
    if not found:
        say("nothing was recorded yet; every mlops run that executes something is")
        return EXIT_OK
    emit(list_text(found, [*dict.fromkeys([*([sort] if sort else []), *(metrics or project.headline())])], changed))
    return EXIT_OK


def _sorted(found: "Sequence[Experiment]", metric: str) -> "list[Experiment]":
    from mlops_runner.evaluate.metrics.names import METRICS
    from mlops_runner.specs.complaints import nearest

    known = {name for run in found for name in run.metrics}
    if metric not in known:
        hint = nearest(metric, known) or f"one of: {', '.join(sorted(known)[:12])}"
        raise UsageFailure(Diagnostic("unknown-metric", f'no run has a metric "{metric}"', hint=hint))
    name = metric.rpartition(".")[2]
    sign = 1 if name in METRICS and METRICS[name].better == "lower" else -1
    measured = [run for run in found if isinstance(run.metrics.get(metric), int | float)]
    return sorted(measured, key=lambda run: sign * run.metrics[metric])


@experiments.command()
@common_options
@click.argument("number", type=int)
def show(settings: Settings, number: int) -> int:
    """Show one run: settings, metrics of all models, gates, steps.

    \b
    Examples:
      mlops exp show 12
      mlops exp show 12 --json
    """
    from mlops_runner.reports.experiments import as_json, show_text

    (found,) = settings.project().experiment(number)
    if settings.as_json:
        emit_json(as_json(found))
    else:
        emit(show_text(found))
    return EXIT_OK


@experiments.command()
@common_options
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.option("--html", type=click.Path(dir_okay=False), help="Also write a page with plots.")
def compare(settings: Settings, numbers: tuple[int, ...], html: str | None) -> int:
    """Compare runs: the parameters that differ, and metrics with their distance to the first.

    \b
    Examples:
      mlops exp compare 12 14
      mlops exp compare 12 13 14 15 --html compare.html
    """
    from mlops_runner.reports.experiments import as_json, compare_text, different_params

    if len(numbers) < 2:
        raise UsageFailure(Diagnostic("too-few", "a comparison needs two runs or more", hint="see: mlops exp list"))
    project = settings.project()
    found = project.experiment(*numbers)
    if html:
        from mlops_runner.durable import write_text
        from mlops_runner.reports.builders.experiments import build_comparison
        from mlops_runner.reports.render import render

        write_text(Path(html), render(build_comparison(found, project.headline()), "html"))
        say(f"wrote {html}")
    if settings.as_json:
        different = {
            name: dict(zip(map(str, numbers), values, strict=True)) for name, values in different_params(found)
        }
        emit_json({"different": different, "runs": [as_json(run, whole=False) for run in found]})
    else:
        emit(compare_text(found, project.headline()))
    return EXIT_OK


@experiments.command()
@common_options
@click.argument("number", type=int)
def apply(settings: Settings, number: int) -> int:
    """Edit the documents so that they say what a run tried; comments stay. Then `mlops run` finds its results.

    \b
    Examples:
      mlops exp apply 14 && mlops run
    """
    import difflib

    changed = settings.project().apply(number)
    if settings.as_json:
        emit_json(sorted(changed))
        return EXIT_OK
    for file, (old, new) in changed.items():
        emit("".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), file, file)).rstrip("\n"))
    say(f"edited {', '.join(changed)}; next: mlops plan" if changed else "the documents already say so")
    return EXIT_OK


@experiments.command()
@common_options
@click.argument("numbers", type=int, nargs=-1)
@click.option("--out", type=click.Path(dir_okay=False), help="File to write; standard output otherwise.")
@click.option("--mlflow", "server", metavar="URI", help="Send the runs to an MLflow tracking server instead.")
def export(settings: Settings, numbers: tuple[int, ...], out: str | None, server: str | None) -> int:
    """Export runs: one line of JSON each (config, summary, history), or to an MLflow server.

    \b
    Examples:
      mlops exp export > runs.jsonl
      mlops exp export 12 14 --mlflow http://127.0.0.1:5000
    """
    project = settings.project()
    found = project.experiment(*numbers) if numbers else list(reversed(project.experiments()))
    if server:
        from mlops_runner.api.mlflow import send

        for run, address in send(found, project.compiled().pipeline, server):
            say(f"experiment {run.number} → {address}")
        return EXIT_OK
    _write_lines(found, out)
    return EXIT_OK


def _write_lines(found: "Sequence[Experiment]", out: str | None) -> None:
    from mlops_runner.durable import write_text
    from mlops_runner.reports.experiments import json_line

    text = "".join(json_line(run) + "\n" for run in found)
    if out is None:
        emit(text.rstrip("\n"))
    else:
        write_text(Path(out), text)
        say(f"wrote {out}")


@experiments.command()
@common_options
@click.argument("numbers", type=int, nargs=-1, required=True)
def remove(settings: Settings, numbers: tuple[int, ...]) -> int:
    """Forget runs. What they made stays in the cache until it is collected.

    \b
    Examples:
      mlops exp remove 3 4
    """
    project: Project = settings.project()
    project.forget(*numbers)
    say(f"forgot {len(numbers)} of the runs")
    return EXIT_OK
