"""The section about a search: the best trial, how the search went, and which parameters mattered."""

from collections.abc import Mapping
from typing import Any

from mlops_runner.reports.builders.text import value_text
from mlops_runner.reports.document import Block, Cell, Column, Facts, Inline, Section, Table
from mlops_runner.reports.figures.search import draw_coordinates, draw_history

MOST_TRIALS = 15


def search_section(name: str, found: Mapping[str, Any]) -> Section:
    """Show trials.json of one candidate."""
    trials = found["trials"]
    best = next(trial for trial in trials if trial["number"] == found["best"])
    complete = [trial for trial in trials if trial["state"] == "complete"]
    blocks: list[Block] = [Facts(_facts(found, best))]
    if len(complete) > 1:
        blocks.append(draw_history(name, trials, found["metric"], found["direction"]))
        blocks.append(draw_coordinates(name, complete, found["metric"], found["direction"]))
    blocks.append(_trials_table(complete, found))
    if importance := found["importance"]:
        blocks.append(_importance_table(importance))
    return Section(f"Search: {name}", tuple(blocks))


def _facts(found: Mapping[str, Any], best: Mapping[str, Any]) -> tuple[tuple[str, Inline], ...]:
    states = [trial["state"] for trial in found["trials"]]
    lost = ", ".join(f"{states.count(state)} {state}" for state in ("pruned", "failed") if state in states)
    facts: list[tuple[str, Inline]] = [
        ("Trials", f"{len(states)} ({lost})" if lost else str(len(states))),
        ("Method", found["method"]),
        (f"Best {found['metric']}", f"{best['value']:.6g}, trial {best['number']}, mean of {len(best['folds'])}"),
    ]
    facts += [(parameter, Cell(value_text(value), mono=True)) for parameter, value in best["params"].items()]
    return tuple(facts)


def _trials_table(complete: list[Mapping[str, Any]], found: Mapping[str, Any]) -> Table:
    sign = -1 if found["direction"] == "maximize" else 1
    shown = sorted(complete, key=lambda trial: sign * trial["value"])[:MOST_TRIALS]
    names = list(complete[0]["params"])
    heads = (Column("Trial", "right"), Column(found["metric"], "right"), *(Column(name, "right") for name in names))
    rows: tuple[tuple[Inline, ...], ...] = tuple(
        (str(trial["number"]), f"{trial['value']:.6g}", *(_value(trial["params"][name]) for name in names))
        for trial in shown
    )
    return Table(heads, rows, f"The best {len(shown)} of {len(found['trials'])} trials.", frozenset({0}))


def _value(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else value_text(value)


def _importance_table(importance: Mapping[str, float]) -> Table:
    ranked = sorted(importance.items(), key=lambda item: -item[1])
    rows = tuple((Cell(name, mono=True), f"{100 * share:.0f} %") for name, share in ranked)
    note = "Share of the difference between good and poor trials that a parameter explains (PED-ANOVA)."
    return Table((Column("Parameter"), Column("Importance", "right")), rows, note)
