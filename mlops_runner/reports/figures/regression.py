"""Figures of regression evaluations: predicted against actual, and the residuals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, INK, MUTED, SERIES, draw, titled


def draw_predicted(dots: Mapping[str, Any], where: str) -> Figure:
    """Draw a dot per row; on the diagonal the prediction is right."""
    actual, predicted = np.array(dots["actual"]), np.array(dots["predicted"])
    low, high = float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Actual (unit of the target)", "Predicted (unit of the target)")
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=DASHES[1], label="predicted = actual")
        alpha = 0.7 if len(actual) <= 300 else 0.35
        axes.plot(actual, predicted, "o", color=SERIES[0], markersize=4, markeredgewidth=0, alpha=alpha)
        axes.legend(loc="upper left")

    caption = f"Predicted against actual, {where}; {len(actual):,} rows shown."
    return Figure(draw("predicted", paint), caption, f"Predictions from {low:g} to {high:g} around the diagonal")


def draw_residuals(residuals: Mapping[str, Any], where: str) -> Figure:
    """Draw the histogram of predicted minus actual."""
    edges, counts = np.array(residuals["edges"]), residuals["counts"]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Predicted minus actual (unit of the target)", "Rows")
        axes.bar(edges[:-1], counts, np.diff(edges) * 0.92, align="edge", color=SERIES[0], alpha=0.85)
        axes.axvline(0, color=INK, linewidth=1.2, linestyle=DASHES[1])
        axes.grid(visible=False, axis="x")

    caption = f"Residuals of all rows, {where}. Right of 0 is predicted too high."
    return Figure(draw("residuals", paint), caption, f"Residuals from {edges[0]:g} to {edges[-1]:g}")
