"""Figures of the winner trained again: a dot per training, and the learning curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, MUTED, SERIES, WIDTH, draw, label

WORDS = {"seeds": "other seeds", "folds": "one fold left out"}


def draw_stability(gates: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """Draw the value of every training on one line per gate, all of the same metric; the extremes joined."""
    rows = [[one["value"] for one in gate["details"] if one["value"] is not None] for gate in gates]

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        for at, values in enumerate(rows):
            axes.plot([min(values), max(values)], [at, at], color=MUTED, linewidth=1.4)
            axes.plot(values, [at] * len(values), "o", color=SERIES[0], markersize=5, alpha=0.7)
        axes.set_yticks(np.arange(len(gates)), [label(gate["name"], 18) for gate in gates], color=INK)
        axes.set(ylim=(len(gates) - 0.4, -0.6), xlabel=label(metric, 26))
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    told = "; ".join(f"{gate['name']}: {gate['comparison']}" for gate in gates)
    caption = f"{label(metric)} of the winner each time that it was trained: a dot each."
    return Figure(draw(f"stability-{metric}", paint, WIDTH, 0.9 + 0.3 * len(gates)), caption, told)


def draw_learning_curve(points: Sequence[Mapping[str, Any]], metric: str, side: str) -> Figure:
    """Draw the metric by the number of training rows: on the rows that were fitted on, and on a side that was not."""
    drawn = {name: _line(points, name, metric) for name in dict.fromkeys(("train", side))}

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        for at, (name, (rows, values)) in enumerate(drawn.items()):
            style = "s--" if name == "train" else "o-"
            axes.plot(rows, values, style, color=SERIES[1 - at], linewidth=1.4, markersize=4, label=name)
        axes.set(xlabel="Training rows", ylabel=label(metric, 24), xlim=(0, None))
        axes.legend()

    rows, values = drawn[side]
    told = ", ".join(f"{value:.4g} with {count:,} rows" for count, value in zip(rows, values, strict=True))
    caption = f"{label(metric)} of the winner, trained on parts of the rows; train is measured on the rows of the part."
    return Figure(draw("learning-curve", paint), caption, f"{side}: {told}")


def _line(points: Sequence[Mapping[str, Any]], side: str, metric: str) -> tuple[list[int], list[float]]:
    known = [point for point in points if point.get(side, {}).get(metric) is not None]
    return [point["rows"] for point in known], [point[side][metric] for point in known]
