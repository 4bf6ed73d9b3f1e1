import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.data.shares import apportion, exact_shares

COLUMNS = {
    "i": {"type": "int"},
    "g": {"type": "string", "role": "group", "max_missing": 1},
    "t": {"type": "date", "role": "time", "max_missing": 1},
    "y": {"type": "int", "role": "target"},
}


def table(rows: int, **columns) -> pl.DataFrame:
    start = np.datetime64("2025-01-01")
    base = {
        "i": range(rows),
        "g": [f"g{i % 7}" for i in range(rows)],
        "t": start + np.arange(rows),
        "y": [int(i % 10 == 0) for i in range(rows)],
    }
    return pl.DataFrame({**base, **columns}).with_columns(pl.col("t").cast(pl.Date))


def sides(stage) -> dict[str, pl.DataFrame]:
    return {file.stem: pl.read_parquet(file) for file in sorted(stage.out.glob("*.parquet"))}


def test_random_split_has_the_declared_sizes_and_loses_no_row(stage):
    done = stage.frame(table(101), COLUMNS, split={"kind": "random", "seed": 3, "validation": 0.2, "test": 0.1})
    assert [done.metrics[f"rows_{side}"] for side in ("train", "validation", "test")] == [71, 20, 10]
    assert sorted(pl.concat(sides(stage).values())["i"]) == list(range(101))


def test_rows_keep_their_order_within_a_side(stage):
    stage.frame(table(100), COLUMNS, split={"kind": "random", "seed": 3})
    assert all(side["i"].is_sorted() for side in sides(stage).values())


def test_seed_decides_the_rows(stage):
    chosen = []
    for seed in (1, 1, 2):
        stage.frame(table(100), COLUMNS, split={"kind": "random", "seed": seed})
        chosen.append(stage.side("test")["i"].to_list())
    assert chosen[0] == chosen[1] != chosen[2]


def test_random_rows_never_change_between_releases(stage):
    stage.frame(table(20), COLUMNS, split={"kind": "random", "seed": 7})
    assert stage.side("test")["i"].to_list() == [2, 9, 11, 17]


def test_stratified_sides_keep_the_share_of_each_class(stage):
    stage.frame(table(100), COLUMNS, split={"kind": "random", "seed": 1, "stratify": "y"})
    assert {name: side["y"].sum() for name, side in sides(stage).items()} == {"train": 6, "validation": 2, "test": 2}


def test_many_small_classes_still_fill_every_side_evenly(stage):
    frame = table(700, g=[f"g{i % 100:03}" for i in range(700)])
    done = stage.frame(frame, COLUMNS, split={"kind": "random", "seed": 1, "stratify": "g"})
    assert [done.metrics[f"rows_{side}"] for side in ("train", "validation", "test")] == [420, 140, 140]


def test_class_smaller_than_the_sides_goes_to_train_first_with_a_warning(stage):
    frame = table(100, y=[1] + [0] * 99)
    done = stage.frame(frame, COLUMNS, split={"kind": "random", "seed": 1, "stratify": "y"})
    assert stage.side("train")["y"].sum() == 1
    assert done.warnings == (
        'loans.parquet: column "y": 1 class has fewer rows than there are sides; their rows go to train first',
    )


def test_group_never_straddles_two_sides(stage):
    stage.frame(table(100), COLUMNS, split={"kind": "group", "seed": 1, "group": "g"})
    groups = [set(side["g"]) for side in sides(stage).values()]
    assert sum(len(names) for names in groups) == len(set.union(*groups)) == 7


@pytest.mark.parametrize("name", ["i", "g", "t", "y"])
def test_column_of_any_type_may_name_the_group(stage, name):
    split = {"kind": "group", "seed": 1, "group": name, "validation": 0, "test": 0.5}
    stage.frame(table(60), COLUMNS, split=split)
    assert not set(stage.side("train")[name]) & set(stage.side("test")[name])


