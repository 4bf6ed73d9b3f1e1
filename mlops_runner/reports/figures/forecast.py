"""Figures of forecasts: series as they were and as they were forecast, and the size of errors over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, HEIGHT, INK, SERIES, WIDTH, draw, label, titled

TICKS = 5


def draw_path(at: int, path: Mapping[str, Any], where: str) -> Figure:
    """Draw what was, and what each model said, over the last moments of a series; `at` tells the figure from others."""
    moments, actual = path["moments"], path["actual"]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Time", "Unit of the target")
        axes.plot(actual, color=INK, linewidth=1.3, label="actual")
        for number, (name, values) in enumerate(path["predicted"].items()):
            axes.plot(values, color=SERIES[number], linewidth=1, linestyle=DASHES[number], label=label(name))
        _moments(axes, moments)
        axes.legend(loc="upper left", ncols=2)

    shown = f"the last {len(moments):,} moments" if len(moments) > 1 else "its only moment"
    caption = f"{label(path['series'])}: actual and forecast, {shown}, {where}."
    alt = f"From {moments[0]} to {moments[-1]}, actual values from {min(actual):g} to {max(actual):g}"
    return Figure(draw(f"path-{at}", paint, 2 * WIDTH, HEIGHT), caption, alt, wide=True)


def draw_errors_over_time(found: Mapping[str, Any], where: str) -> Figure:
    """Draw the mean absolute error of each model in spans of time."""
    begins, errors = found["from"], found["mae"]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Time", "Mean absolute error")
        for number, (name, values) in enumerate(errors.items()):
            mark = "o" if len(values) == 1 else None
            look = {"color": SERIES[number], "linestyle": DASHES[number], "marker": mark}
            axes.plot(values, label=label(name), linewidth=1.4, **look)  # type: ignore[arg-type]
        _moments(axes, begins)
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")

    caption = f"Mean absolute error over time, {where}; {len(begins)} spans of equally many moments."
    alt = "; ".join(f"{name} from {min(values):g} to {max(values):g}" for name, values in errors.items())
    return Figure(draw("errors-over-time", paint, 2 * WIDTH, HEIGHT), caption, alt, wide=True)


def _moments(axes: Axes, moments: list[str]) -> None:
    """Name some of the moments below the axis."""
    places = np.unique(np.linspace(0, len(moments) - 1, min(TICKS, len(moments))).round().astype(int)).tolist()
    axes.set_xticks(places, [label(moments[place], 19) for place in places])
