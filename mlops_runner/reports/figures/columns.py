"""Small figures of how one column is distributed in two versions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet

from mlops_runner.data.binned import Binned, binned
from mlops_runner.reports.document import Figure
from mlops_runner.reports.figures.canvas import INK, SERIES, draw, label, titled

BINS = 30
MOST_BARS = 10
WIDTH, HEIGHT = 4.6, 2.3
# The far ends would leave no room for the rest.
LOW, HIGH = 0.005, 0.995

Entry = Mapping[str, Any]


def draw_column(name: str, number: int, entries: tuple[Entry, Entry], versions: tuple[str, str]) -> Figure | None:
    """Draw the shares of both versions, as histograms or as bars of categories; None when there is nothing to draw."""
    sides = binned(entries[0]), binned(entries[1])
    if sides[0] is not None and sides[1] is not None:
        return _histogram(name, number, (sides[0], sides[1]), versions, isinstance(entries[0]["min"], str))
    if "categories" in entries[0] and "categories" in entries[1]:
        return _bars(name, number, entries, versions)
    return None


def _histogram(name: str, number: int, sides: tuple[Binned, Binned], versions: tuple[str, str], dates: bool) -> Figure:
    borders = _borders(sides)
    shares = [
        100 * np.diff(np.concatenate((side.below(borders[:-1])[0], side.below(borders[-1:])[1]))) for side in sides
    ]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), label(name), "Rows, %")
        edges = borders / 1e6 if dates else borders
        axes.bar(
            edges[:-1], shares[0], np.diff(edges), align="edge", color=SERIES[0], alpha=0.45, label=label(versions[0])
        )
        axes.stairs(shares[1], edges, color=SERIES[1], linewidth=1.8, label=label(versions[1]))
        if dates:
            axes.xaxis.set_major_formatter(lambda at, _: str(np.datetime64(int(at), "s"))[:10])
            axes.locator_params(axis="x", nbins=4)
        _legend(axes, versions)

    caption = f'Column "{name}": share of the known rows in {BINS} bins, without the outer 0.5 % of both ends.'
    return Figure(
        draw(f"column-{number}", paint, WIDTH, HEIGHT), caption, f"{versions[0]} filled, {versions[1]} as a line"
    )


def _borders(sides: tuple[Binned, Binned]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    ends = []
    for side in sides:
        _, upto = side.below(side.edges)
        ends.append([side.edges[np.searchsorted(upto, share).clip(max=len(upto) - 1)] for share in (LOW, HIGH)])
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _bars(name: str, number: int, entries: tuple[Entry, Entry], versions: tuple[str, str]) -> Figure:
    counts = [{str(one["value"]): one["count"] for one in entry["categories"]} for entry in entries]
    known = [max(1, entry["rows"] - entry["missing"]) for entry in entries]
    every = dict.fromkeys([*counts[1], *counts[0]])
    shares = {c: [100 * side.get(c, 0) / rows for side, rows in zip(counts, known, strict=True)] for c in every}
    shown = sorted(shares, key=lambda category: (-max(shares[category]), category))[:MOST_BARS]

    def paint(sheet: Sheet) -> None:
        axes = titled(sheet.add_subplot(), "Rows, %", "")
        at = np.arange(len(shown))
        for side, version in enumerate(versions):
            width = [shares[category][side] for category in shown]
            axes.barh(at + 0.4 * side - 0.2, width, 0.36, color=SERIES[side], alpha=0.85, label=label(version))
        axes.set_yticks(at, [label(category, 20) for category in shown], color=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        _legend(axes, versions)

    caption = f'Column "{name}": share of the known rows, {len(shown)} of {len(shares)} listed categories.'
    height = 0.8 + 0.26 * len(shown)
    words = "; ".join(f"{c}: {shares[c][0]:.1f} % → {shares[c][1]:.1f} %" for c in shown[:5])
    return Figure(draw(f"column-{number}", paint, WIDTH, height), caption, words)


def _legend(axes: Axes, versions: tuple[str, str]) -> None:
    """Name the versions, the older one first."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    names = list(dict.fromkeys(label(version) for version in versions))
    axes.legend(
        [handles[name] for name in names], names, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2
    )
