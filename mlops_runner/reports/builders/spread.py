"""The section that compares all models on the same rows: intervals of each, and of their differences to the winner."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_runner.reports.builders.numbers import SIDES, in_order, ranked
from mlops_runner.reports.builders.text import ABSENT, interval_word, metric_word
from mlops_runner.reports.document import Block, Cell, Column, Inline, Section, Table
from mlops_runner.reports.evidence import Evidence
from mlops_runner.reports.figures.spread import MOST_PANELS, draw_spread


def comparison_section(evidence: Evidence) -> Section:
    """The winner against every other model on the last side there is."""
    found = evidence.get("comparison") or {}
    side = next((side for side in SIDES if side in found), None)
    if side is None or not evidence.get("intervals"):
        return Section("Comparison", ())
    return Section("Comparison", tuple(_blocks(evidence, side, found[side])))


def _blocks(evidence: Evidence, side: str, gains: Mapping[str, Any]) -> Iterator[Block]:
    winner = evidence["winner"]
    models = ranked([winner, *gains], winner)
    numbers = {model: evidence["metrics"][model][side] for model in models}
    bounds = {model: found.get(side, {}) for model, found in evidence["intervals"]["metrics"].items()}
    names = in_order(evidence, numbers[winner])
    drawn = [name for name in names if any("low" in (bounds.get(model, {}).get(name) or {}) for model in models)]
    if drawn:
        where = f"{side} side, {evidence['rows'][side]:,} rows"
        yield draw_spread(drawn[:MOST_PANELS], models, numbers, bounds, where)
    yield _table(side, names, {model: gains[model] for model in models if model in gains})


def _table(side: str, names: list[str], gains: Mapping[str, Any]) -> Table:
    columns = (Column("Winner against"), *(Column(name, "right") for name in names))
    rows = tuple((model, *(_gain(found.get(name)) for name in names)) for model, found in gains.items())
    note = (
        f"How much better the winner is on the {side} side: above 0 it is better, whichever way the metric improves. "
        "In bold: the interval, from the same resamples for both, leaves 0 out."
    )
    return Table(columns, rows, note)


def _gain(found: Mapping[str, Any] | None) -> Inline:
    if found is None:
        return Cell(ABSENT, "could not be measured")
    gain, clear = found["gain"], "low" in found and (found["low"] > 0 or found["high"] < 0)
    sign = "+" if gain > 0 else "−" if gain < 0 else ""
    return Cell(f"{sign}{metric_word(abs(gain))}", repr(gain), strong=clear, small=interval_word(found))
