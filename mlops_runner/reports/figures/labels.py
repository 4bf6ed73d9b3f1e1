"""Figures of several labels: a small precision-recall curve for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure as Sheet

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, SERIES, WIDTH, draw, label
from mlops_runner.reports.figures.classes import CHANCE

MOST_PANELS, ACROSS = 12, 4
ROW = 1.25  # inches


def draw_label_curves(curves: Sequence[Mapping[str, Any]], winner: str, where: str) -> Figure:
    """Draw precision over recall, a panel a label. curves: those of the lowest average precision first."""
    shown = curves[:MOST_PANELS]
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)

    def paint(sheet: Sheet) -> None:
        panels = sheet.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, of in zip(panels, shown, strict=False):
            axes.plot(of["recall"], of["precision"], drawstyle="steps-post", color=SERIES[0], linewidth=1.3)
            axes.axhline(of["rate"], **CHANCE)
            axes.set_title(f"{label(of['label'], 14)}  {of['average_precision']:.3f}", fontsize=7.5, color=INK)
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
            axes.tick_params(labelsize=7)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        for axes in panels[len(shown) - across : len(shown)]:  # nothing is drawn below these
            axes.tick_params(labelbottom=True)
        sheet.supxlabel("Recall", fontsize=8.5)
        sheet.supylabel("Precision", fontsize=8.5)

    areas = ", ".join(f"{of['label']} {of['average_precision']:.4f}" for of in shown)
    left = len(curves) - len(shown)
    more = f" {left} with a larger area are not drawn." if left else ""
    caption = (
        f"Precision against recall of {winner} by label, {where}; above each its average precision, the lowest first. "
        f"The broken line is deciding at random.{more}"
    )
    height = 0.6 + ROW * down
    return Figure(draw("labels", paint, WIDTH, height), caption, f"Average precision by label: {areas}")
