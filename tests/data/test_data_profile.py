import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import COLUMNS, TEXT

from mlops_runner.data import profile as profiles
from mlops_runner.data.describe import distinct
from mlops_runner.data.describe.effective import inefficiency
from mlops_runner.data.profile import Detail, describe, profile, time_of
from mlops_runner.specs.data import Column

DETAIL = Detail(1_024, 1_000)


@pytest.fixture
def stored(stage):
    stage.csv(TEXT, COLUMNS)
    return json.loads((stage.out / "profile.json").read_text())


def of(values, kind="float", detail=DETAIL):
    frame = pl.DataFrame({"x": values})
    return describe(frame.lazy(), {"x": Column(type=kind)}, len(frame), detail)["x"]


def test_profile_counts_every_side_and_column(stored):
    assert stored["profile_version"] == 2
    assert stored["rows"] == {"train": 1000, "validation": 0, "test": 0}
    assert list(stored["columns"]) == sorted(COLUMNS)
    assert {key: stored["columns"]["age"][key] for key in ("type", "role", "rows", "missing", "unique")} == {
        "type": "float", "role": "feature", "rows": 1000, "missing": 100, "unique": 900,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["name", "id"])
def test_profile_shows_no_values_of_people_and_ids(stored, name):
    assert set(stored["columns"][name]) == {"type", "role", "rows", "missing", "unique"}


def test_target_is_described_on_every_side(stage):
    stage.csv(TEXT, COLUMNS, split={"kind": "random", "seed": 1, "stratify": "y"})
    target = json.loads((stage.out / "profile.json").read_text())["target"]
    assert target["column"] == "y"
    assert {side: [one["count"] for one in entry["categories"]] for side, entry in target["sides"].items()} == {
        "train": [300, 300], "validation": [100, 100], "test": [100, 100],
    }  # fmt: skip


def test_personal_target_is_counted_only(stage):
    stage.csv(TEXT, {**COLUMNS, "y": {**COLUMNS["y"], "tags": ["pii"]}})
    target = json.loads((stage.out / "profile.json").read_text())["target"]
    assert "categories" not in target["sides"]["train"]


def test_column_with_few_values_has_all_of_them_as_edges():
    found = of([3.0, 1.0, 1.0, None, 2.5, 1.0])
    assert (found["edges"], found["at"], found["between"]) == ([1.0, 2.5, 3.0], [3, 1, 1], [0, 0])
    assert (found["min"], found["max"], found["mean"], found["effective"]) == (1.0, 3.0, 1.7, 5)


def test_column_with_many_values_has_quantiles_as_edges():
    found = of(np.arange(10_001) / 10_000, detail=Detail(11, 20))
    assert found["edges"] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert (found["at"], found["between"]) == ([1] * 11, [999] * 10)


@given(st.lists(st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 1 / 3]), min_size=1, max_size=200))
@settings(max_examples=150, deadline=None)
def test_rows_at_and_between_the_edges_are_what_they_say(values):
    found = of(values, detail=Detail(5, 20))
    array, edges = np.array(values), np.array(found["edges"])
    assert found["at"] == [np.count_nonzero(array == edge) for edge in edges]
    assert found["between"] == [np.count_nonzero((array > a) & (array < b)) for a, b in pairwise(edges)]
    assert sum(found["at"]) + sum(found["between"]) == len(values)


def test_frequent_value_keeps_its_edge_to_the_last_digit():
    found = of([1 / 3] * 500 + list(np.linspace(0, 1, 701)), detail=Detail(21, 20))
    assert found["at"][found["edges"].index(1 / 3)] == 500


def test_dates_and_times_have_edges_too():
    days = pl.Series(["2025-01-01", "2025-01-03", "2025-01-03"]).str.to_date()
    found = of(days, "date")
    assert (found["edges"], found["at"], found["min"]) == (["2025-01-01", "2025-01-03"], [1, 2], "2025-01-01")
    assert of(days.cast(pl.Datetime("us")), "datetime")["max"] == "2025-01-03T00:00:00"


