"""Folds of the training rows for cross-validation: one number a row and repetition, exact under the seed.

The file has the rows of the train side in their order and one column a repetition: `repeat_1`, `repeat_2`, … Fold
numbers start at 0. To score fold k, hold its rows out and train on those of the others; for a time split train on
the rows of smaller numbers only, so that the rows of number 0 are never held out.
"""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.draws import Codes, random_order
from mlops_runner.data.row_digest import row_digests
from mlops_runner.data.split import number
from mlops_runner.data.table import Table, counted
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data, Folds, GroupSplit, HashSplit, PredefinedSplit, RandomSplit, TimeSplit

FILE_NAME = "folds.parquet"
Fold = NDArray[np.uint8]


def fold_codes(spec: Data, train: Table) -> pl.DataFrame | None:
    """Return the fold of every train row, shape (rows, repeats) of UInt8; None when the spec asks for no folds.

    A random split with `stratify` gives every class to the folds evenly; a group or hash split keeps rows with equal
    groups or columns in one fold; a time split makes count + 1 blocks in time. Raises InvalidInput when there are
    fewer rows, groups or moments than folds.
    """
    if spec.folds is None:
        return None
    found = [_fold(spec, spec.folds, repeat, train) for repeat in range(spec.folds.repeats)]
    return pl.DataFrame({f"repeat_{at}": fold for at, fold in enumerate(found, 1)})


def _fold(spec: Data, folds: Folds, repeat: int, train: Table) -> Fold:
    match spec.split:
        case TimeSplit(time=name):
            codes, moments = number(train.column(name))
            return _blocks(codes, np.arange(moments), folds.count + 1, ("moment", train))
        case GroupSplit(group=name):
            codes, groups = number(train.column(name))
            return _blocks(codes, random_order(groups, folds.seed, repeat), folds.count, ("group", train))
        case HashSplit(columns=names):
            found, codes = _rows_alike([train.column(name) for name in names])
            return _blocks(codes, random_order(found, folds.seed, repeat), folds.count, ("group", train))
        case RandomSplit(stratify=str() as name):
            return _dealt(number(train.column(name))[0], folds, repeat, train)
        case RandomSplit() | PredefinedSplit():
            return _dealt(np.zeros(train.height, np.int32), folds, repeat, train)
        case _:
            assert_never(spec.split)


def _rows_alike(columns: Sequence[pl.Series]) -> tuple[int, Codes]:
    """Number the rows that differ in these columns; how many there are, and the number of each row."""
    found, codes = np.unique(row_digests(columns), return_inverse=True)
    return len(found), codes.astype(np.int32)


def _dealt(codes: Codes, folds: Folds, repeat: int, train: Table) -> Fold:
    """Deal shuffled rows, class after class, to the folds in turn: sizes differ by one, also within a class."""
    _enough(len(codes), folds.count, ("row", train))
    order = random_order(len(codes), folds.seed, repeat)
    by_class = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(codes), np.uint8)
    fold[by_class] = np.arange(len(codes)) % folds.count
    return fold


def _blocks(codes: Codes, order: NDArray[np.int64], parts: int, of: tuple[str, Table]) -> Fold:
    """Lay groups end to end in the given order, and cut where a part's share of the rows ends, each by its middle."""
    _enough(len(order), parts, of)
    sizes = np.bincount(codes, minlength=len(order))[order]
    middles = 2 * np.cumsum(sizes) - sizes
    of_group = np.empty(len(order), np.uint8)
    of_group[order] = _without_gaps(middles * parts // (2 * len(codes)), parts)
    return of_group[codes]


def _without_gaps(part: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Let a part that one large group has swallowed have a neighbour instead; `part` never falls, nor does the result.

    The group at position i is at most in part i, at most one part after the group before it, and so far on that the
    groups behind it can fill the parts that are left.
    """
    at = np.arange(len(part))
    within = np.minimum(np.maximum(part, at + parts - len(part)), at)
    return np.asarray(np.minimum.accumulate(within - at) + at)


def _enough(found: int, parts: int, of: tuple[str, Table]) -> None:
    what, train = of
    if found < parts:
        message = f"{train.origin}: {counted(found, what)} on the train side cannot make {parts} folds"
        raise InvalidInput(Diagnostic("too-few-rows", message, hint="lower folds.count, or give more rows"))
