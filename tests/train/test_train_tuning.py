"""Search: what is drawn depends on the seed and on what was told, workers and kills change nothing."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_runner.errors import StepFailed
from mlops_runner.specs.training_search import Range, Search
from mlops_runner.train.tuning.draw import source_of
from mlops_runner.train.tuning.memory import Memory
from mlops_runner.train.tuning.run import run_search
from mlops_runner.train.tuning.trial import Outcome

SPACE = {"depth": {"min": 2, "max": 9}, "rate": {"min": 0.01, "max": 0.3, "log": True}, "kind": {"values": ["a", "b"]}}


def search(**fields):
    return Search.model_validate_json(json.dumps({"space": SPACE, "trials": 24, "batch": 4, **fields}))


class Bowl:
    """A bench whose best trial is known: depth 5, rate 0.1, kind b. Counts what it was asked to try."""

    def __init__(self, fail=()):
        self.tried, self.fail = [], fail

    def try_all(self, trials):
        for trial in trials:
            self.tried.append(trial.number)
            yield trial, self.one(trial)

    def one(self, trial):
        if trial.number in self.fail:
            return Outcome("failed", (), "no luck")
        found = trial.params
        value = -abs(found["depth"] - 5) - abs(math.log(found["rate"] / 0.1)) - (found["kind"] == "a")
        folds = (value - 0.01, value, value + 0.01)
        if trial.bounds and folds[0] < trial.bounds[0]:
            return Outcome("pruned", folds[:1])
        return Outcome("complete", folds)


def run(given, bench=None, memory=None, seed=3):
    return run_search(given, "maximize", seed, bench or Bowl(), memory or Memory(None), lambda _: None)


@pytest.mark.parametrize("method", ["tpe", "random"])
def test_the_same_seed_draws_the_same_trials_and_another_seed_others(method):
    found = [run(search(method=method), seed=seed).as_json() for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]


def test_learning_from_trials_beats_drawing_at_random_on_a_bowl():
    means = {}
    for method in ("tpe", "random"):
        values = [run(search(method=method, trials=60), seed=seed).value for seed in range(5)]
        means[method] = sum(values) / len(values)
    assert means["tpe"] > means["random"]


def test_the_best_of_equal_trials_is_the_first():
    grid = Search.model_validate_json('{"space": {"idle": {"values": [1, 2, 3]}}, "method": "grid"}')

    class Flat:
        def try_all(self, trials):
            return ((trial, Outcome("complete", (1.0,))) for trial in trials)

    found = run(grid, Flat())
    assert (found.best.number, found.best.params) == (0, {"idle": 1})
    assert len(found.trials) == 3


def test_a_grid_tries_every_combination_once_in_order():
    space = {"a": {"min": 1, "max": 3}, "b": {"min": 0.0, "max": 0.5, "step": 0.25}}
    grid = Search.model_validate_json(json.dumps({"space": space, "method": "grid", "batch": 4}))

    class Sum:
        def try_all(self, trials):
            return ((trial, Outcome("complete", (trial.params["a"] + trial.params["b"],))) for trial in trials)

    found = run(grid, Sum())
    assert [(t.params["a"], t.params["b"]) for t, _ in found.trials] == [
        (a, b) for a in (1, 2, 3) for b in (0.0, 0.25, 0.5)
    ]
    assert found.best.params == {"a": 3, "b": 0.5}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 23))
def test_a_search_that_was_killed_goes_on_and_ends_the_same(tmp_path_factory, killed_at):
    file = tmp_path_factory.mktemp("memory") / "trials.jsonl"
    whole = run(search())

    class Killed(Bowl):
        def one(self, trial):
            if trial.number == killed_at:
                raise KeyboardInterrupt
            return super().one(trial)

    with pytest.raises(KeyboardInterrupt):
        run(search(), Killed(), Memory(file))
    bench = Bowl()
    assert run(search(), bench, Memory(file)) == whole
    assert bench.tried == list(range(killed_at, 24))


def test_a_torn_last_line_counts_as_not_tried(tmp_path):
    file = tmp_path / "trials.jsonl"
    whole = run(search(), memory=Memory(file))
    file.write_bytes(file.read_bytes()[:-5])
    bench = Bowl()
    assert run(search(), bench, Memory(file)) == whole
    assert bench.tried == [23]


def test_what_another_seed_tried_is_not_taken_for_its_own(tmp_path):
    file = tmp_path / "trials.jsonl"
    run(search(), memory=Memory(file))
    assert run(search(), memory=Memory(file), seed=9) == run(search(), seed=9)


def test_failed_trials_are_recorded_with_their_reason_and_the_search_goes_on():
    found = run(search(), Bowl(fail={0, 5}))
    failed = [trial for trial in found.as_json()["trials"] if trial["state"] == "failed"]
    assert [(trial["number"], trial["reason"], trial["value"]) for trial in failed] == [
        (0, "no luck", None), (5, "no luck", None),
    ]  # fmt: skip


def test_a_search_whose_trials_all_fail_says_what_the_first_said():
    with pytest.raises(StepFailed, match="no trial of 4 could be measured; the first said: no luck"):
        run(search(trials=4), Bowl(fail=range(4)))


@pytest.mark.parametrize(("max_failed", "tried"), [(0.5, 8), (0.8, 16), (1.0, 24)])
def test_too_many_failed_trials_end_the_search_with_one_message(max_failed, tried):
    bench = Bowl(fail={*range(5), *range(8, 20)})
    given = search(max_failed=max_failed)
    if tried == 24:
        assert len(run(given, bench).trials) == 24
        return
    with pytest.raises(StepFailed, match=f"of {tried} trials failed, first with depth .*: no luck"):
        run(given, bench)
    assert len(bench.tried) == tried


def test_reasons_that_differ_are_counted_and_the_most_common_is_shown():
    class Mixed(Bowl):
        def one(self, trial):
            return Outcome("failed", (), "rare" if trial.number == 0 else "common")

    with pytest.raises(
        StepFailed, match=r"8 of 8 trials failed \(7 times, and 1 other reasons\), first with .*: common"
    ):
        run(search(), Mixed())


def test_fewer_than_five_failures_are_bad_luck():
    assert len(run(search(trials=8, max_failed=0.0), Bowl(fail=range(4))).trials) == 8


def test_pruning_compares_with_complete_trials_of_earlier_batches_only():
    found = run(search(pruning="median", trials=40))
    states = [outcome.state for _, outcome in found.trials]
    assert set(states[:8]) == {"complete"}
    assert "pruned" in states
    assert found.best.params == run(search(trials=40)).best.params or found.value <= 0


def test_no_time_means_no_trials_beyond_the_first_batch():
    with pytest.raises(StepFailed, match="the time was over before the first"):
        run(search(time="0s"))


def test_importance_names_the_parameter_that_matters():
    class OnlyDepth(Bowl):
        def one(self, trial):
            return Outcome("complete", (-float(abs(trial.params["depth"] - 5)),))

    found = run(search(method="random", trials=60), OnlyDepth())
    assert max(found.importance, key=found.importance.get) == "depth"
    assert sum(found.importance.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"values": [1], "min": 2, "max": 3}, "needs either values, or min and max"),
        ({}, "needs either values, or min and max"),
        ({"min": 2}, "needs both min and max"),
        ({"min": 3, "max": 3}, "is not below max"),
        ({"min": 0, "max": 3, "log": True}, "log needs a min above 0"),
        ({"min": 1, "max": 3, "step": 0.5}, "whole numbers need a whole step"),
        ({"values": [1, 2], "log": True}, "step and log are for numbers"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        Range.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"method": "grid"}, 'a grid needs steps: "rate" has none'),
        ({"method": "grid", "space": {"a": {"min": 1, "max": 99}}}, "the grid has 99 points, trials is 24"),
        ({"pruning": "median", "measured_on": "validation"}, "pruning needs folds"),
        ({"space": {}}, "at least 1"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        search(**fields)


def test_numbers_are_drawn_within_their_ranges():
    given = search(method="random", trials=200, batch=200)
    source = source_of(given, "maximize", 1)
    drawn = [source.draw() for _ in range(200)]
    assert {type(found["depth"]) for found in drawn} == {int}
    assert {found["depth"] for found in drawn} == set(range(2, 10))
    assert all(0.01 <= found["rate"] <= 0.3 for found in drawn)
    assert sum(found["rate"] < math.sqrt(0.01 * 0.3) for found in drawn) == pytest.approx(100, abs=30)
