"""Experiments for people and programs: a list, one of them, a comparison of several."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_runner.execute.tracking import Experiment
from mlops_runner.reports.experiment_plots import plots_text
from mlops_runner.reports.weighting import WEIGHT

SIGNS = {"passed": "✓", "refused": "✗", "failed": "!"}
MOST_LETTERS = 80
MOST_TRIALS = 5


def list_text(runs: Sequence[Experiment], metrics: Sequence[str], changed: Mapping[int, Sequence[str]]) -> str:
    """Return a table: one line a run, with the metrics of its winner. changed: by number, what it had different."""
    won = any(run.winner for run in runs)  # steps alone have no winner
    heads = ["", "when (UTC)", *(["winner"] if won else []), *metrics, "took", "what"]
    rows = [
        [
            f"{SIGNS[run.verdict]} {run.number}", run.at.replace("T", " ").rstrip("Z")[:16],
            *([run.winner or "-"] if won else []),
            *(number(run.metrics.get(name)) for name in metrics), f"{run.seconds:.1f} s",
            _what(run, changed.get(run.number, ())),
        ]
        for run in runs
    ]  # fmt: skip
    return table(heads, rows, right=range(2 + won, 3 + won + len(metrics)))


def _what(run: Experiment, changed: Sequence[str]) -> str:
    problem = run.problem.partition("\n")[0]
    said = "  ".join(part for part in (run.message, *changed, problem) if part)
    return said if len(said) <= MOST_LETTERS else said[: MOST_LETTERS - 1] + "…"


def show_text(run: Experiment) -> str:
    """Return all that is known of one run."""
    head = [f"experiment {run.number}  {SIGNS[run.verdict]} {run.verdict}  {run.at}  {run.seconds:.1f} s"]
    head += [f"  {run.message}"] if run.message else []
    head += [f"  at {run.revision[:12]}"] if run.revision else []
    head += [f"  set {text}" for text in run.settings]
    if run.problem:
        return "\n".join([*head, f"  {run.problem}"])
    gates = [f"  {name}: {answer}" for name, answer in run.gates.items()]
    steps = [
        [f"  {name}", step["how"], f"{step['seconds']:.1f} s" if step["how"] == "ran" else "", step["key"]]
        for name, step in run.steps.items()
    ]
    told = run.models or {"": run.metrics}  # where no model is trained, what the steps said of themselves
    names = list(dict.fromkeys(name for found in told.values() for name in found))
    values = [[f"  {name}", *(number(found.get(name)) for found in told.values())] for name in names]
    models = [f"{model} *" if model and model == run.winner else model for model in told]
    parts = ["\n".join(head), table(["  metric", *models], values, right=range(1, 1 + len(models)))]
    parts += ["\n".join(["  gates", *(f"  {line}" for line in gates)])] if gates else []
    parts += [_search_text(name, found) for name, found in run.searches.items()]
    return "\n\n".join([*parts, table(["  step", "how", "took", "key"], steps)])


def _search_text(name: str, found: Mapping[str, Any]) -> str:
    """Return what came of a search: how many trials, what mattered, and the best of them."""
    trials, metric = found["trials"], found["metric"]
    states = [trial["state"] for trial in trials]
    lost = "".join(f", {states.count(state)} {state}" for state in ("pruned", "failed") if state in states)
    mattered = sorted(found["importance"].items(), key=lambda item: -item[1])
    shares = "".join(f", {parameter} {100 * share:.0f} %" for parameter, share in mattered)
    sign = -1 if found["direction"] == "maximize" else 1
    best = sorted((t for t in trials if t["value"] is not None), key=lambda trial: sign * trial["value"])[:MOST_TRIALS]
    names = list(best[0]["params"])
    rows = [[f"  {t['number']}", number(t["value"]), *(value(t["params"][one]) for one in names)] for t in best]
    head = f"  search {name}: {len(trials)} trials by {found['method']}{lost}" + (
        f"; mattered{shares[1:]}" if shares else ""
    )
    return head + "\n" + table(["  trial", metric, *names], rows, right=range(1, 2 + len(names)))


def compare_text(runs: Sequence[Experiment], metrics: Sequence[str]) -> str:
    """Return what differs between runs: parameters, then the winner's metrics with their distance to the first run."""
    names = [f"{run.number}" for run in runs]
    params = [[f"  {name}", *map(value, found)] for name, found in different_params(runs)]
    rows = [[f"  {name}", *deltas([run.metrics.get(name) for run in runs])] for name in measured(runs, metrics)]
    rows += [[f"  {name}", *deltas(values)] for name, values in moved_models(runs, metrics)]
    if any(run.winner for run in runs):
        rows.insert(0, ["  winner", *(run.winner or "-" for run in runs)])
    rows.append(["  gates", *(_gates(run) for run in runs)])
    rows.append(["  took", *(f"{run.seconds:.1f} s" for run in runs)])
    columns = range(1, 1 + len(runs))
    first = table(["  parameter", *names], params, right=columns) if params else "  the parameters are the same"
    plots = plots_text(*drawn) if (drawn := what_to_draw(runs, metrics)) else []
    note = [f"  {found}"] if (found := weighted_apart(runs)) else []
    return "\n\n".join([first, table(["  result", *names], rows, right=columns), *note, *plots])


def weighted_apart(runs: Sequence[Experiment]) -> str:
    """Say that metrics of the runs are not the same ones, because rows count otherwise; nothing when they are."""
    told = [run for run in runs if "evaluate" in run.params]
    columns = {run.number: run.params["evaluate"].get(WEIGHT) for run in told}
    if len(set(columns.values())) < 2:
        return ""
    said = ", ".join(f"{number} by {column or 'nothing'}" for number, column in columns.items())
    return f"metrics are not weighted alike: {said}"


