"""Replicates: every metric of every model on the same resamples of a side, so that differences have intervals too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.bootstrap.base import statistic_of
from mlops_runner.evaluate.bootstrap.decisions import trials
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.intervals import Bounds, Interval, binomial_interval, percentile_interval
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic, counts_of
from mlops_runner.evaluate.tables import Cell, Table
from mlops_runner.evaluate.values import Floats, Mask, Options, Sample, Side, Unmeasured
from mlops_runner.evaluate.weights import counted, worth
from mlops_runner.specs.evaluation import Intervals

# Rows x resamples x models (x classes, where each needs an order of its own) that a side may cost: about ten seconds.
MOST_VISITS = 300_000_000
FEWEST_RESAMPLES = 200
# Fewer blocks of time hardly differ from one resample to the next: an interval from them would be too narrow.
FEWEST_BLOCKS = 8
ORDERINGS = frozenset({"roc_auc", "average_precision", "roc_auc_macro", "average_precision_macro"})


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a side was resampled: what was drawn, how many of them there are, and how often.

    block: how many moments a block has.
    """

    unit: str
    units: int
    resamples: int
    block: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """The replicates of a side: cell -> shape (resamples,), NaN where a resample could not be measured.

    extra: name -> shape (resamples, ...), what else was computed from the same counts.
    """

    drawing: Drawing
    cells: Mapping[Cell, Floats]
    extra: Mapping[str, Floats]

    def difference(self, first: Cell, second: Cell) -> Floats | None:
        """Return first minus second, resample by resample; None if one of them was not resampled."""
        one, other = self.cells.get(first), self.cells.get(second)
        return None if one is None or other is None else one - other


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What to resample on one side. samples: model -> sample; sliced: the models that slices are resampled for."""

    options: Options
    intervals: Intervals
    seed: int
    side: Side
    samples: Mapping[str, Sample]
    table: Table
    sliced: tuple[str, ...]
    extra: Mapping[str, Callable[[Counts], Floats]]


def resamples_of(intervals: Intervals, rows: int, orders: int = 1) -> int:
    """Return how many resamples are drawn: those asked for, or as many as large sides leave time for.

    orders: in how many orders the rows of each resample are looked at.
    """
    return min(intervals.resamples, max(FEWEST_RESAMPLES, MOST_VISITS // max(1, rows * orders)))


def sums_of(side: Side, intervals: Intervals, seed: int, columns: Floats) -> Floats:
    """Return the sums of columns, shape (rows, k), over the rows of each resample; shape (resamples, k).

    The resamples are the first of those that `replicate` measures everything on; NaN where there are none.
    """
    if too_few_blocks(side):
        return np.full((FEWEST_RESAMPLES, columns.shape[1]), np.nan)
    units, _ = _units(side, intervals)
    blocks = draw(units, resamples_of(intervals, len(side.target)), _seed(seed, side))
    return np.concatenate([counts.astype(np.float64) @ columns for counts in blocks])


def replicate(job: Job, metrics: tuple[str, ...]) -> Replicates:
    """Resample a side. The seed and the side's name give the resamples; models and metrics do not change them."""
    several = job.options.task in {"multiclass", "multilabel"} and ORDERINGS & set(metrics)
    classes = len(job.options.classes) if several else 1
    resamples = resamples_of(job.intervals, len(job.side.target), len(job.samples) * classes)
    units, unit = _units(job.side, job.intervals)
    plans = _plans(job, metrics)
    rows = {part: np.flatnonzero(mask) for part, mask in job.side.slices.items()}
    cells = {cell: np.empty(resamples) for plan in plans for cell in plan.cells.values()}
    extra: dict[str, list[Floats]] = {name: [] for name in job.extra}
    first = 0
    for whole in draw(units, resamples, _seed(job.seed, job.side)) if plans and len(job.side.target) else ():
        last = first + len(whole)
        counts: dict[str | None, Counts] = {None: counts_of(whole)}
        for plan in plans:
            if plan.part not in counts and plan.part is not None:
                counts[plan.part] = counts[None].only(rows[plan.part])
            for metric, values in plan.statistic(counts[plan.part]).items():
                cells[plan.cells[metric]][first:last] = values
        for name, measure in job.extra.items():
            extra[name].append(measure(counts[None]))
        first = last
    if too_few_blocks(job.side):
        cells = {cell: np.full(resamples, np.nan) for cell in cells}
    joined = {name: np.concatenate(parts) for name, parts in extra.items() if parts}
    return Replicates(Drawing(unit, units.size, resamples, units.block), cells, joined)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    part: str | None
    statistic: Statistic
    cells: Mapping[str, Cell]