def test_missing_values_are_a_class_of_their_own(stage):
    frame = table(100, g=["p"] * 50 + [None] * 50)
    stage.frame(frame, COLUMNS, split={"kind": "random", "seed": 1, "stratify": "g"})
    assert {name: side["g"].null_count() for name, side in sides(stage).items()} == {
        "train": 30,
        "validation": 10,
        "test": 10,
    }


def test_time_split_puts_the_latest_rows_into_test(stage):
    shuffled = table(100).sample(fraction=1, shuffle=True, seed=1)
    stage.frame(shuffled, COLUMNS, split={"kind": "time", "time": "t"})
    days = {name: side["i"] for name, side in sides(stage).items()}
    assert (days["train"].max(), days["validation"].min(), days["validation"].max(), days["test"].min()) == (
        59,
        60,
        79,
        80,
    )


def test_rows_of_one_moment_stay_on_the_later_side(stage):
    frame = table(10, t=np.datetime64("2025-01-01") + np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 3]))
    done = stage.frame(frame, COLUMNS, split={"kind": "time", "time": "t"})
    assert [done.metrics[f"rows_{side}"] for side in ("train", "validation", "test")] == [4, 3, 3]


def test_column_may_name_the_sides(stage):
    columns = {**COLUMNS, "g": {"type": "string", "role": "ignored"}}
    frame = table(4, g=["test", "train", "train", "test"])
    stage.frame(frame, columns, split={"kind": "predefined", "column": "g"})
    assert {name: side["i"].to_list() for name, side in sides(stage).items()} == {"train": [1, 2], "test": [0, 3]}


@pytest.mark.parametrize(
    ("split", "columns", "code", "says"),
    [
        ({"kind": "random", "seed": 1}, {}, "empty-side", "the test side gets none of the 2 rows"),
        (
            {"kind": "group", "seed": 1, "group": "g"},
            {"g": ["p", None]},
            "missing-split-value",
            "1 value is missing: row 2",
        ),
        (
            {"kind": "time", "time": "t"},
            {"t": [None, None]},
            "missing-split-value",
            "2 values are missing: row 1, row 2",
        ),
        (
            {"kind": "predefined", "column": "g"},
            {"g": ["train", "Test"]},
            "unknown-side",
            '1 row names no side: row 2 "Test"',
        ),
        ({"kind": "predefined", "column": "g"}, {"g": ["train", None]}, "unknown-side", "1 row names no side: row 2"),
        ({"kind": "predefined", "column": "g"}, {"g": ["test", "test"]}, "empty-side", "the train side gets none"),
        ({"kind": "predefined", "column": "i"}, {}, "wrong-type", "must be a string"),
    ],
)
def test_split_that_cannot_be_made_is_refused(stage, split, columns, code, says):
    frame = table(2, **columns).with_columns(pl.Series("y", [0, 1]))
    found = stage.complaints(stage.frame, frame.with_columns(pl.col("g").cast(pl.String)), COLUMNS, split=split)
    assert [one.code for one in found] == [code]
    assert says in found[0].message


def test_side_without_share_is_not_written(stage):
    stage.frame(table(10), COLUMNS, split={"kind": "random", "seed": 1, "validation": 0, "test": 0.2})
    assert {file.name for file in stage.out.iterdir()} == {
        "train.parquet",
        "test.parquet",
        "profile.json",
        "quality.json",
    }


hundredths = st.integers(0, 49).map(lambda number: number / 100)


@given(counts=st.lists(st.integers(0, 50), min_size=1, max_size=30), validation=hundredths, test=hundredths)
def test_rounding_errors_never_add_up(counts, validation, test):
    shares = exact_shares(validation, test)
    sizes = np.array(apportion(counts, shares))
    assert sizes.min() >= 0
    assert sizes.sum(axis=1).tolist() == counts
    wanted = np.cumsum(counts)[:, None] * np.array([float(share) for share in shares])
    assert np.abs(sizes.cumsum(axis=0) - wanted).max() < 2
