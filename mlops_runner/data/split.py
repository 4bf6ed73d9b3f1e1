"""Which side each row belongs to. The same table, split and seed always give the same sides."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.draws import Codes, Sides, draw_sides, shuffled
from mlops_runner.data.row_digest import row_digests
from mlops_runner.data.shares import apportion, exact_shares
from mlops_runner.data.table import SHOWN_ROWS, Table, counted, first_rows
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Data, GroupSplit, HashSplit, PredefinedSplit, RandomSplit, TimeSplit

SIDES = ("train", "validation", "test")
# Up to here a shuffle is held in memory; it decides which rows are on which side, so this number is for ever.
MOST_SHUFFLED = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """The side of every row, shape (rows,), as an index into SIDES; what kept it from being one, and warnings."""

    sides: Sides
    problems: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()

    def rows(self, side: str) -> int:
        """Count the rows of a side."""
        return int(np.count_nonzero(self.sides == SIDES.index(side)))


def divide(spec: Data, table: Table) -> Division:
    """Divide the rows as the spec says; every side with a share must get a row. The split's column must be present."""
    split = spec.split
    match split:
        case RandomSplit():
            return _filled(_random(split, table), table, split)
        case GroupSplit():
            return _unknown(split.group, spec, table) or _filled(_group(split, table), table, split)
        case HashSplit():
            return _filled(_hash(split, table), table, split)
        case TimeSplit():
            return _unknown(split.time, spec, table) or _filled(_time(split, table), table, split)
        case PredefinedSplit():
            return _predefined(split, spec, table)
        case _:
            assert_never(split)


def _random(split: RandomSplit, table: Table) -> Division:
    shares = exact_shares(split.validation, split.test)
    if split.stratify is None:
        return Division(_drawn(None, _sizes(table.height, shares), table.height, split.seed))
    codes, classes = number(table.column(split.stratify))
    sizes, small = _class_sizes(np.bincount(codes, minlength=classes).tolist(), shares)
    text = f'{table.origin}: column "{split.stratify}": {counted(small, "class has", "classes have")}'
    warnings = (f"{text} fewer rows than there are sides; their rows go to train first",) if small else ()
    return Division(_drawn(codes, sizes, table.height, split.seed), warnings=warnings)


def _drawn(codes: Codes | None, sizes: list[int], rows: int, seed: int) -> Sides:
    """Draw the rows of each side; `sizes` has those of every class in turn."""
    if rows > MOST_SHUFFLED:
        return draw_sides(codes, np.array(sizes, np.int64).reshape(-1, len(SIDES)), rows, seed)
    order = shuffled(rows, seed)
    # A stable sort by class keeps the shuffled order within each class.
    return _place(order if codes is None else order[np.argsort(codes[order], kind="stable")], sizes)


def _class_sizes(counts: list[int], shares: tuple[Fraction, ...]) -> tuple[list[int], int]:
    """Return the rows of each side, class after class, and how many classes are too small to be on every side."""
    needed = [int(share > 0) for share in shares]
    large = iter(apportion([count for count in counts if count >= sum(needed)], shares))
    sizes = [next(large) if count >= sum(needed) else _first_sides(count, needed) for count in counts]
    return [size for of_class in sizes for size in of_class], sum(count < sum(needed) for count in counts)


def _first_sides(count: int, needed: list[int]) -> list[int]:
    return [wanted if sum(needed[: side + 1]) <= count else 0 for side, wanted in enumerate(needed)]


def _group(split: GroupSplit, table: Table) -> Division:
    codes, groups = number(table.column(split.group))
    sides = _place(shuffled(groups, split.seed), _sizes(groups, exact_shares(split.validation, split.test)))
    return Division(sides[codes])


def _hash(split: HashSplit, table: Table) -> Division:
    """Compare the digest of the columns' values (see `row_digest`), as a share of 2**64, with the shares.

    A digest below the test share is on the test side, one below the sum of test and validation on the validation
    side, the others on the train side. Nothing else counts: not the other rows, nor their order. A larger test share
    keeps every row that was on the test side there. A missing value is a value as others are.
    """
    _, validation, test = exact_shares(split.validation, split.test)
    limits = np.array([int((test + validation) * 2**64), int(test * 2**64)], np.uint64)

    def side(values: pl.Series) -> pl.Series:
        digests = row_digests([values.struct.field(name) for name in split.columns], split.seed)
        return pl.Series(np.count_nonzero(digests[:, None] < limits, axis=1).astype(np.int8))

    found = table.select(pl.struct(split.columns).map_batches(side, return_dtype=pl.Int8, is_elementwise=True))
    return Division(found.to_series().to_numpy().astype(np.int8))


