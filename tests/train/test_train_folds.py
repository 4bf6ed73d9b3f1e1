"""The folds of a search: in time a model sees earlier rows only, groups stay whole, and every row is measured once."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from train_tables import columns, training, write_sides

from mlops_runner.errors import InvalidInput
from mlops_runner.train.sides import Sides, read_sides
from mlops_runner.train.tuning.folds import declared_folds, validation_fold

ROWS = 200


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """Rows that can be told apart by their number, in the feature `never`."""
    data = write_sides(tmp_path, rows=ROWS)
    numbered = pl.read_parquet(data / "train.parquet").with_columns(never=pl.int_range(ROWS).cast(pl.Float64))
    numbered.write_parquet(data / "train.parquet")
    return read_sides(training(), columns(), data)


def numbers(side: object) -> set[int]:
    return {int(value) for value in side.frame["never"]}  # type: ignore[attr-defined]


def written(folder: Path, *repeats: np.ndarray) -> Path:
    found = {f"repeat_{at}": pl.Series(codes, dtype=pl.UInt8) for at, codes in enumerate(repeats, 1)}
    pl.DataFrame(found).write_parquet(folder / "folds.parquet")
    return folder / "folds.parquet"


def test_every_row_is_measured_once_a_repetition_by_a_model_of_the_others(sides: Sides, tmp_path: Path) -> None:
    codes = np.arange(ROWS) % 4
    folds = declared_folds(sides, written(tmp_path, codes, codes[::-1].copy()), in_time=False)
    assert len(folds) == 8
    for fold in folds:
        assert numbers(fold.fit) | numbers(fold.held_out) == set(range(ROWS))
        assert not numbers(fold.fit) & numbers(fold.held_out)
    for repeat in (folds[:4], folds[4:]):
        assert sorted(row for fold in repeat for row in numbers(fold.held_out)) == list(range(ROWS))


def test_in_time_only_earlier_rows_are_fitted_on_and_the_first_are_never_measured(sides: Sides, tmp_path: Path) -> None:
    block = np.repeat(np.arange(4), ROWS // 4)
    folds = declared_folds(sides, written(tmp_path, block), in_time=True)
    assert len(folds) == 3
    for at, fold in enumerate(folds, 1):
        assert max(numbers(fold.fit)) < min(numbers(fold.held_out))
        assert numbers(fold.fit) == set(range(at * ROWS // 4))


def test_targets_go_with_their_rows(sides: Sides, tmp_path: Path) -> None:
    fold = declared_folds(sides, written(tmp_path, np.arange(ROWS) % 3), in_time=False)[1]
    np.testing.assert_array_equal(fold.held_out.y, sides.train.y[1::3])


def test_folds_of_other_rows_are_refused(sides: Sides, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"folds.parquet has 10 rows, the training side 200"):
        declared_folds(sides, written(tmp_path, np.zeros(10)), in_time=False)


def test_the_validation_side_is_a_fold_when_it_has_rows(sides: Sides) -> None:
    (fold,) = validation_fold(sides)
    assert (fold.fit, fold.held_out) == (sides.train, sides.validation)
    with pytest.raises(InvalidInput, match="the validation side, which has no rows"):
        validation_fold(Sides(sides.schema, sides.train, None))