def test_categories_are_the_most_frequent_values_with_the_rest_as_other():
    found = of(["b", "a", "a", "c", "b", None, "d" * 201], "string", Detail(21, 2))
    assert found["categories"] == [{"value": "a", "count": 2}, {"value": "b", "count": 2}]
    assert (found["other"], found["unique"], found["missing"]) == (2, 4, 1)


def test_values_that_come_once_are_listed_up_to_fifty():
    found = of([f"v{i:03}" for i in range(80)] + ["often"] * 3, "string")
    assert (len(found["categories"]), found["categories"][0]["value"], found["other"]) == (50, "often", 31)


def test_texts_tell_their_lengths():
    assert of(["é", "abc", "abc", None, ""], "string")["lengths"] == {"min": 0, "max": 3, "mean": 1.75, "std": 1.5}


@pytest.mark.parametrize(("columns", "edges"), [(3, 1_024), (128, 1_024), (1_000, 131), (10_000, 21)])
def test_wide_tables_get_fewer_edges(columns, edges):
    assert Detail.fitting({f"c{i}": Column(type="float") for i in range(columns)}).edges == edges


def test_profile_of_many_rows_takes_two_passes_and_counts_exactly(monkeypatch):
    draw = np.random.default_rng(1)
    x, word = draw.normal(size=20_000), draw.choice(["a", "b", "c", "d"], 20_000, p=[0.5, 0.3, 0.15, 0.05])
    frame = pl.DataFrame({"x": x, "w": word}).with_columns(
        pl.when(pl.col("x") > 2).then(None).otherwise("x").alias("x")
    )
    columns = {"x": Column(type="float"), "w": Column(type="string")}
    whole = describe(frame.lazy(), columns, len(frame), Detail(101, 3))
    monkeypatch.setattr(profiles, "EXACT_ROWS", 1_000)
    monkeypatch.setattr(profiles, "SAMPLE_ROWS", 4_000)
    monkeypatch.setattr(profiles, "CELLS", 3_000)
    found = describe(frame.lazy(), columns, len(frame), Detail(101, 3))
    assert found["w"] == whole["w"]
    assert {k: found["x"][k] for k in ("missing", "unique", "min", "max", "mean", "std")} == {
        k: whole["x"][k] for k in ("missing", "unique", "min", "max", "mean", "std")
    }
    known, edges = frame["x"].drop_nulls().to_numpy(), np.array(found["x"]["edges"])
    assert sum(found["x"]["at"]) + sum(found["x"]["between"]) == len(known)
    assert np.cumsum(found["x"]["between"])[49] == np.count_nonzero((known < edges[50]) & ~np.isin(known, edges))
    shares = np.searchsorted(np.sort(known), edges) / len(known)
    assert np.abs(shares - np.linspace(0, 1, 101)).max() < 0.02


def test_estimated_number_of_values_says_so(monkeypatch):
    monkeypatch.setattr(profiles, "EXACT_ROWS", 1_000)
    monkeypatch.setattr(profiles, "CELLS", 3_000)
    monkeypatch.setattr(distinct, "KEPT", 1_024)
    found = of(np.arange(30_000.0))
    assert found["estimated"] is True
    assert abs(found["unique"] / 30_000 - 1) < 0.1


def test_independent_rows_are_worth_themselves():
    above = np.random.default_rng(2).normal(size=20_000) > 0
    assert inefficiency(above) == pytest.approx(1, abs=0.1)


def test_rows_that_lean_on_their_neighbours_are_worth_less():
    draw = np.random.default_rng(3)
    shocks, x = draw.normal(size=60_000), np.zeros(60_000)
    for at in range(1, len(x)):
        x[at] = 0.9 * x[at - 1] + shocks[at]
    # The sign of an autoregressive series has autocorrelations 2 / pi * arcsin(0.9 ** k).
    exact = 1 + 2 * sum(2 / np.pi * np.arcsin(0.9**k) for k in range(1, 200))
    assert inefficiency(x > 0) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("above", [[], [True], [True] * 9, [False] * 9])