def _time(split: TimeSplit, table: Table) -> Division:
    codes, _ = number(table.column(split.time))
    sizes = _sizes(len(codes), exact_shares(split.validation, split.test))
    in_time = np.sort(codes)
    # Rows of one moment stay together: all of them go to the later side, so that training never sees its future.
    first = [_moment_at(in_time, sum(sizes[: side + 1])) for side in range(2)]
    return Division(np.searchsorted(np.array(first), codes, side="right").astype(np.int8))


def _moment_at(in_time: Codes, position: int) -> int:
    return int(in_time[position]) if position < len(in_time) else int(in_time[-1]) + 1


def _predefined(split: PredefinedSplit, spec: Data, table: Table) -> Division:
    given = table.column(split.column)
    if given.dtype != pl.String:
        message = f'{table.origin}: column "{split.column}" names the side and must be a string, not {given.dtype}'
        return Division(np.zeros(len(given), np.int8), (Diagnostic("wrong-type", message),))
    sides = given.replace_strict(list(SIDES), [0, 1, 2], default=None, return_dtype=pl.Int8)
    lost = sides.is_null().arg_true()
    if len(lost):
        values = given.gather(lost.head(SHOWN_ROWS)).to_list()
        shown = first_rows(table, lost.head(SHOWN_ROWS + 1).to_list(), values, spec.columns[split.column])
        message = (
            f'{table.origin}: column "{split.column}": {counted(len(lost), "row names", "rows name")} no side: {shown}'
        )
        problem = Diagnostic("unknown-side", message, hint=f"one of: {', '.join(SIDES)}")
        return Division(np.zeros(len(given), np.int8), (problem,))
    codes = sides.to_numpy().astype(np.int8)
    problems = () if (codes == 0).any() else (_empty("train", table),)
    return Division(codes, problems, _leak(split.column, spec, table))


def _leak(name: str, spec: Data, table: Table) -> tuple[str, ...]:
    if spec.columns[name].role != "feature":
        return ()
    return (f'{table.origin}: column "{name}" names the side and is a feature at once; give it the role ignored',)


def _unknown(name: str, spec: Data, table: Table) -> Division | None:
    missing = table.column(name).is_null().arg_true()
    if not len(missing):
        return None
    shown = first_rows(table, missing.head(SHOWN_ROWS + 1).to_list())
    message = f'{table.origin}: column "{name}": {counted(len(missing), "value is", "values are")} missing: {shown}'
    hint = f"a {spec.split.kind} split needs a value in every row"
    return Division(np.zeros(table.height, np.int8), (Diagnostic("missing-split-value", message, hint=hint),))


def _filled(division: Division, table: Table, split: RandomSplit | GroupSplit | HashSplit | TimeSplit) -> Division:
    """Complain about every side that has a share but no row."""
    shares = dict(zip(SIDES, exact_shares(split.validation, split.test), strict=True))
    bare = [side for side, share in shares.items() if share > 0 and not division.rows(side)]
    return Division(division.sides, tuple(_empty(side, table) for side in bare), division.warnings)


def _empty(side: str, table: Table) -> Diagnostic:
    message = f"{table.origin}: the {side} side gets none of the {counted(table.height, 'row')}"
    hint = "give more rows, raise its share, or set the share to 0" if side != "train" else "lower the other shares"
    return Diagnostic("empty-side", message, hint=hint)


def _sizes(count: int, shares: tuple[Fraction, ...]) -> list[int]:
    return apportion([count], shares)[0]


def _place(order: NDArray[np.int64], sizes: Iterable[int]) -> Sides:
    """Give rows, in a given order, to train, validation, test, train, … in runs of the given sizes."""
    runs = np.fromiter(sizes, np.int64)
    sides = np.empty(len(order), np.int8)
    sides[order] = np.repeat((np.arange(len(runs)) % len(SIDES)).astype(np.int8), runs)
    return sides


def number(values: pl.Series) -> tuple[Codes, int]:
    """Number the distinct values from 0 in their order, missing last; shape (rows,), and how many there are."""
    codes = values.rank("dense").cast(pl.Int32) - 1
    known = values.drop_nulls().n_unique()
    return codes.fill_null(known).to_numpy().astype(np.int32), known + bool(values.null_count())
