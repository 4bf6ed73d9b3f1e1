"""Plots of runs in the terminal: a metric run by run, and runs as points on the axes of what they had different."""

from collections.abc import Sequence
from typing import Any

from mlops_runner.execute.tracking import Experiment
from mlops_runner.reports.axes import heights

FEWEST = 3  # two runs are told apart by a table
WIDTH, AXIS, MOST_AXES = 40, 12, 6


def plots_text(runs: Sequence[Experiment], axes: Sequence[tuple[str, list[Any]]], metric: str) -> list[str]:
    """Return both plots of runs that all have the metric; none for fewer than three runs."""
    if len(runs) < FEWEST:
        return []
    numbers = [run.number for run in runs]
    values = [run.metrics[metric] for run in runs]
    drawn = [_over_time(numbers, values, metric)]
    if axes:
        drawn.append(_coordinates(numbers, [*axes[: MOST_AXES - 1], (metric, values)]))
    return drawn


def _over_time(numbers: Sequence[int], values: Sequence[float], metric: str) -> str:
    places, (low, high) = heights(values)
    width = max(len(str(number)) for number in numbers)
    lines = [f"  {metric} of the winner, from {low} to {high}"]
    for number, place, value in sorted(zip(numbers, places, values, strict=True)):
        lines.append(f"  {number:>{width}}  {'─' * round(place * WIDTH)}● {value:.6g}")
    return "\n".join(lines)


def _coordinates(numbers: Sequence[int], axes: Sequence[tuple[str, list[Any]]]) -> str:
    placed = [heights(values) for _, values in axes]
    width = max(len(str(number)) for number in numbers)
    ends = [f"{low} to {high}" for _, (low, high) in placed]
    cells = [max(AXIS, len(name), len(end)) for (name, _), end in zip(axes, ends, strict=True)]
    margin = " " * (width + 2)

    def line(texts: Sequence[str], head: str) -> str:
        return (head + "  ".join(f"{text:<{cell}}" for text, cell in zip(texts, cells, strict=True))).rstrip()

    rows = [
        line(
            [_point(places[at], cell) for (places, _), cell in zip(placed, cells, strict=True)],
            f"  {number:>{width}}  ",
        )
        for at, number in enumerate(numbers)
    ]
    return "\n".join([line([name for name, _ in axes], margin + "  "), line(ends, margin + "  "), *rows])


def _point(place: float, width: int) -> str:
    at = round(place * (width - 1))
    return "·" * at + "●" + "·" * (width - 1 - at)
