import numpy as np
import polars as pl
import pytest

from mlops_runner.evaluate.conditions import Condition, conditions_of, holds
from mlops_runner.evaluate.found_slices import Drawn, Errors, find_slices, losses_of, measure_found
from mlops_runner.evaluate.values import Side, sample_of
from mlops_runner.specs.evaluation import Intervals, SliceSearch

RNG = np.random.default_rng(5)
SEARCH = SliceSearch(depth=2, min_rows=30, most=3)


def table(rows, *, planted):
    """Losses that are higher where age >= 60 in the north, if planted."""
    frame = pl.DataFrame({
        "age": RNG.uniform(20, 80, rows),
        "region": RNG.choice(["north", "south", "east"], rows),
        "shoe": RNG.normal(0, 1, rows),
    })  # fmt: skip
    bad = ((frame["age"] >= 60) & (frame["region"] == "north")).to_numpy()
    losses = RNG.exponential(0.1, rows) + (0.5 * bad if planted else 0)
    return Errors(Side("x", np.zeros(rows)), frame, losses)


def test_a_planted_slice_is_found_by_its_conditions():
    (worst, *_) = find_slices(SEARCH, table(2000, planted=True), ["age", "region", "shoe"])
    assert {(one.column, one.relation) for one in worst} == {("age", ">="), ("region", "=")}
    age = next(one.value for one in worst if one.column == "age")
    assert age == pytest.approx(60, abs=4)


def test_a_planted_slice_holds_on_other_rows():
    paths = find_slices(SEARCH, table(2000, planted=True), ["age", "region", "shoe"])
    found = measure_found(paths, table(2000, planted=True), Drawn(Intervals(), 1, 6))[0]
    assert found["holds"] is True
    assert found["excess_interval"]["low"] > 0.2


def test_a_chance_finding_does_not_hold_on_other_rows():
    held = 0
    for _ in range(10):
        paths = find_slices(SEARCH, table(400, planted=False), ["age", "region", "shoe"])
        found = measure_found(paths, table(400, planted=False), Drawn(Intervals(resamples=200), 1, 6))
        held += sum(one["holds"] for one in found)
    assert held <= 4


def test_leaves_have_enough_rows():
    errors = table(300, planted=True)
    for path in find_slices(SEARCH, errors, ["age", "region", "shoe"]):
        assert np.all([holds(one, errors.frame[one.column]) for one in path], axis=0).sum() >= 30


@pytest.mark.parametrize("rows", [0, 1, 2, 59])
def test_few_rows_have_no_slices(rows):
    assert find_slices(SEARCH, table(rows, planted=True), ["age", "region", "shoe"]) == []


def test_a_model_without_errors_has_no_slices():
    errors = table(200, planted=False)
    assert find_slices(SEARCH, Errors(errors.side, errors.frame, np.zeros(200)), ["age", "region"]) == []


def test_a_condition_holds_exactly_where_its_opposite_does_not():
    frame = pl.DataFrame(
        {"n": [1.0, None, float("nan"), 3.0], "s": ["a", None, "b", "a"], "b": [True, None, False, True]}
    )
    for column in frame.columns:
        for condition in conditions_of(frame[column]):
            one, other = holds(condition, frame[column]), holds(condition.opposite, frame[column])
            assert (one ^ other).all()


def test_missing_values_are_a_condition_of_their_own():
    frame = pl.DataFrame({"n": [1.0, None, 2.0]})
    assert str(next(conditions_of(frame["n"]))) == "n is missing"
    assert holds(Condition("n", "<", 5.0), frame["n"]).tolist() == [True, False, True]


def test_what_is_wrong_is_named_by_task():
    assert losses_of(sample_of("regression", (), np.array([1.0]), np.array([3.0]), None))[0] == "absolute error"
    name, losses = losses_of(sample_of("binary", ("no", "yes"), np.array([1]), np.array([0.25]), 0.5))
    assert (name, losses.tolist()) == ("squared error of the probabilities", [0.5625])