def test_series_that_never_changes_is_left_alone(above):
    assert inefficiency(np.array(above, np.bool_)) == 1


def test_effective_size_follows_time_not_the_order_of_the_file():
    hours = pl.datetime_range(pl.datetime(2025, 1, 1), pl.datetime(2025, 3, 1), "1h", eager=True)
    frame = pl.DataFrame({"t": hours, "x": np.sin(np.arange(len(hours)) / 50)})
    columns = {"t": Column(type="datetime"), "x": Column(type="float")}
    sizes = [
        describe(rows.lazy(), columns, len(frame), DETAIL, time)["x"]["effective"]
        for rows in (frame, frame.sample(fraction=1, shuffle=True, seed=1))
        for time in ("t", None)
    ]
    assert sizes[0] == sizes[2] < 100
    assert sizes[1] == sizes[3] == len(frame)


def test_column_that_orders_the_rows_comes_from_split_or_role(describe):
    source, columns = {"kind": "csv", "path": "x.csv"}, {**COLUMNS, "day": {"type": "date", "role": "time"}}
    assert time_of(describe(source, columns)) == "day"
    assert time_of(describe(source, COLUMNS, split={"kind": "time", "time": "day"})) == "day"
    assert time_of(describe(source, COLUMNS)) is None


def test_profile_is_one_canonical_line(stage, stored):
    text = (stage.out / "profile.json").read_text()
    assert text == json.dumps(stored, sort_keys=True, separators=(",", ":")) + "\n"


def test_profile_survives_the_largest_floats_and_columns_without_values(stage):
    columns = {"a": {"type": "float"}, "b": {"type": "float", "max_missing": 1}, "y": {"type": "int", "role": "target"}}
    stage.csv("a,b,y\n1.7e308,,0\n-1.7e308,,1\n1.7e308,,1\n", columns)
    described = json.loads((stage.out / "profile.json").read_text())["columns"]
    assert described["a"]["mean"] == 5.66666667e307
    assert described["b"] == {"type": "float", "role": "feature", "rows": 3, "missing": 3, "unique": 0}


def test_profile_keeps_large_whole_numbers_exact():
    assert of([2**63 - 1, -(2**63)], "int")["edges"] == [-(2**63), 2**63 - 1]


def test_profile_of_one_row_has_no_spread():
    found = of([2.5])
    assert (found["mean"], found["std"], found["at"], found["between"]) == (2.5, 0.0, [1], [])


def test_sides_without_rows_are_left_out(describe):
    spec = describe({"kind": "csv", "path": "x.csv"}, {"x": {"type": "int"}, "y": {"type": "int", "role": "target"}})
    train = pl.DataFrame({"x": [1, 2], "y": [0, 1]}).lazy()
    found = profile({"train": train}, spec, {"train": 2, "validation": 0, "test": 0})
    assert list(found["target"]["sides"]) == ["train"]


def test_several_targets_are_each_described_on_every_side(describe):
    labels = {name: {"type": "bool", "role": "target"} for name in ("hot", "worn")}
    spec = describe({"kind": "csv", "path": "x.csv"}, {"x": {"type": "int"}, **labels})
    sides = {"train": pl.DataFrame({"x": [1, 2], "hot": [True, False], "worn": [True, True]}).lazy()}
    sides["test"] = pl.DataFrame({"x": [3], "hot": [False], "worn": [True]}).lazy()
    found = profile(sides, spec, {"train": 2, "validation": 0, "test": 1})["target"]["columns"]
    assert {name: list(by_side) for name, by_side in found.items()} == {
        "hot": ["train", "test"],
        "worn": ["train", "test"],
    }
    assert (found["hot"]["train"]["unique"], found["worn"]["train"]["unique"]) == (2, 1)
