"""Intervals and paired differences as plain JSON."""

from mlops_runner.digest import Json
from mlops_runner.evaluate.bootstrap.intervals import Bounds, Interval
from mlops_runner.evaluate.bootstrap.replicates import Drawing
from mlops_runner.evaluate.measured import Measured, share_above
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import Unmeasured

SHARE_DIGITS = 4


def intervals_json(known: Measured) -> Json:
    """Return how intervals were made, and those of every model, side and slice; null when they are turned off."""
    intervals = known.options.evaluation.intervals
    if intervals is None:
        return None
    metrics: dict[str, dict[str, dict[str, Json]]] = {}
    slices: dict[str, dict[str, dict[str, dict[str, Json]]]] = {}
    for cell, bounds in known.bounds.items():
        place = metrics if cell.slice is None else slices.setdefault(cell.slice, {})
        place.setdefault(cell.model, {}).setdefault(cell.split, {})[cell.metric] = bounds_json(bounds)
    sides: dict[str, Json] = {side: _drawing(found.drawing) for side, found in known.replicates.items()}
    return {"level": intervals.level, "method": "percentile", "sides": sides, "metrics": metrics, "slices": slices}


def _drawing(drawing: Drawing) -> Json:
    found: dict[str, Json] = {"unit": drawing.unit, "units": drawing.units, "resamples": drawing.resamples}
    return found | ({"block": drawing.block} if drawing.block > 1 else {})


def bounds_json(bounds: Bounds) -> Json:
    """Return an interval, or the reason why there is none; what is usual is left out."""
    if isinstance(bounds, Unmeasured):
        return {"reason": bounds.reason}
    found: dict[str, Json] = {"low": bounds.low, "high": bounds.high}
    if bounds.lost:
        found["lost"] = bounds.lost
    if bounds.constant:
        found["constant"] = True
    if bounds.method != "percentile":
        found["method"] = bounds.method
    return found


def comparison_json(known: Measured) -> Json:
    """Return how much better the winner is than every other model: side -> model -> metric -> gain and its interval.

    A gain is positive when the winner is better, whichever way the metric improves. better: the share of resamples in
    which it is, ties half.
    """
    found: dict[str, dict[str, dict[str, Json]]] = {}
    for cell in known.table:
        if cell.model == known.winner or cell.slice is not None:
            continue
        winner = Cell(known.winner, cell.split, None, cell.metric)
        gain = known.gain(winner, cell)
        if not isinstance(gain, Unmeasured):
            row = found.setdefault(cell.split, {}).setdefault(cell.model, {})
            row[cell.metric] = _gain(known, winner, cell, gain)
    return dict(found)


def _gain(known: Measured, winner: Cell, other: Cell, gain: float) -> Json:
    replicates, bounds = known.gain_replicates(winner, other), known.gain_interval(winner, other)
    value: dict[str, Json] = {"gain": gain}
    if replicates is not None and isinstance(bounds, Interval):
        value |= {"low": bounds.low, "high": bounds.high, "better": round(share_above(replicates), SHARE_DIGITS)}
    return value