def what_to_draw(
    runs: Sequence[Experiment], metrics: Sequence[str]
) -> tuple[list[Experiment], list[tuple[str, list[Any]]], str] | None:
    """Return the runs that have the first metric that several have, what they had different, and the metric."""
    metric = next((name for name in metrics if sum(_has(run, name) for run in runs) > 1), None)
    if metric is None:
        return None
    told = [run for run in runs if _has(run, metric)]
    different = [(name, found) for name, found in different_params(told) if None not in found]
    last = [name.rpartition(".")[2] for name, _ in different]
    axes = [(end if last.count(end) == 1 else name, found) for (name, found), end in zip(different, last, strict=True)]
    return told, axes, metric


def _has(run: Experiment, metric: str) -> bool:
    return isinstance(run.metrics.get(metric), int | float)


def different_params(runs: Sequence[Experiment]) -> list[tuple[str, list[Any]]]:
    """Return the parameters that are not the same in all runs, as `step.path`, with their value in each run.

    Of a step that not all runs have it is said who has it; its parameters differ from nothing.
    """
    everywhere = [set(run.params) for run in runs if run.params]  # one that failed has none
    common = set.intersection(*everywhere) if everywhere else set()
    flat: list[dict[str, Any]] = [
        {f"{step}.{path}": v for step, found in run.params.items() if step in common for path, v in found.items()}
        | {f"step {step}": "yes" for step in run.params if step not in common}
        for run in runs
    ]
    names = sorted({name for found in flat for name in found})
    found = [(name, [one.get(name) for one in flat]) for name in names]
    return [(name, values) for name, values in found if any(value != values[0] for value in values[1:])]


def measured(runs: Sequence[Experiment], metrics: Sequence[str]) -> list[str]:
    """Return the metrics that any run has, those asked for first; where steps have no winner, those that moved."""
    known = list(dict.fromkeys(name for run in runs for name in run.metrics))
    if not any(run.winner for run in runs):
        known = [name for name in known if moved(runs, name)]
    return sorted(known, key=lambda name: (name not in metrics, known.index(name)))


def moved(runs: Sequence[Experiment], metric: str) -> bool:
    """Say whether a metric is not the same in all runs."""
    return any(run.metrics.get(metric) != runs[0].metrics.get(metric) for run in runs)


def moved_models(runs: Sequence[Experiment], metrics: Sequence[str]) -> list[tuple[str, list[Any]]]:
    """Return the first metrics of models whose own numbers are not the same in all runs, though they did not win."""
    models = list(dict.fromkeys(model for run in runs for model in run.models))
    losers = [model for model in models if any(run.winner != model for run in runs)]
    found = [(f"{m}: {name}", [run.models.get(m, {}).get(name) for run in runs]) for m in losers for name in metrics]
    return [(name, values) for name, values in found if any(value != values[0] for value in values[1:])]


def deltas(values: Sequence[Any]) -> list[str]:
    """Write the first value, and each other with its distance to the first."""
    first = values[0]
    shown = [number(first)]
    for found in values[1:]:
        both = isinstance(first, int | float) and isinstance(found, int | float)
        shown.append(f"{number(found)} ({found - first:+.4g})" if both and found != first else number(found))
    return shown


def _gates(run: Experiment) -> str:
    passed = sum(answer == "pass" for answer in run.gates.values())
    return f"{passed} of {len(run.gates)} pass" if run.gates else run.verdict


def number(found: Any) -> str:
    """Write a metric: six digits, `-` where there is none."""
    return "-" if found is None else f"{found:.6g}" if isinstance(found, float) else str(found)


def value(found: Any) -> str:
    """Write a parameter."""
    return "-" if found is None else f"{found:.6g}" if isinstance(found, float) else str(found)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Lay out columns of text, two spaces apart; those in `right` are flush right."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    shown = [
        "  ".join(
            cell.rjust(w) if at in right else cell.ljust(w)
            for at, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in shown)


def as_json(run: Experiment, *, whole: bool = True) -> dict[str, Any]:
    """Return a run for programs; curves and documents only when the whole of it is asked for."""
    names = [
        "number",
        "at",
        "verdict",
        "seconds",
        "message",
        "revision",
        "settings",
        "winner",
        "metrics",
        "gates",
        "problem",
    ]
    names += ["params", "models", "steps", "curves", "searches", "documents"] if whole else []
    return {name: getattr(run, name) for name in names}


def json_line(run: Experiment) -> str:
    """Return a run as one line of JSON: config, summary and history, as trackers that read lines expect them.

    history: an object for each round, by `_step`, with the values of all curves at that round.
    """
    params = {f"{step}.{path}": v for step, found in run.params.items() for path, v in found.items()}
    about = {
        "_id": run.number,
        "_at": run.at,
        "_seconds": run.seconds,
        "_revision": run.revision,
        "_verdict": run.verdict,
    }
    curves = {
        f"{model}/{side}/{metric}": values
        for model, sides in run.curves.items()
        for side, found in sides.items()
        for metric, values in found.items()
    }
    history = [
        {"_step": step, **{name: values[step] for name, values in curves.items() if step < len(values)}}
        for step in range(max(map(len, curves.values()), default=0))
    ]
    line = {**about, "name": run.message, "config": params, "summary": dict(run.metrics), "history": history}
    line |= {"searches": dict(run.searches)} if run.searches else {}
    return json.dumps(line, sort_keys=True, ensure_ascii=False)
