"""The sections about the winner trained again: how far its numbers move, and whether more rows would help."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_runner.reports.builders.text import metric_text
from mlops_runner.reports.document import Block, Column, Inline, Section, Table
from mlops_runner.reports.evidence import Evidence
from mlops_runner.reports.figures.refits import draw_learning_curve, draw_stability

SIDES = ("validation", "test", "train")


def stability_section(evidence: Evidence) -> Section:
    """A figure per metric that a gate of stability looks at; nothing where nothing could be measured."""
    gates = [gate for gate in evidence["gates"] if gate["kind"] == "stability" and gate["value"] is not None]
    metrics = dict.fromkeys(gate["metric"] for gate in gates)
    drawn = (draw_stability([gate for gate in gates if gate["metric"] == metric], metric) for metric in metrics)
    return Section("Stability", tuple(drawn))


def learning_curve_section(evidence: Evidence) -> Section:
    """The metric that the winner is selected by, on the validation side where there is one, and its numbers."""
    points = evidence.get("learning_curve")
    return Section("Learning curve", tuple(_curve(evidence, points)) if points else ())


def _curve(evidence: Evidence, points: list[Mapping[str, Any]]) -> Iterator[Block]:
    metric = evidence["select"]["metric"]
    side = next(side for side in SIDES if side in points[-1])
    if any(point.get(side, {}).get(metric) is not None for point in points[:-1]):
        yield draw_learning_curve(points, metric, side)
    sides = [name for name in ("train", *SIDES[:2]) if name in points[-1]]
    columns = (Column("Share", "right"), Column("Rows", "right"), *(Column(f"{metric} · {s}", "right") for s in sides))
    rows = tuple(_row(point, metric, sides) for point in points)
    problems = [f"{100 * point['share']:g} %: {point['problem']}." for point in points if "problem" in point]
    yield Table(columns, rows, " ".join(problems), frozenset({len(rows) - 1}))


def _row(point: Mapping[str, Any], metric: str, sides: list[str]) -> tuple[Inline, ...]:
    values = (metric_text(point.get(side, {}).get(metric)) for side in sides)
    return f"{100 * point['share']:g} %", f"{point['rows']:,}", *values
