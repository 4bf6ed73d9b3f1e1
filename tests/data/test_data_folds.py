import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.folds import fold_codes
from mlops_runner.data.table import Table
from mlops_runner.errors import InvalidInput

COLUMNS = {
    "k": {"type": "int"}, "g": {"type": "string", "role": "group"}, "t": {"type": "date", "role": "time"},
    "y": {"type": "int", "role": "target"},
}  # fmt: skip
RANDOM = {"kind": "random", "seed": 1}


def rows(count: int, **columns) -> pl.DataFrame:
    base = {
        "k": range(count),
        "g": [f"g{i // 4}" for i in range(count)],
        "t": np.datetime64("2025-01-01") + np.arange(count) // 3,
        "y": [int(i % 10 == 0) for i in range(count)],
    }
    return pl.DataFrame({**base, **columns}).with_columns(pl.col("t").cast(pl.Date))


@pytest.fixture
def folded(describe):
    def run(frame: pl.DataFrame, split=RANDOM, **folds) -> pl.DataFrame:
        source = {"kind": "parquet", "path": "rows.parquet"}
        spec = describe(source, COLUMNS, split=split, folds={"count": 5, "seed": 3, **folds})
        return fold_codes(spec, Table(frame, "rows.parquet"))

    return run


def sizes(folds: pl.Series) -> list[int]:
    return np.bincount(folds.to_numpy()).tolist()


def test_spec_without_folds_has_none(describe):
    spec = describe({"kind": "parquet", "path": "rows.parquet"}, COLUMNS, split=RANDOM)
    assert fold_codes(spec, Table(rows(10), "rows")) is None


def test_each_repetition_deals_all_rows_evenly_and_anew(folded):
    found = folded(rows(52), repeats=3)
    assert found.columns == ["repeat_1", "repeat_2", "repeat_3"]
    assert found.schema["repeat_1"] == pl.UInt8
    assert [sizes(column) for column in found] == [[11, 11, 10, 10, 10]] * 3
    assert not found["repeat_1"].equals(found["repeat_2"])


def test_folds_are_exact_under_the_seed_and_never_change_between_releases(folded):
    found = folded(rows(12))["repeat_1"].to_list()
    assert found == [0, 4, 1, 4, 1, 1, 2, 3, 0, 2, 0, 3]
    assert folded(rows(12), seed=4)["repeat_1"].to_list() != found


def test_folds_keep_the_share_of_each_class(folded):
    frame = rows(100)
    found = folded(frame, split={**RANDOM, "stratify": "y"})["repeat_1"]
    assert sizes(found.filter(frame["y"] == 1)) == [2] * 5
    assert sizes(found) == [20] * 5


@pytest.mark.parametrize(
    "split", [{"kind": "group", "seed": 1, "group": "g"}, {"kind": "hash", "columns": ["g"]}], ids=["group", "hash"]
)
def test_rows_of_one_group_share_a_fold(folded, split):
    frame = rows(200)
    found = folded(frame, split=split, repeats=2)
    assert frame.with_columns(found).group_by("g").agg(pl.col("^repeat.*$").n_unique()).max().row(0)[1:] == (1, 1)
    assert sizes(found["repeat_1"]) == [40] * 5
    assert not found["repeat_1"].equals(found["repeat_2"])


def test_group_larger_than_a_fold_leaves_none_empty(folded):
    frame = rows(104, g=["big"] * 100 + ["a", "b", "c", "d"])
    found = folded(frame, split={"kind": "group", "seed": 1, "group": "g"})["repeat_1"]
    assert sorted(sizes(found)) == [1, 1, 1, 1, 100]


def test_time_folds_are_blocks_that_go_forward(folded):
    shuffled = rows(120).sample(fraction=1, shuffle=True, seed=1)
    ordered = shuffled.with_columns(folded(shuffled, split={"kind": "time", "time": "t"})).sort("t")
    assert ordered["repeat_1"].is_sorted()
    assert sizes(ordered["repeat_1"]) == [21, 18, 21, 21, 18, 21]
    assert ordered.group_by("t").agg(pl.col("repeat_1").n_unique())["repeat_1"].max() == 1


@given(st.lists(st.integers(1, 60), min_size=4, max_size=30), st.integers(2, 4))
@settings(max_examples=80, deadline=None)
def test_no_fold_is_empty_while_there_are_groups_for_all(describe, groups, count):
    names = [f"g{at}" for at, size in enumerate(groups) for _ in range(size)]
    split = {"kind": "group", "seed": 1, "group": "g"}
    source = {"kind": "parquet", "path": "rows.parquet"}
    spec = describe(source, COLUMNS, split=split, folds={"count": count, "seed": 0})
    frame = rows(len(names), g=names)
    found = fold_codes(spec, Table(frame, "rows"))
    assert sorted(found["repeat_1"].unique()) == list(range(count))
    assert frame.with_columns(found).group_by("g").agg(pl.col("repeat_1").n_unique())["repeat_1"].max() == 1


@pytest.mark.parametrize(
    ("split", "frame", "says"),
    [
        (RANDOM, rows(4), "4 rows on the train side cannot make 5 folds"),
        ({"kind": "group", "seed": 1, "group": "g"}, rows(8), "2 groups on the train side cannot make 5 folds"),
        ({"kind": "time", "time": "t"}, rows(15), "5 moments on the train side cannot make 6 folds"),
    ],
    ids=["rows", "groups", "moments"],
)
def test_too_few_rows_for_the_folds_are_refused(folded, split, frame, says):
    with pytest.raises(InvalidInput) as caught:
        folded(frame, split=split)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("too-few-rows", f"rows.parquet: {says}")
