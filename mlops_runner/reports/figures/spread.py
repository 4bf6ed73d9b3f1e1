"""The figure of all models with their intervals, one panel per metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, MUTED, SERIES, draw, label

MOST_MODELS = 12
BASELINE = "baseline"
# A baseline that is further from the others than this many times their own distance is only pointed at.
FAR = 4
PANEL_WIDTH, MOST_PANELS = 2.35, 4


def draw_spread(
    metrics: Sequence[str], models: Sequence[str], numbers: Mapping[str, Any], bounds: Mapping[str, Any], where: str
) -> Figure:
    """Draw a dot with whiskers per model and metric. numbers, bounds: model -> metric -> value, and low and high.

    models: the winner first.
    """
    shown, panels = list(models[:MOST_MODELS]), list(metrics[:MOST_PANELS])

    def paint(sheet: Sheet) -> None:
        every = sheet.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, metric in zip(every, panels, strict=True):
            _panel(axes, metric, shown, numbers, bounds)
        every[0].set_yticks(np.arange(len(shown)), [label(model, 18) for model in shown], color=INK)
        every[0].set_ylim(len(shown) - 0.4, -0.6)

    left = len(models) - len(shown)
    more = f" {left} more models are not drawn." if left else ""
    caption = f"All models on the same rows, {where}, with their intervals. Models share their resamples, so that two"
    caption += f" may differ beyond chance although their whiskers overlap: see the table.{more}"
    first = ", ".join(f"{model} {numbers[model][panels[0]]}" for model in shown)
    drawing = draw("spread", paint, 1.2 + PANEL_WIDTH * len(panels), 0.8 + 0.24 * len(shown))
    return Figure(drawing, caption, f"{panels[0]}: {first}", wide=True)


def _panel(
    axes: Axes, metric: str, models: Sequence[str], numbers: Mapping[str, Any], bounds: Mapping[str, Any]
) -> None:
    for at, model in enumerate(models):
        value, found = numbers[model].get(metric), bounds.get(model, {}).get(metric) or {}
        colour = SERIES[0] if at == 0 else MUTED
        if "low" in found:
            axes.plot([found["low"], found["high"]], [at, at], color=colour, linewidth=2.4 if at == 0 else 1.4)
        if value is not None:
            axes.plot(value, at, "o" if at == 0 else "s", color=colour, markersize=6 if at == 0 else 5)
    _leave_out_far(axes, models, [numbers[model].get(metric) for model in models])
    axes.set_xlabel(label(metric, 26))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _leave_out_far(axes: Axes, models: Sequence[str], values: Sequence[float | None]) -> None:
    """Point at the baseline from the edge when it is so far off that the others could not be told apart."""
    near = [value for model, value in zip(models, values, strict=True) if model != BASELINE and value is not None]
    far = next((at for at, model in enumerate(models) if model == BASELINE and values[at] is not None), None)
    if far is None or len(near) < 2:
        return
    low, high = min(near), max(near)
    value, room = values[far] or 0.0, FAR * (high - low)
    if low - room <= value <= high + room:
        return
    drawn = [
        x for line in axes.lines if int(np.asarray(line.get_ydata())[0]) != far for x in np.asarray(line.get_xdata())
    ]
    margin = 0.12 * (max(drawn) - min(drawn)) or 0.01
    axes.set_xlim(min(drawn) - margin, max(drawn) + margin)
    left = value < low
    text = f"◂ {value:.4f}" if left else f"{value:.4f} ▸"
    axes.annotate(
        text, (0 if left else 1, far), xycoords=("axes fraction", "data"), ha="left" if left else "right",
        va="center", color=MUTED, fontsize=8,
    )  # fmt: skip
