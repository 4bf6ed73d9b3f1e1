"""Figures of rankings: NDCG over the places that are looked at, and how it is spread over the queries."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, INK, MUTED, SERIES, draw, label, titled
from mlops_runner.reports.figures.classes import lines_to_draw

BASELINE = "baseline"


def draw_ndcg(found: Mapping[str, Any], winner: str, where: str) -> Figure:
    """Draw the mean NDCG of the first places over their number, a line per model."""
    places, models = found["places"], found["models"]
    lines = lines_to_draw(models, winner)

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "First places of a query", "Mean NDCG")
        for name, style in lines:
            marker = {"marker": "o", "markersize": 3.5} if len(places) <= 10 else {}
            axes.plot(places, models[name], label=label(name), **{**style, **marker})
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")

    last = ", ".join(f"{name} {models[name][-1]:.4f}" for name, _ in lines)
    caption = f"NDCG of the first places, {where}. A query shorter than that counts with the rows it has."
    return Figure(draw("ndcg", paint), caption, f"NDCG of the first {places[-1]} places: {last}")


def draw_queries(spread: Mapping[str, Any], winner: str, where: str) -> Figure:
    """Draw how many queries have which NDCG: the winner as bars, the baseline as steps."""
    edges, counts = np.array(spread["edges"]), spread["queries"]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "NDCG of the query", "Queries")
        widths = np.diff(edges) * 0.92
        axes.bar(edges[:-1], counts[winner], widths, align="edge", color=SERIES[0], alpha=0.85, label=label(winner))
        if BASELINE in counts:
            style: dict[str, Any] = {"color": INK, "linewidth": 1.2, "linestyle": DASHES[1], "label": BASELINE}
            axes.stairs(counts[BASELINE], edges, **style)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(-0.02, 1.02)
        axes.grid(visible=False, axis="x")
        axes.tick_params(axis="y", colors=MUTED)
        axes.legend(loc="upper left")

    low = sum(count for edge, count in zip(edges[:-1], counts[winner], strict=True) if edge < 0.5)
    caption = f"NDCG of each query, {where}. A query without a relevant row counts as 0."
    return Figure(draw("queries", paint), caption, f"{low} of {sum(counts[winner])} queries have an NDCG below 0.5")
