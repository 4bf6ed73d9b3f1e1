"""Means of the target by group: rows of one group tell each other nothing, in training and in the folds of a search."""

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from train_tables import preprocessing, schema, table, training

from mlops_runner.specs.data import Column
from mlops_runner.train.columns.target_means import Target, folds_of
from mlops_runner.train.features import matrix
from mlops_runner.train.preprocess import Rows, fit_preprocessing
from mlops_runner.train.sides import read_sides
from mlops_runner.train.tuning.folds import declared_folds

CITY = schema(city="string")


def target(values: np.ndarray, group: np.ndarray | None) -> Target:
    return Target(("",), values.astype(float)[:, None], None, 7, group)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.integers(2, 6))
def test_groups_stay_whole_and_every_row_is_applied_to_once(groups: list[int], folds: int) -> None:
    group = np.array(groups)
    seen: list[int] = []
    for others, own in folds_of(target(np.arange(len(group)) % 2, group), folds):
        seen += own.tolist()
        if len(set(groups)) > 1:
            assert not set(group[others]) & set(group[own])
            assert len(others)
    assert sorted(seen) == list(range(len(group)))


def test_folds_hold_about_as_many_rows_whatever_the_sizes_of_the_groups() -> None:
    group = np.repeat(np.arange(9), [40, 30, 10, 10, 10, 5, 5, 5, 5])
    sizes = [len(own) for _, own in folds_of(target(np.zeros(120), group), 3)]
    assert sizes == [40, 40, 40]


def test_a_category_of_one_group_says_nothing_about_it() -> None:
    """Each customer has a city of their own and one target: without groups the city gives the target away."""
    customer = np.repeat(np.arange(40), 5)
    y = np.random.default_rng(1).integers(0, 2, 40)[customer]
    rows = matrix(pl.DataFrame({"city": [f"c{c}" for c in customer]}), CITY)
    spec = preprocessing(categorical={"encode": "target"})
    blind = {}
    for name, group in (("rows", None), ("groups", customer)):
        _, crossed = fit_preprocessing(spec, CITY, Rows(rows, target(y, group)))
        blind[name] = abs(np.corrcoef(crossed[:, 0], y)[0, 1])
    assert blind["rows"] > 0.9
    assert blind["groups"] < 0.4


def test_the_group_is_read_beside_the_features_and_cut_with_the_folds(tmp_path: Path) -> None:
    customers = pl.Series("customer", [None, *(f"k{row // 4}" for row in range(1, 200))])
    table(200, 1).with_columns(customers).write_parquet(tmp_path / "train.parquet")
    table(40, 2).with_columns(customer=pl.lit("new")).write_parquet(tmp_path / "validation.parquet")
    columns = {
        "city": Column(type="string", max_missing=1.0),
        "y": Column(type="string", role="target"),
        "customer": Column(type="string", role="group"),
    }
    sides = read_sides(training(), columns, tmp_path)
    assert sides.train.frame.columns == ["city"]
    assert sides.train.group is not None
    assert len(np.unique(sides.train.group)) == 51  # rows without a customer are a group, too
    pl.DataFrame({"repeat_1": pl.Series(np.arange(200) % 2, dtype=pl.UInt8)}).write_parquet(tmp_path / "folds.parquet")
    first = declared_folds(sides, tmp_path / "folds.parquet", in_time=False)[0]
    assert first.fit.group is not None
    np.testing.assert_array_equal(first.fit.group, sides.train.group[1::2])
