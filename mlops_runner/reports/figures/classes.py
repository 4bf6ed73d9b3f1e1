"""Figures shared by binary and multiclass evaluations: ROC curves and the confusion matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, INK, LINE, MUTED, SERIES, draw, label, titled

MOST_LINES = 6
MOST_NUMBERED_CLASSES = 12
# At this opacity the ink stays readable on a full tile, on white paper as on black.
DEEPEST = 0.55
# A tile with a single row of many still shows whether it is right or wrong.
PALEST = 0.2
CHANCE: dict[str, Any] = {"color": MUTED, "linestyle": (0, (9, 2.5, 1.5, 2.5)), "linewidth": 1.1, "zorder": 1.5}


def lines_to_draw(curves: Mapping[str, Any], winner: str | None) -> list[tuple[str, dict[str, Any]]]:
    """Return names with line styles, the winner first, the baseline last and grey; never told apart by colour alone."""
    others = [name for name in curves if name not in (winner, "baseline")]
    if winner is None:
        # Curves of classes: those that are told apart worst are the ones to look at.
        others.sort(key=lambda name: curves[name]["auc"])
    ranked = ([winner] if winner in curves else []) + others
    styles: list[tuple[str, dict[str, Any]]] = [
        (str(name), {"color": SERIES[at], "linestyle": DASHES[at], "linewidth": 1.3})
        for at, name in enumerate(ranked[:MOST_LINES])
    ]
    if winner in curves:
        styles[0][1].update(linewidth=2.4, zorder=5)
    if "baseline" in curves:
        styles.append(("baseline", {"color": MUTED, "linestyle": (0, (2, 2)), "linewidth": 1.3}))
    return styles


def draw_roc(curves: Mapping[str, Any], winner: str | None, where: str) -> Figure:
    """Draw ROC curves. curves: name (of a model or class) -> points and auc; winner: the one to emphasise."""
    lines = lines_to_draw(curves, winner)

    def paint(sheet: Sheet) -> None:
        axes = titled(unit_square(sheet), "False positive rate", "True positive rate")
        for name, style in lines:
            points = curves[name]
            text = f"{label(name)}  {points['auc']:.4f}"
            axes.plot(points["false_positive_rate"], points["true_positive_rate"], label=text, **style)
        axes.plot([0, 1], [0, 1], label="chance  0.5000", **CHANCE)
        axes.legend(loc="lower right", title="AUC", alignment="left", title_fontsize=8)

    areas = ", ".join(f"{name} {curves[name]['auc']:.4f}" for name, _ in lines)
    left = len(curves) - len(lines)
    more = f" {left} with a larger area are not drawn." if left and winner is None else f" {left} more are not drawn."
    ties = " A curve slopes where rows share a score or points are left out." if _any_slope(curves, lines) else ""
    caption = f"ROC curves, {where}. Above the diagonal is better than chance.{ties}{more if left else ''}"
    return Figure(draw("roc", paint), caption, f"ROC curves with areas: {areas}")


def _any_slope(curves: Mapping[str, Any], lines: Sequence[tuple[str, Any]]) -> bool:
    """Return whether a curve goes up and right at once: a step there would show an area that was not measured."""
    drawn = [(curves[name]["false_positive_rate"], curves[name]["true_positive_rate"]) for name, _ in lines]
    return any(((np.diff(across) > 0) & (np.diff(up) > 0)).any() for across, up in drawn)


def unit_square(sheet: Sheet) -> Axes:
    """Add axes from 0 to 1 with a little air around."""
    axes: Axes = sheet.add_subplot()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    return axes


def draw_confusion(counts: Sequence[Sequence[int]], classes: Sequence[str], where: str) -> Figure:
    """Draw a confusion matrix: rows are true classes, columns decisions; tiles are shaded by their share of the row."""
    table = np.array(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Decided class", "True class")
        axes.add_collection(_tiles(shares), autolim=False)
        if len(classes) <= MOST_NUMBERED_CLASSES:
            _write_numbers(axes, table, shares)
        _name_ticks(axes, classes)

    named = "; ".join(_row_in_words(table[row].tolist(), classes, row) for row in range(min(len(classes), 12)))
    shading = "shaded by their share of the true class. Blue is right, orange is wrong."
    caption = f"Confusion matrix, {where}: rows per tile, {shading}"
    return Figure(draw("confusion", paint), caption, f"Confusion matrix: {named}")


def _tiles(shares: Any) -> PolyCollection:
    """All tiles as one collection: a patch of its own for each makes forty classes take seconds."""
    places = list(np.ndindex(*shares.shape))
    low, high = 0.02, 0.98
    corners = [(low, low), (high, low), (high, high), (low, high)]
    tiles = [[(column + x, row + y) for x, y in corners] for row, column in places]
    fills = [
        to_rgba(SERIES[0] if row == column else SERIES[1], tile_opacity(shares[row, column])) for row, column in places
    ]
    return PolyCollection(tiles, facecolors=fills, edgecolors=LINE, linewidths=0.7)


def tile_opacity(share: float) -> float:
    """Return how strongly a tile is tinted; an empty one is not."""
    return PALEST + (DEEPEST - PALEST) * share if share else 0.0


def _write_numbers(axes: Axes, table: Any, shares: Any) -> None:
    if len(table) > 6:
        for (row, column), count in np.ndenumerate(table):
            if count:
                axes.text(column + 0.5, row + 0.52, f"{count:,}", ha="center", va="center", fontsize=7.5, color=INK)
        return
    big, small = (15, 8.5) if len(table) <= 3 else (9, 7)
    for (row, column), count in np.ndenumerate(table):
        axes.text(column + 0.5, row + 0.46, f"{count:,}", ha="center", va="center", fontsize=big, color=INK)
        percent = f"{100 * shares[row, column]:.1f} %"
        axes.text(column + 0.5, row + 0.72, percent, ha="center", va="center", fontsize=small, color=INK)


def _name_ticks(axes: Axes, classes: Sequence[str]) -> None:
    at = np.arange(len(classes))
    step = -(-len(classes) // 25)
    names = [label(name, 14) for name in classes]
    axes.set(xlim=(0, len(classes)), ylim=(len(classes), 0))
    axes.set_xticks(at[::step] + 0.5, names[::step], rotation=0 if len(classes) <= 4 else 45, ha="center")
    axes.set_yticks(at[::step] + 0.5, names[::step])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _row_in_words(counts: list[int], classes: Sequence[str], row: int) -> str:
    return f"true {classes[row]}: " + ", ".join(
        f"{count} as {name}" for name, count in zip(classes, counts, strict=True) if count
    )
