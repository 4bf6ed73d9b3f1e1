"""The figure of feature importance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, MUTED, SERIES, WIDTH, draw, label

MOST_BARS = 20


def draw_importance(rows: Sequence[tuple[str, float, float]], metric: str) -> Figure:
    """Draw a bar per feature, the most important on top. rows: feature, mean drop of the metric, standard deviation."""
    shown = rows[:MOST_BARS]
    names, drops, spreads = [label(row[0]) for row in shown], [row[1] for row in shown], [row[2] for row in shown]
    at = np.arange(len(shown))

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        bars: dict[str, Any] = {"color": SERIES[0], "alpha": 0.85, "height": 0.66}
        axes.barh(at, drops, xerr=spreads, error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2}, **bars)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(at, names, color=INK)
        axes.set(
            ylim=(len(shown) - 0.4, -0.6),
        )
        axes.set_xlabel(f"Loss of {label(metric, 24)} when the feature is shuffled", loc="right")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    first = ", ".join(f"{name} {drop:.4f}" for name, drop, _ in shown[:5])
    caption = f"Permutation importance, {len(shown)} of {len(rows)} features; whiskers are one standard deviation."
    return Figure(draw("importance", paint, WIDTH, 0.9 + 0.2 * len(shown)), caption, f"Most important: {first}")


def draw_contributions(rows: Sequence[tuple[str, float]], features: int, where: str) -> Figure:
    """Draw how much each feature moves the predictions. rows: feature, mean size of its contributions; by size."""
    shown = rows[:MOST_BARS]
    names, sizes = [label(name) for name, _ in shown], [size for _, size in shown]
    at = np.arange(len(shown))

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        axes.barh(at, sizes, color=SERIES[2], alpha=0.85, height=0.66)
        axes.set_yticks(at, names, color=INK)
        axes.set(
            ylim=(len(shown) - 0.4, -0.6),
        )
        axes.set_xlabel("Mean size of the contribution (margin of the trees)", loc="right")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    first = ", ".join(f"{name} {size:.4f}" for name, size in shown[:5])
    caption = f"Contributions to the predictions (TreeSHAP), {where}; {len(shown)} of {features} features."
    return Figure(draw("contributions", paint, WIDTH, 0.9 + 0.2 * len(shown)), caption, f"Largest: {first}")