def _plans(job: Job, metrics: tuple[str, ...]) -> list[_Plan]:
    """Prepare every model on every part, for those metrics that could be measured there."""
    found = []
    for model, sample in job.samples.items():
        for part in (None, *(job.options.evaluation.slices if model in job.sliced else ())):
            cells = {metric: Cell(model, job.side.name, part, metric) for metric in metrics}
            known = {m: cell for m, cell in cells.items() if not isinstance(job.table[cell], Unmeasured)}
            if known:
                chosen = sample if part is None else sample.only(job.side.slices[part])
                found.append(_Plan(part, statistic_of(chosen, tuple(known)), known))
    return found


def _seed(seed: int, side: Side) -> tuple[int, ...]:
    return seed, int.from_bytes(side.name.encode(), "big")


def _units(side: Side, intervals: Intervals) -> tuple[Units, str]:
    """Groups, queries or blocks of time when rows belong to them, strata of the target when asked for, else rows."""
    rows = np.arange(len(side.target))
    if side.clusters is not None:
        number = int(side.clusters.max(initial=-1)) + 1
        return Units((np.arange(number),), side.clusters), "group" if side.queries is None else "query"
    if side.timeline is not None:
        line = side.timeline
        return Units((np.arange(len(line.moments)),), line.moment, line.block), "block" if line.block > 1 else "moment"
    if intervals.stratify == "target":
        strata = tuple(rows[side.target == value] for value in np.unique(side.target))
        return Units(strata), "row of a class"
    return Units((rows,)), "row"


def too_few_blocks(side: Side) -> str | None:
    """Say why a side in time cannot be resampled; None when it can, or when it is resampled by groups."""
    line = side.timeline
    if line is None or side.clusters is not None or line.blocks >= FEWEST_BLOCKS:
        return None
    return f"{len(line.moments)} moments are {line.blocks} blocks of {line.block}, and {FEWEST_BLOCKS} are needed"


def interval_of(job: Job, replicates: Replicates, cell: Cell) -> Bounds:
    """Return the interval of a measured number; of a share that is 0 or 1 the exact one, as no resample differs."""
    if few := too_few_blocks(job.side):
        return Unmeasured(few)
    level, digits, value = job.intervals.level, job.options.evaluation.digits, job.table[cell]
    found = percentile_interval(replicates.cells[cell], level, digits)
    if not isinstance(found, Interval) or not found.constant or value not in (0.0, 1.0):
        return found
    rows = trials(cell.metric, job.samples[cell.model])
    if rows is None:
        return found
    inside = rows if cell.slice is None else rows & job.side.slices[cell.slice]
    return binomial_interval(float(value), _trials(job.side, inside), level, digits)


def _trials(side: Side, inside: Mask) -> float:
    """Return of how many rows, or clusters, a share is one: of unequal ones the number of equal ones that tell as much.

    (Korn and Graubard 1998 take the exact interval of a weighted share with this number.)
    """
    each = counted(side.weight, len(side.target))
    inside = inside & (each > 0)
    clusters = np.arange(int(inside.sum())) if side.clusters is None else side.clusters[inside]
    _, place = np.unique(clusters, return_inverse=True)
    mean = np.bincount(place, each[inside]) / np.bincount(place)
    return float(worth(mean, np.zeros(len(mean), dtype=np.int64))[0])
