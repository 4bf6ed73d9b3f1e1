"""Figures of binary evaluations: precision-recall, calibration, scores by class, cost over thresholds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import FuncFormatter

from mlops_runner.reports.document import Figure, threshold_word
from mlops_runner.reports.figures.canvas import DASHES, INK, MUTED, SERIES, draw, label, titled
from mlops_runner.reports.figures.classes import CHANCE, lines_to_draw, unit_square

DEEP = 0.6
# Dots of the calibration figure that are nearer than this cover each other.
DOT = 0.012


def draw_pr(curves: Mapping[str, Any], winner: str, positive_rate: float, where: str) -> Figure:
    """Draw precision over recall. positive_rate: the precision of deciding at random."""
    lines = lines_to_draw(curves, winner)

    def paint(sheet: Sheet) -> None:
        axes = titled(unit_square(sheet), "Recall", "Precision")
        for name, style in lines:
            points = curves[name]
            text = f"{label(name)}  {points['average_precision']:.4f}"
            axes.plot(points["recall"], points["precision"], label=text, drawstyle="steps-post", **style)
        axes.axhline(positive_rate, label=f"chance  {positive_rate:.4f}", **CHANCE)
        axes.legend(loc="best", title="Average precision", alignment="left", title_fontsize=8)

    areas = ", ".join(f"{name} {curves[name]['average_precision']:.4f}" for name, _ in lines)
    caption = f"Precision against recall, {where}. Deciding at random has precision {positive_rate:.4f}."
    return Figure(draw("pr", paint), caption, f"Precision-recall curves with average precision: {areas}")


def draw_calibration(bins: Sequence[Mapping[str, Any]], histogram: Mapping[str, Any], where: str) -> Figure:
    """Draw observed rates over mean scores, and below how the scores are spread."""
    bins = [entry for entry in bins if entry["rows"]]
    scores, rates = [entry["mean_score"] for entry in bins], [entry["rate"] for entry in bins]
    edges, totals = np.array(histogram["edges"]), np.sum(list(histogram["counts"].values()), axis=0)
    whiskers = _whiskers(bins)

    def paint(sheet: Sheet) -> None:
        upper, lower = sheet.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=DASHES[1], label="perfectly calibrated")
        if whiskers is not None:
            upper.errorbar(scores, rates, whiskers, fmt="none", ecolor=SERIES[0], elinewidth=1.1, capsize=2.5)
        upper.plot(scores, rates, color=SERIES[0], marker="o", markersize=5, linewidth=1.8, label="observed")
        upper.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.06), ylabel="Share of positives")
        upper.legend(loc="upper left")
        lower.bar(edges[:-1], totals, np.diff(edges) * 0.92, align="edge", color=SERIES[0], alpha=DEEP)
        lower.set(xlabel="Predicted probability of the positive class", ylabel="Rows")
        lower.grid(visible=False, axis="x")

    pairs = ", ".join(f"{score:.2f} → {rate:.2f}" for score, rate in zip(scores, rates, strict=True))
    chance = "" if whiskers is None else " Whiskers are 95 % score intervals of the share."
    caption = f"Calibration, {where}, {_bins_in_words(bins)}{chance} Below, how the scores are spread."
    return Figure(draw("calibration", paint), caption, f"Mean score and share of positives per bin: {pairs}")


def _whiskers(bins: Sequence[Mapping[str, Any]]) -> list[list[float]] | None:
    """Return how far the intervals of the rates reach down and up; None for evidence without them."""
    if not all("least_rate" in entry for entry in bins):
        return None
    down = [max(0.0, entry["rate"] - entry["least_rate"]) for entry in bins]
    return [down, [max(0.0, entry["most_rate"] - entry["rate"]) for entry in bins]]


def _bins_in_words(bins: Sequence[Mapping[str, Any]]) -> str:
    """Say how many bins there are, how full they are, and how many dots nobody can see."""
    rows = [entry["rows"] for entry in bins]
    full = f"{min(rows):,}" if min(rows) == max(rows) else f"{min(rows):,} to {max(rows):,}"
    seen: list[tuple[float, float]] = []
    for at in [(entry["mean_score"], entry["rate"]) for entry in bins]:
        if all(math.dist(at, other) > DOT for other in seen):
            seen.append(at)
    hidden = len(bins) - len(seen)
    overlap = f"; {hidden} of the dots {'lies' if hidden == 1 else 'lie'} on others" if hidden else ""
    return f"in {len(bins)} {'bin' if len(bins) == 1 else 'bins'} of {full} rows (equal scores share a bin){overlap}."


def draw_scores(histogram: Mapping[str, Any], classes: Sequence[str], threshold: float | None, where: str) -> Figure:
    """Draw the scores as shares of their class, so that a rare class shows: positive upwards, negative downwards.

    classes: negative, positive. The histogram does not know: it may have been sorted by name.
    """
    edges = np.array(histogram["edges"])
    negative, positive = classes
    below, above = histogram["counts"][negative], histogram["counts"][positive]
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
            _mark(axes, threshold, f"threshold {threshold_word(threshold)}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=1.2)

    sums = f"{sum(above)} rows of {positive} above, {sum(below)} rows of {negative} below"
    caption = f"Scores of the winner by true class, {where}. Right of the threshold is decided {positive}."
    return Figure(draw("scores", paint), caption, f"Histogram of scores: {sums}")


def draw_costs(costs: Mapping[str, Any]) -> Figure:
    """Draw the cost per row over thresholds, on the side the threshold was chosen on and on the test side."""
    chosen = costs["threshold"]
    sides = sorted(costs["sides"].items(), key=lambda side: side[0] != costs["chosen_on"])

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Decision threshold", "Cost per row")
        for at, (name, points) in enumerate(sides):
            style: dict[str, Any] = {"color": SERIES[at], "linestyle": DASHES[at], "linewidth": 2 - 0.4 * at}
            text = f"{name} (chosen on)" if name == costs["chosen_on"] else name
            axes.plot(points["threshold"], points["cost_per_row"], label=text, drawstyle="steps-mid", **style)
        axes.set_ylim(0, _highest_cost(costs["sides"][costs["chosen_on"]]["cost_per_row"]))
        _mark(axes, chosen, f"chosen {threshold_word(chosen)}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)

    prices = f"a missed positive costs {costs['false_negative']:g}, a false alarm {costs['false_positive']:g}"
    caption = f"Cost of wrong decisions over thresholds; {prices}. Higher costs are cut off."
    return Figure(draw("cost", paint), caption, f"Cost per row over thresholds, lowest near {threshold_word(chosen)}")


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
