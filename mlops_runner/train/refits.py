"""Trainings that differ from a candidate's own in one thing: the seed, a fold left out, or how many rows there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.artifacts import Candidate
from mlops_runner.train.fit import Surroundings, fit_candidate
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides
from mlops_runner.train.tuning.folds import Rows, rows_of

Over = Literal["seeds", "folds", "shares"]
SEEDS = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A training. at: the seed, the number of the fold that is left out, or the share of the rows; rows: those left."""

    over: Over
    at: int | float
    seed: int
    rows: Rows | None = None


class Growth(NamedTuple):
    """The rows in the order in which they are added, and after how many of them a part may end: rising, last all."""

    order: Rows
    ends: Rows


def fit_variant(setting: Setting, trainer: Trainer, sides: Sides, variant: Variant, around: Surroundings) -> Candidate:
    """Train on the rows and with the seed of a variant. Raises InvalidInput, StepFailed."""
    train = sides.train if variant.rows is None else rows_of(sides.train, variant.rows)
    own = replace(setting, seed=variant.seed)
    return fit_candidate(own, trainer, replace(sides, train=train), around)[0]


def other_seeds(seed: int, count: int) -> Iterator[Variant]:
    """Yield the seeds that follow the candidate's own, which is the first of `count`."""
    for number in range(1, count):
        yield Variant("seeds", (seed + number) % SEEDS, (seed + number) % SEEDS)


def folds_left_out(numbers: pl.DataFrame, seed: int) -> Iterator[Variant]:
    """Yield a training without each fold, repetition after repetition. numbers: the fold of each row."""
    fold = 0
    for column in numbers:
        values = column.to_numpy()
        for number in range(int(values.max()) + 1):
            yield Variant("folds", fold, seed, np.flatnonzero(values != number))
            fold += 1


def smaller_parts(shares: Sequence[float], growth: Growth, seed: int) -> Iterator[Variant]:
    """Yield trainings on the first rows to be added, until they make a share of all. Rows keep the table's order."""
    for share in shares:
        size = growth.ends[np.searchsorted(growth.ends, np.ceil(share * len(growth.order) - 1e-9))]
        yield Variant("shares", share, seed, np.sort(growth.order[:size]))


def order_in_time(moments: pl.Series) -> Growth:
    """Return the rows from the latest to the earliest."""
    ranks = moments.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    return Growth(np.argsort(-ranks, kind="stable"), np.arange(1, len(ranks) + 1))


def order_of_groups(groups: pl.Series, seed: int) -> Growth:
    """Return the rows group by group, in an order drawn by the seed; those without a group are one."""
    codes = groups.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    codes = np.unique(codes, return_inverse=True)[1]
    drawn = _drawn(int(codes.max()) + 1, seed)[codes]
    return Growth(np.argsort(drawn, kind="stable"), np.cumsum(np.bincount(drawn)))


def order_of_rows(classes: NDArray[np.int64] | None, rows: int, seed: int) -> Growth:
    """Return rows in an order drawn by the seed, in which classes keep their shares."""
    drawn = _drawn(rows, seed)
    if classes is None:
        return Growth(np.argsort(drawn, kind="stable"), np.arange(1, rows + 1))
    place = np.empty(rows)
    for one in np.unique(classes):
        inside = np.flatnonzero(classes == one)
        inside = inside[np.argsort(drawn[inside], kind="stable")]
        place[inside] = (np.arange(len(inside)) + 0.5) / len(inside)
    return Growth(np.lexsort((drawn, place)), np.arange(1, rows + 1))


def _drawn(number: int, seed: int) -> Rows:
    """Return a permutation, from bits that are the same in every version of NumPy."""
    raw = np.random.PCG64(np.random.SeedSequence((seed, int.from_bytes(b"refits", "big")))).random_raw(number)
    places = np.empty(number, dtype=np.int64)
    places[np.argsort(np.asarray(raw), kind="stable")] = np.arange(number)
    return places
