"""Slices nobody declared: a small tree finds where the winner errs most; other rows say whether that holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.bootstrap.exact import ratio, whole
from mlops_runner.evaluate.bootstrap.intervals import Bounds, Interval, percentile_interval
from mlops_runner.evaluate.bootstrap.replicates import sums_of
from mlops_runner.evaluate.conditions import Condition, conditions_of, holds
from mlops_runner.evaluate.curves.thin import chosen_points
from mlops_runner.evaluate.metrics.probabilities import brier_of_rows
from mlops_runner.evaluate.rows import Rows
from mlops_runner.evaluate.spread import bounds_json
from mlops_runner.evaluate.values import Floats, Mask, Sample, Side
from mlops_runner.specs.evaluation import Intervals, SliceSearch
from mlops_runner.specs.task import PROBABILISTIC

# Beyond these the search would take longer than the models it is about.
MOST_ROWS, MOST_FEATURES = 50_000, 100
# A leaf must err by more than this share above the mean before it is worth reporting.
WORSE = 1.02


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """How wrong the winner is on a side: the rows, and one loss per row."""

    side: Side
    frame: Rows
    losses: Floats


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
    frame, losses = chosen_on.frame[rows], chosen_on.losses[rows]
    wanted = max(1, round(search.min_rows * len(rows) / max(1, chosen_on.frame.height)))
    splits = [
        (condition, holds(condition, frame[name]))
        for name in features[:MOST_FEATURES]
        for condition in conditions_of(frame[name])
    ]
    if len(rows) < 2 * wanted or not splits:
        return []
    table = np.stack([mask for _, mask in splits], axis=1).astype(np.float64)
    names = [condition for condition, _ in splits]
    leaves = list(_grow(table, names, losses, np.ones(len(rows), dtype=np.bool_), wanted, search.depth))
    worse = [(path, mean) for path, mean in leaves if path and mean > WORSE * losses.mean()]
    worse.sort(key=lambda leaf: -leaf[1])
    return [path for path, _ in worse[: search.most]]


def _grow(
    table: Floats, names: Sequence[Condition], losses: Floats, inside: Mask, wanted: int, depth: int
) -> Iterator[tuple[tuple[Condition, ...], float]]:
    """Divide the rows where that explains most of the squared differences of their losses (CART's rule)."""
    at = _best(table[inside], losses[inside], wanted) if depth else None
    if at is None:
        yield (), float(losses[inside].mean())
        return
    column = table[:, at] > 0
    for condition, part in ((names[at], inside & column), (names[at].opposite, inside & ~column)):
        for path, mean in _grow(table, names, losses, part, wanted, depth - 1):
            yield (condition, *path), mean


def _best(table: Floats, losses: Floats, wanted: int) -> int | None:
    """Return the split with the highest gain that leaves enough rows on both sides; None if no split gains."""
    scaled, unit = whole(losses)
    rows, total = len(losses), scaled.sum()
    first, held = table.sum(axis=0), scaled @ table
    fits = (first >= wanted) & (rows - first >= wanted)
    if not fits.any():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = (held * unit) ** 2 / first + ((total - held) * unit) ** 2 / (rows - first) - (total * unit) ** 2 / rows
    gain = np.where(fits, gain, -np.inf)
    at = int(np.argmax(gain))
    return at if gain[at] > 1e-12 * max(1.0, (total * unit) ** 2) else None


def measure_found(paths: Sequence[tuple[Condition, ...]], errors: Errors, drawn: Drawn) -> list[dict[str, Json]]:
    """Measure slices on a side: rows, mean loss with its interval, and how far it lies above all rows."""
    masks = [np.all([holds(condition, errors.frame[condition.column]) for condition in path], axis=0) for path in paths]
    overall = float(errors.losses.mean()) if len(errors.losses) else 0.0
    bounds = _bounds(masks, errors, drawn)
    return [
        _measured(errors.losses[mask], overall, bounds[at] if bounds else None, drawn.digits)
        for at, mask in enumerate(masks)
    ]


def _measured(losses: Floats, overall: float, bounds: tuple[Bounds, Bounds] | None, digits: int) -> dict[str, Json]:
    if not len(losses):
        return {"rows": 0, "loss": None, "excess": None}
    mean = float(losses.mean())
    found: dict[str, Json] = {"rows": len(losses), "loss": round(mean, digits), "excess": round(mean - overall, digits)}
    if bounds is not None:
        found |= {"loss_interval": bounds_json(bounds[0]), "excess_interval": bounds_json(bounds[1])}
        found["holds"] = isinstance(bounds[1], Interval) and bounds[1].low > 0
    return found


def _bounds(masks: Sequence[Mask], errors: Errors, drawn: Drawn) -> list[tuple[Bounds, Bounds]]:
    """Resample the loss of each slice, and its difference to all rows, on the same resamples."""
    if drawn.intervals is None or not masks or not len(errors.losses):
        return []
    scaled, unit = whole(errors.losses)
    inside = np.stack([np.ones(len(scaled), dtype=np.bool_), *masks], axis=1).astype(np.float64)
    sums = sums_of(errors.side, drawn.intervals, drawn.seed, np.concatenate([inside, inside * scaled[:, None]], axis=1))
    rows, losses = np.split(sums, 2, axis=1)
    means = ratio(losses * unit, rows)
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
