"""Figures of a search: its values over time, and the parameters of its trials side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.axes import heights, short
from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, MUTED, SERIES, WIDTH, draw, label

Trial = Mapping[str, Any]


def draw_history(name: str, trials: Sequence[Trial], metric: str, direction: str) -> Figure:
    """Draw the value of every complete trial, and the best so far."""
    at = [trial["number"] for trial in trials if trial["value"] is not None]
    values = [trial["value"] for trial in trials if trial["value"] is not None]
    best = np.maximum.accumulate(values) if direction == "maximize" else np.minimum.accumulate(values)

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        axes.plot(at, values, "o", color=SERIES[0], markersize=3.5, alpha=0.7, label="trial")
        axes.step(at, best, where="post", color=SERIES[1], linewidth=1.4, label="best so far")
        axes.set(xlabel="Trial", ylabel=label(metric, 24))
        axes.legend()

    caption = f"{label(metric)} of the trials, and the best so far; trials that were given up are left out."
    return Figure(
        draw(f"history-{name}", paint), caption, f"From {values[0]:.4g} to {best[-1]:.4g} in {len(at)} trials"
    )


def draw_coordinates(
    name: str, complete: Sequence[Trial], metric: str, direction: str, what: str = "complete trial"
) -> Figure:
    """Draw each trial as a line through its parameters, ending in its value; the best tenth stands out."""
    names = [*complete[0]["params"], metric]
    columns = [heights([_of(trial, one) for trial in complete]) for one in names]
    places = np.array([height for height, _ in columns]).T
    order = np.argsort([trial["value"] for trial in complete], kind="stable")
    order = order if direction == "maximize" else order[::-1]
    leading = set(order[-max(1, len(order) // 10) :].tolist())

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        for trial in order:
            style: dict[str, Any] = (
                {"color": SERIES[1], "linewidth": 1.6} if trial in leading else {"color": SERIES[0], "alpha": 0.25}
            )
            axes.plot(range(len(names)), places[trial], **style)
        axes.set_xticks(range(len(names)), [label(one, 16) for one in names], color=INK)
        axes.set(ylim=(-0.08, 1.08), yticks=[])
        axes.spines["left"].set_visible(False)
        for position, (_, ends) in enumerate(columns):
            for height, text, side in ((0, ends[0], "top"), (1, ends[1], "bottom")):
                offset = -0.02 if height == 0 else 0.02
                axes.text(position, height + offset, text, ha="center", va=side, color=MUTED, fontsize=7)

    caption = f"Every {what} as a line through its parameters; the best tenth stands out."
    best = complete[int(order[-1])]
    alt = ", ".join(f"{one} {short(_of(best, one))}" for one in names)
    return Figure(draw(f"coordinates-{name}", paint, max(WIDTH, 0.95 * len(names))), caption, f"Best: {alt}")


def _of(trial: Trial, name: str) -> Any:
    return trial["params"].get(name, trial["value"])
