"""The rows of refits: nested parts that keep groups, time and classes; seeds and folds that differ in one thing."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.train.refits import (
    folds_left_out,
    order_in_time,
    order_of_groups,
    order_of_rows,
    other_seeds,
    smaller_parts,
)

SHARES = (0.1, 0.25, 0.5, 0.75)


def parts(growth, seed=1, shares=SHARES):
    return [set(variant.rows.tolist()) for variant in smaller_parts(shares, growth, seed)]


def assert_nested(found):
    assert all(small <= large for small, large in itertools.pairwise(found))


def test_the_candidates_own_seed_is_the_first_and_the_last_number_is_followed_by_zero():
    assert [variant.seed for variant in other_seeds(2**32 - 2, 4)] == [2**32 - 1, 0, 1]


def test_each_fold_of_each_repetition_is_left_out_once():
    numbers = pl.DataFrame({"a": [0, 1, 0, 2], "b": [1, 0, 0, 1]})
    found = [(variant.at, variant.rows.tolist()) for variant in folds_left_out(numbers, 3)]
    assert found == [(0, [1, 3]), (1, [0, 2, 3]), (2, [0, 1, 2]), (3, [0, 3]), (4, [1, 2])]


@given(st.integers(4, 300), st.integers(0, 2**32 - 1))
def test_parts_are_nested_and_have_the_size_they_are_asked_for(rows, seed):
    found = parts(order_of_rows(None, rows, seed))
    assert_nested(found)
    assert [len(part) for part in found] == [int(np.ceil(share * rows - 1e-9)) for share in SHARES]


@given(st.integers(40, 200), st.integers(0, 99))
def test_classes_keep_their_shares_in_every_part(rows, seed):
    classes = np.arange(rows) % 4 // 3  # a quarter of the rows
    for part in parts(order_of_rows(classes, rows, seed)):
        assert abs(classes[list(part)].mean() - classes.mean()) <= 1 / len(part)


def test_another_seed_draws_other_rows_and_the_same_seed_the_same():
    first, same, other = (parts(order_of_rows(None, 50, seed))[0] for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_the_drawn_order_is_the_same_everywhere():
    assert order_of_rows(None, 8, 7).order.tolist() == [0, 5, 3, 1, 2, 6, 4, 7]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=4, max_size=60))
def test_groups_stay_whole(groups):
    series = pl.Series(groups, dtype=pl.String)
    found = parts(order_of_groups(series, 3))
    assert_nested(found)
    for part in found:
        inside = {groups[row] for row in part}
        assert part == {row for row, group in enumerate(groups) if group in inside}


def test_the_latest_rows_are_kept_in_the_order_of_the_table():
    (variant,) = smaller_parts((0.5,), order_in_time(pl.Series([3, 9, 1, 7, 8, 2])), 1)
    assert variant.rows.tolist() == [1, 3, 4]


@pytest.mark.parametrize("growth", [order_of_rows(None, 2, 1), order_of_groups(pl.Series(["x", "x"]), 1)])
def test_two_rows_are_enough(growth):
    assert all(len(part) >= 1 for part in parts(growth))
