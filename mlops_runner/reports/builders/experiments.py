"""The page that compares experiments: what differed, what came of it, and how runs moved over time."""

from collections.abc import Sequence
from typing import Any

from mlops_runner.execute.tracking import Experiment
from mlops_runner.reports.document import Block, Cell, Column, Facts, Figure, Inline, Report, Section, Table, Verdict
from mlops_runner.reports.experiments import (
    deltas,
    different_params,
    measured,
    moved_models,
    value,
    weighted_apart,
    what_to_draw,
)
from mlops_runner.reports.figures.search import draw_coordinates
from mlops_runner.reports.figures.time import draw_curves, draw_over_time

MOST_AXES = 9


def build_comparison(runs: Sequence[Experiment], metrics: Sequence[str]) -> Report:
    """Compare runs, in the order given; the first is the one others are measured against."""
    names = ", ".join(str(run.number) for run in runs)
    sections = [_parameters(runs), _results(runs, metrics), _plots(runs, metrics), _curves(runs)]
    kept = tuple(section for section in sections if section.blocks)
    different = different_params(runs)
    words = "parameter differs" if len(different) == 1 else "parameters differ"
    verdict = Verdict(
        "different" if different else "same", f"{len(different)} {words} between the experiments {names}."
    )
    return Report(f"Experiments {names}", "", verdict, kept, Facts(()))


def _heads(first: str, runs: Sequence[Experiment]) -> tuple[Column, ...]:
    return (Column(first), *(Column(f"{run.number} {run.message}".strip(), "right") for run in runs))


def _parameters(runs: Sequence[Experiment]) -> Section:
    rows = tuple(
        (Cell(name, mono=True), *(Cell(value(found), mono=True) for found in values))
        for name, values in different_params(runs)
    )
    return Section("Parameters that differ", (Table(_heads("Parameter", runs), rows),) if rows else ())


def _results(runs: Sequence[Experiment], metrics: Sequence[str]) -> Section:
    won = any(run.winner for run in runs)
    rows: list[tuple[Inline, ...]] = [("winner", *(run.winner or "-" for run in runs))] if won else []
    rows += [
        (Cell(name, mono=True), *deltas([run.metrics.get(name) for run in runs])) for name in measured(runs, metrics)
    ]
    rows += [(name, *deltas(values)) for name, values in moved_models(runs, metrics)]
    gates = sorted({name for run in runs for name in run.gates})
    rows += [(f"gate {name}", *(run.gates.get(name, "-") for run in runs)) for name in gates]
    rows.append(("took", *(f"{run.seconds:.1f} s" for run in runs)))
    note = f"In brackets: the distance to experiment {runs[0].number}."
    note += f" Beware: {found}." if (found := weighted_apart(runs)) else ""
    return Section("Results of the winners" if won else "Results", (Table(_heads("Result", runs), tuple(rows), note),))


def _plots(runs: Sequence[Experiment], metrics: Sequence[str]) -> Section:
    drawn = what_to_draw(runs, metrics)
    if drawn is None:
        return Section("Plots", ())
    told, axes, metric = drawn
    blocks: list[Block] = [draw_over_time([(run.number, run.metrics[metric]) for run in told], metric)]
    if axes:
        blocks.append(_coordinates(told, axes[:MOST_AXES], metric))
    return Section("Plots", tuple(blocks))


def _coordinates(runs: Sequence[Experiment], axes: Sequence[tuple[str, list[Any]]], metric: str) -> Figure:
    from mlops_runner.evaluate.metrics.names import METRICS

    trials: list[dict[str, Any]] = [
        {"params": {name: found[at] for name, found in axes}, "value": run.metrics[metric]}
        for at, run in enumerate(runs)
    ]
    known = METRICS.get(metric.rpartition(".")[2])
    direction = "minimize" if known and known.better == "lower" else "maximize"
    return draw_coordinates("runs", trials, metric, direction, "run")


def _curves(runs: Sequence[Experiment]) -> Section:
    """Draw the learning curves of the candidates that have them, run by run."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for model, sides in run.curves.items():
            for side, metrics in sides.items():
                for metric, values in metrics.items():
                    found.setdefault(f"{model}, {metric}, {side}", {})[str(run.number)] = values
    drawn = [draw_curves(name, lines) for name, lines in found.items() if "validation" in name]
    return Section("Learning curves", tuple(drawn), "detail")
