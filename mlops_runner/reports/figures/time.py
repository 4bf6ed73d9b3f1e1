"""Figures along an axis of runs or rounds."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import DASHES, SERIES, draw, label


def draw_over_time(points: Sequence[tuple[int, float]], metric: str) -> Figure:
    """Draw a metric of the winner by number of the experiment."""
    ordered = sorted(points)

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        axes.plot([at for at, _ in ordered], [found for _, found in ordered], "o-", color=SERIES[0], markersize=4)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="Experiment", ylabel=label(metric, 24))

    alt = ", ".join(f"{at}: {found:.4g}" for at, found in ordered)
    return Figure(draw("over-time", paint), f"{label(metric)} of the winner, run by run.", alt)


def draw_curves(name: str, lines: Mapping[str, Sequence[float]]) -> Figure:
    """Draw a learning curve for each experiment. lines: experiment → value at each round."""

    def paint(sheet: Sheet) -> None:
        axes = sheet.add_subplot()
        for at, (run, values) in enumerate(lines.items()):
            colour, dash = SERIES[at % len(SERIES)], DASHES[at // len(SERIES) % len(DASHES)]
            axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dash, label=f"experiment {run}")
        axes.set(xlabel="Round", ylabel=label(name, 30))
        axes.legend()

    alt = ", ".join(f"{run}: {values[0]:.4g} to {values[-1]:.4g}" for run, values in lines.items())
    return Figure(draw(f"curve-{name}", paint), f"{label(name)}; at most 200 points a curve.", alt)
