"""Slices nobody declared: a small tree finds where the winner errs most; other rows say whether that holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio, weighed, whole
from mlops_runner.evaluate.bootstrap.intervals import Bounds, Interval, percentile_interval
from mlops_runner.evaluate.bootstrap.replicates import sums_of
from mlops_runner.evaluate.conditions import Condition, conditions_of, holds
from mlops_runner.evaluate.curves.thin import chosen_points
from mlops_runner.evaluate.metrics.probabilities import brier_of_rows
from mlops_runner.evaluate.rows import Rows
from mlops_runner.evaluate.spread import bounds_json
from mlops_runner.evaluate.values import Floats, Mask, Sample, Side
from mlops_runner.evaluate.weights import Weight, counted, mean_of
from mlops_runner.specs.evaluation import Intervals, SliceSearch
from mlops_runner.specs.task import PROBABILISTIC

# Beyond these the search would take longer than the models it is about.
MOST_ROWS, MOST_FEATURES = 50_000, 100
# A leaf must err by more than this share above the mean before it is worth reporting.
WORSE = 1.02


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """How wrong the winner is on a side: the rows, one loss per row, and how much each row counts."""

    side: Side
    frame: Rows
    losses: Floats
    weight: Weight = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """How intervals are made, and rounded."""

    intervals: Intervals | None
    seed: int
    digits: int


def losses_of(sample: Sample) -> tuple[str, Floats]:
    """Return what is called wrong, and how wrong each row is."""
    if sample.task not in PROBABILISTIC:
        return "absolute error", np.asarray(np.abs(sample.scores - sample.target))
    return "squared error of the probabilities", brier_of_rows(sample)


def find_slices(search: SliceSearch, chosen_on: Errors, features: Sequence[str]) -> list[tuple[Condition, ...]]:
    """Return the leaves that err most, worst first: each is a conjunction of conditions."""
    rows = chosen_points(chosen_on.frame.height, MOST_ROWS) if chosen_on.frame.height else np.zeros(0, dtype=np.int64)
    wanted = max(1, round(search.min_rows * len(rows) / max(1, chosen_on.frame.height)))
    rows = rows[counted(chosen_on.weight, chosen_on.frame.height)[rows] > 0]
    frame, losses = chosen_on.frame[rows], chosen_on.losses[rows]
    splits = [
        (condition, holds(condition, frame[name]))
        for name in features[:MOST_FEATURES]
        for condition in conditions_of(frame[name])
    ]
    if len(rows) < 2 * wanted or not splits:
        return []
    weight = None if chosen_on.weight is None else chosen_on.weight[rows] / chosen_on.weight[rows].mean()
    table = np.stack([mask for _, mask in splits], axis=1).astype(np.float64)
    tree = _Tree([condition for condition, _ in splits], table, losses, counted(weight, len(rows)), wanted)
    leaves = list(_grow(tree, np.ones(len(rows), dtype=np.bool_), search.depth))
    worse = [(path, mean) for path, mean in leaves if path and mean > WORSE * mean_of(losses, weight)]
    worse.sort(key=lambda leaf: -leaf[1])
    return [path for path, _ in worse[: search.most]]


@dataclass(frozen=True, slots=True, eq=False)
class _Tree:
    """What a tree grows from. table: shape (rows, conditions), 1 where one holds; each: how much the rows count."""

    names: Sequence[Condition]
    table: Floats
    losses: Floats
    each: Floats
    wanted: int


def _grow(tree: _Tree, inside: Mask, depth: int) -> Iterator[tuple[tuple[Condition, ...], float]]:
    """Divide the rows where that explains most of the squared differences of their losses (CART's rule)."""
    at = _best(tree, inside) if depth else None
    if at is None:
        yield (), mean_of(tree.losses[inside], tree.each[inside])
        return
    column = tree.table[:, at] > 0
    for condition, part in ((tree.names[at], inside & column), (tree.names[at].opposite, inside & ~column)):
        for path, mean in _grow(tree, part, depth - 1):
            yield (condition, *path), mean


def _best(tree: _Tree, inside: Mask) -> int | None:
    """Return the split with the highest gain that leaves enough rows on both sides; None if no split gains."""
    table, each = tree.table[inside], on_grid(tree.each[inside])
    rows, first = len(table), table.sum(axis=0)
    fits = (first >= tree.wanted) & (rows - first >= tree.wanted)
    if not fits.any():
        return None
    scaled, unit = whole(tree.losses[inside] * tree.each[inside])
    weight, total = each.sum(), scaled.sum()
    held, part = scaled @ table, each @ table
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = (held * unit) ** 2 / part + ((total - held) * unit) ** 2 / (weight - part) - (total * unit) ** 2 / weight
    gain = np.where(fits, gain, -np.inf)
    at = int(np.argmax(gain))
    return at if gain[at] > 1e-12 * max(1.0, (total * unit) ** 2) else None


def measure_found(paths: Sequence[tuple[Condition, ...]], errors: Errors, drawn: Drawn) -> list[dict[str, Json]]:
    """Measure slices on a side: rows, mean loss with its interval, and how far it lies above all rows."""
    masks = [np.all([holds(condition, errors.frame[condition.column]) for condition in path], axis=0) for path in paths]
    overall = _mean(errors, np.ones(len(errors.losses), dtype=np.bool_))
    bounds = _bounds(masks, errors, drawn)
    return [
        _measured(errors, mask, overall, bounds[at] if bounds else None, drawn.digits) for at, mask in enumerate(masks)
    ]


def _mean(errors: Errors, inside: Mask) -> float | None:
    """Return the mean loss of some rows; None where none of them counts."""
    weight = None if errors.weight is None else errors.weight[inside]
    if not inside.any() or (weight is not None and not weight.any()):
        return None
    return mean_of(errors.losses[inside], weight)


def _measured(
    errors: Errors, inside: Mask, overall: float | None, bounds: tuple[Bounds, Bounds] | None, digits: int
) -> dict[str, Json]:
    rows, mean = int(inside.sum()), _mean(errors, inside)
    if mean is None or overall is None:
        return {"rows": rows, "loss": None, "excess": None}
    found: dict[str, Json] = {"rows": rows, "loss": round(mean, digits), "excess": round(mean - overall, digits)}
    if bounds is not None:
        found |= {"loss_interval": bounds_json(bounds[0]), "excess_interval": bounds_json(bounds[1])}
        found["holds"] = isinstance(bounds[1], Interval) and bounds[1].low > 0
    return found


def _bounds(masks: Sequence[Mask], errors: Errors, drawn: Drawn) -> list[tuple[Bounds, Bounds]]:
    """Resample the loss of each slice, and its difference to all rows, on the same resamples."""
    if drawn.intervals is None or not masks or not len(errors.losses):
        return []
    inside = np.stack([np.ones(len(errors.losses), dtype=np.bool_), *masks], axis=1).astype(np.float64)
    each, losses = weighed([errors.losses], errors.weight).T[:, :, None]
    sums = sums_of(errors.side, drawn.intervals, drawn.seed, np.concatenate([inside * each, inside * losses], axis=1))
    rows, total = np.split(sums, 2, axis=1)
    means = ratio(total, rows)
    level, digits = drawn.intervals.level, drawn.digits
    return [
        (
            percentile_interval(means[:, at], level, digits),
            percentile_interval(means[:, at] - means[:, 0], level, digits),
        )
        for at in range(1, means.shape[1])
    ]


def found_json(
    name: str, paths: Sequence[tuple[Condition, ...]], measured: Mapping[str, list[dict[str, Json]]], chosen_on: str
) -> dict[str, Json]:
    """Return plain JSON. measured: side -> one entry per slice."""
    slices: list[Json] = [
        {
            "text": " and ".join(map(str, path)),
            "conditions": [condition.as_json() for condition in path],
            "sides": {side: found[at] for side, found in measured.items()},
        }
        for at, path in enumerate(paths)
    ]
    return {"loss": name, "chosen_on": chosen_on, "slices": slices}
