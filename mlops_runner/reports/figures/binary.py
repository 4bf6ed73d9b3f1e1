"""Figures of binary evaluations: precision-recall, calibration, scores by class, cost over thresholds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import FuncFormatter

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, INK, LINE, MUTED, SERIES, draw, label, titled
from mlops_runner.reports.figures.classes import lines_to_draw, unit_square

DEEP = 0.6


def draw_pr(curves: Mapping[str, Any], winner: str, positive_rate: float, where: str) -> Figure:
    """Draw precision over recall. positive_rate: the precision of deciding at random."""
    lines = lines_to_draw(curves, winner)

    def paint(sheet: Sheet) -> None:
        axes = titled(unit_square(sheet), "Recall", "Precision")
        axes.axhline(positive_rate, color=LINE, linewidth=1.2)
        for name, style in lines:
            points = curves[name]
            text = f"{label(name)}  {points['average_precision']:.4f}"
            axes.plot(points["recall"], points["precision"], label=text, drawstyle="steps-post", **style)
        axes.legend(loc="best", title="Average precision", alignment="left", title_fontsize=8)

    areas = ", ".join(f"{name} {curves[name]['average_precision']:.4f}" for name, _ in lines)
    caption = f"Precision against recall, {where}. Deciding at random has precision {positive_rate:.3f}."
    return Figure(draw("pr", paint), caption, f"Precision-recall curves with average precision: {areas}")


def draw_calibration(bins: Sequence[Mapping[str, Any]], histogram: Mapping[str, Any], where: str) -> Figure:
    """Draw observed rates over mean scores, and below how the scores are spread."""
    scores, rates = [entry["mean_score"] for entry in bins], [entry["rate"] for entry in bins]
    edges, totals = np.array(histogram["edges"]), np.sum(list(histogram["counts"].values()), axis=0)

    def paint(sheet: Sheet) -> None:
        upper, lower = sheet.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=DASHES[1], label="perfectly calibrated")
        upper.plot(scores, rates, color=SERIES[0], marker="o", markersize=5, linewidth=1.8, label="observed")
        upper.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.06), ylabel="Share of positives")
        upper.legend(loc="upper left")
        lower.bar(edges[:-1], totals, np.diff(edges) * 0.92, align="edge", color=SERIES[0], alpha=DEEP)
        lower.set(xlabel="Predicted probability of the positive class", ylabel="Rows")
        lower.grid(visible=False, axis="x")

    pairs = ", ".join(f"{score:.2f} → {rate:.2f}" for score, rate in zip(scores, rates, strict=True))
    caption = f"Calibration in {len(bins)} bins of equal mass, {where}; below, how the scores are spread."
    return Figure(draw("calibration", paint), caption, f"Mean score and share of positives per bin: {pairs}")


def draw_scores(histogram: Mapping[str, Any], threshold: float | None, where: str) -> Figure:
    """Draw the scores as shares of their class, so that a rare class shows: positive upwards, negative downwards."""
    edges = np.array(histogram["edges"])
    (negative, below), (positive, above) = histogram["counts"].items()
    down, up = (100 * np.array(counts) / max(sum(counts), 1) for counts in (below, above))

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Score of the positive class", "Share of the class, %")
        bars: dict[str, Any] = {"width": np.diff(edges) * 0.92, "align": "edge", "alpha": 0.85}
        axes.bar(edges[:-1], up, color=SERIES[1], label=f"▲ {label(positive, 16)}, {sum(above):,} rows", **bars)
        axes.bar(edges[:-1], -down, color=SERIES[0], label=f"▼ {label(negative, 16)}, {sum(below):,} rows", **bars)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        room = 1.15 * max(*up, *down, 1)
        axes.set_ylim(-room, room)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
        axes.grid(visible=False, axis="x")
        if threshold is not None:
            _mark(axes, threshold, f"threshold {threshold:.4g}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=1.2)

    sums = f"{sum(above)} rows of {positive} above, {sum(below)} rows of {negative} below"
    caption = f"Scores of the winner by true class, {where}. Right of the threshold is decided {positive}."
    return Figure(draw("scores", paint), caption, f"Histogram of scores: {sums}")


def draw_costs(costs: Mapping[str, Any]) -> Figure:
    """Draw the cost per row over thresholds, on the side the threshold was chosen on and on the test side."""
    chosen = costs["threshold"]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Decision threshold", "Cost per row")
        for at, (name, points) in enumerate(costs["sides"].items()):
            style: dict[str, Any] = {"color": SERIES[at], "linestyle": DASHES[at], "linewidth": 2 - 0.4 * at}
            text = f"{name} (chosen on)" if name == costs["chosen_on"] else name
            axes.plot(points["threshold"], points["cost_per_row"], label=text, drawstyle="steps-mid", **style)
        axes.set_ylim(0, _highest_cost(costs["sides"][costs["chosen_on"]]["cost_per_row"]))
        _mark(axes, chosen, f"chosen {chosen:.4g}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)

    prices = f"a missed positive costs {costs['false_negative']:g}, a false alarm {costs['false_positive']:g}"
    caption = f"Cost of wrong decisions over thresholds; {prices}. Higher costs are cut off."
    return Figure(draw("cost", paint), caption, f"Cost per row over thresholds, lowest near {chosen:.4g}")


def _highest_cost(curve: Sequence[float]) -> float | None:
    """Cut the axis at twice the cost of the better of "all positive" and "all negative": nobody wants to go there."""
    trivial, least = min(curve[0], curve[-1]), min(curve)
    top = max(2 * trivial, 4 * least)
    return min(top, 1.08 * max(curve)) or None


def _mark(axes: Axes, at: float, text: str) -> None:
    """Draw a vertical line with its value at the top, on the side where there is room."""
    axes.axvline(at, color=INK, linewidth=1.2, linestyle=DASHES[1])
    low, high = axes.get_xlim()
    left = at > low + (high - low) * 0.7
    axes.annotate(
        text,
        (at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if left else 4, -2),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
    )
