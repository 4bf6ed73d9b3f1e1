"""Weights in an assessment: thresholds, intervals, slices, groups, importance, and weights at their edges."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.found_slices import Drawn, Errors, find_slices, measure_found
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.probabilities import equal_mass_bins
from mlops_runner.evaluate.threshold import ChosenThreshold, choose_threshold
from mlops_runner.evaluate.values import Groups, Options, Side, Unmeasured, sample_of
from mlops_runner.evaluate.weights import worth
from mlops_runner.execute.stages.evaluated_rows import Marks, side_of
from mlops_runner.specs.evaluation import Evaluation, SliceSearch
from mlops_runner.specs.evaluation_threshold import (
    AlarmBudgetRule,
    CostRule,
    FBetaRule,
    PrecisionAtRecallRule,
    RecallAtPrecisionRule,
)
from mlops_runner.specs.training import Select
from mlops_runner.train.features import Feature, Schema

ROWS = 240
RNG = np.random.default_rng(4)
TARGET = (RNG.random(ROWS) < 0.4).astype(int)
SCORES = np.clip(0.35 * TARGET + 0.65 * RNG.random(ROWS), 0, 1)
PART = np.arange(ROWS) % 3 == 0
RULES = (
    CostRule(rule="cost", false_negative=5, false_positive=1),
    FBetaRule(rule="f_beta"),
    PrecisionAtRecallRule(rule="precision_at_recall", recall=0.7),
    RecallAtPrecisionRule(rule="recall_at_precision", precision=0.6),
    AlarmBudgetRule(rule="alarm_budget", share=0.3),
    AlarmBudgetRule(rule="alarm_budget", count=40),
)


def assessed(weight, scores=SCORES, metrics=("accuracy", "roc_auc", "recall"), **more):
    spec = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": metrics}
    spec |= {"slices": {"part": {"column": "x", "equals": "p"}}}
    options = Options("binary", ("no", "yes"), Select(metric="roc_auc"), Evaluation.model_validate(spec | more), "w")
    groups = {name: Groups(("a", "b"), np.arange(ROWS) % 2) for name in more.get("gates", ())}
    side = Side("test", TARGET, {"part": PART}, groups=groups, weight=weight)
    sides = {"validation": replace(side, name="validation"), "test": side}
    models = {"baseline": np.full(ROWS, 0.4), "new": scores}
    return assess(options, sides, {name: dict.fromkeys(sides, values) for name, values in models.items()}, Extras())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule)
@given(seed=st.integers(0, 10_000), rows=st.integers(4, 40), digits=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_a_threshold_of_weighted_rows_is_that_of_the_rows_written_out(rule, seed, rows, digits):
    rng = np.random.default_rng(seed)
    target, scores, counts = (
        (rng.random(rows) < 0.5).astype(int),
        rng.random(rows).round(digits),
        rng.integers(0, 4, rows),
    )
    weighted = choose_threshold(rule, target, scores, counts.astype(float))
    written = choose_threshold(rule, np.repeat(target, counts), np.repeat(scores, counts))
    if isinstance(weighted, Unmeasured) and isinstance(rule, AlarmBudgetRule):
        assert isinstance(written, Unmeasured) or written.objective == 0  # no row is light enough
    elif isinstance(written, ChosenThreshold):
        assert isinstance(weighted, ChosenThreshold)
        assert (weighted.value, weighted.objective) == (written.value, pytest.approx(written.objective))
    else:
        assert isinstance(weighted, Unmeasured)


@pytest.mark.parametrize("rule", RULES[:5], ids=lambda rule: rule.rule)
@pytest.mark.parametrize("unit", [1e-6, 1 / 3, 1e9])
def test_the_unit_of_weights_chooses_no_threshold(rule, unit):
    weight = RNG.integers(1, 9, ROWS).astype(float)
    chosen = [choose_threshold(rule, TARGET, SCORES, weight * by) for by in (1.0, unit)]
    assert chosen[0].value == chosen[1].value


def test_a_budget_of_alarms_is_one_of_weight():
    """The row with the highest score counts four, which is more than a budget of three."""
    scores, target = np.array([0.9, 0.5, 0.1]), np.array([1, 0, 0])
    rule = AlarmBudgetRule(rule="alarm_budget", count=3)
    assert choose_threshold(rule, target, scores, np.array([4.0, 1.0, 1.0])).value > 0.9
    assert choose_threshold(rule, target, scores, np.array([1.0, 1.0, 2.0])).value == 0.3
    found = choose_threshold(rule, target, scores, np.full(3, 5.0))
    assert found == Unmeasured("the budget is less than what one alarm counts")


def test_a_threshold_on_rows_that_do_not_count_is_no_threshold():
    with pytest.raises(InvalidInput, match="all rows have the weight 0"):
        assessed(np.zeros(ROWS), threshold={"rule": "f_beta"})


def test_every_number_of_an_assessment_is_weighted():
    weight = RNG.exponential(1, ROWS)
    found = assessed(weight, threshold={"rule": "f_beta"}).as_json()
    cut = found["thresholds"]["new"]
    whole = replace(sample_of("binary", ("no", "yes"), TARGET, SCORES, cut), weight=weight)
    numbers = found["metrics"]["new"]["test"]
    assert numbers == {metric: round(measure(metric, whole), 6) for metric in ("accuracy", "roc_auc", "recall")}
    part = found["slices"]["part"]["test"]
    assert part["metrics"]["new"]["roc_auc"] == round(measure("roc_auc", whole.only(PART)), 6)
    assert part["rows"] == int(PART.sum())
    assert found["curves"]["roc"]["new"]["auc"] == numbers["roc_auc"]
    interval = found["intervals"]["metrics"]["new"]["test"]["roc_auc"]
    assert interval["low"] < numbers["roc_auc"] < interval["high"]
    bins = equal_mass_bins(SCORES, TARGET, weight)
    assert [entry["rate"] for entry in found["curves"]["calibration"]] == [round(float(rate), 6) for rate in bins.rate]


def test_intervals_are_wider_when_a_few_rows_count_for_most():
    def width(weight):
        found = assessed(weight).as_json()["intervals"]["metrics"]["new"]["test"]["accuracy"]
        return found["high"] - found["low"]

    assert width(np.where(np.arange(ROWS) < 20, 100.0, 1.0)) > 2 * width(np.ones(ROWS))


def test_a_slice_of_rows_that_do_not_count_could_not_be_measured():
    found = assessed(np.where(PART, 0.0, 1.0)).as_json()
    assert found["slices"]["part"]["test"]["metrics"]["new"]["accuracy"] is None
    reasons = {entry["reason"] for entry in found["unmeasured"] if entry["slice"] == "part"}
    assert reasons == {"all rows have the weight 0"}


def test_a_side_of_rows_that_do_not_count_selects_no_winner():
    with pytest.raises(InvalidInput, match="could not be measured: all rows have the weight 0"):
        assessed(np.zeros(ROWS))


def test_a_row_that_counts_for_all_leaves_no_interval():
    found = assessed(np.where(np.arange(ROWS) == 7, 1e15, 1.0)).as_json()
    assert "resamples could not be measured" in found["intervals"]["metrics"]["new"]["test"]["accuracy"]["reason"]


def test_a_weighted_share_of_one_has_the_exact_interval_of_as_many_rows_as_tell_as_much():
    weight = RNG.exponential(1, ROWS)
    found = assessed(weight, scores=TARGET * 0.8 + 0.1).as_json()["intervals"]["metrics"]["new"]["test"]["accuracy"]
    rows = weight.sum() ** 2 / (weight**2).sum()
    assert (found["method"], found["high"]) == ("clopper_pearson", 1.0)
    assert found["low"] == pytest.approx(beta.ppf(0.025, rows, 1), abs=1e-6)


def test_rows_of_equal_weight_are_worth_themselves():
    assert worth(np.full(7, 0.3), np.array([0, 0, 0, 0, 1, 1, 1])).tolist() == [4.0, 3.0]
    assert worth(np.array([1e300, 1e-300]), np.array([0, 0])).tolist() == [1.0]


def test_groups_are_compared_by_weight_and_admitted_by_rows():
    gate = {"kind": "fairness", "criterion": "demographic_parity", "column": "g", "max_difference": 0.01}
    decided = SCORES >= 0.5
    weight = np.where(decided & (np.arange(ROWS) % 2 == 0), 1e-3, 1.0)
    (found,) = assessed(weight, gates={"fair": gate}).gates
    first, second = found.finding.details
    assert (first["rows"], first["compared"], second["compared"]) == (ROWS // 2, True, True)
    shares = [np.average(decided[at::2], weights=weight[at::2]) for at in (0, 1)]
    assert [first["share decided positive"], second["share decided positive"]] == pytest.approx(shares, abs=1e-6)
    assert found.finding.value == pytest.approx(shares[1] - shares[0], abs=1e-6)


def test_importance_is_that_of_the_weighted_metric():
    """The rows that count are told by one feature, the others by the other."""
    frame = pl.DataFrame({"told": TARGET.astype(float), "other": 1.0 - TARGET})
    options = ImportanceOptions("accuracy", "binary", ("no", "yes"), 1, threshold=0.5)

    def predict(rows):
        first = np.arange(rows.height) % ROWS < ROWS // 2
        return np.where(first, rows["told"].to_numpy(), 1 - rows["other"].to_numpy())

    names, half = ["told", "other"], np.arange(ROWS) < ROWS // 2
    for weight, wanted in ((half.astype(float), "told"), (1.0 - half, "other")):
        found = permutation_importance(predict, frame, names, TARGET, replace(options, weight=weight))
        assert (found[0].feature, found[1].drop) == (wanted, 0.0)


def test_slices_are_found_and_measured_by_weight():
    """Both halves err alike in number; where rows count ten times, that is where it hurts."""
    losses = np.where(np.arange(ROWS) % 10 == 0, 1.0, 0.0)
    frame = pl.DataFrame({"half": np.where(np.arange(ROWS) < ROWS // 2, "a", "b")})
    weight = np.where((np.arange(ROWS) < ROWS // 2) & (losses > 0), 10.0, 1.0)
    errors = Errors(Side("validation", TARGET), frame, losses)
    search = SliceSearch(depth=1, min_rows=30)
    assert find_slices(search, errors, ["half"]) == []
    weighted = replace(errors, weight=weight)
    (path,) = find_slices(search, weighted, ["half"])
    assert str(path[0]) == "half = a"
    (measured,) = measure_found([path], weighted, Drawn(None, 1, 6))
    inside = frame["half"].to_numpy() == "a"
    assert measured["rows"] == ROWS // 2
    assert measured["loss"] == round(float(np.average(losses[inside], weights=weight[inside])), 6)
    (nothing,) = measure_found([path], replace(errors, weight=1.0 - inside), Drawn(None, 1, 6))
    assert nothing == {"rows": ROWS // 2, "loss": None, "excess": None}


def test_the_rows_of_a_query_have_one_weight():
    schema = Schema("ranking", "y", None, (), (Feature("x", "float"),), "w", query="q")
    frame = pl.DataFrame({"q": [1, 1, 2], "x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 1.0], "w": [2.0, 2.0, 5.0]})
    columns = {name: {"role": role, "tags": []} for name, role in (("q", "group"), ("x", "feature"), ("w", "weight"))}
    side = side_of("test", frame, schema, Marks(weight="w"), columns)
    assert side.weight.tolist() == [2.0, 2.0, 5.0]
    uneven = frame.with_columns(w=pl.Series([2.0, 3.0, 5.0]))
    with pytest.raises(StepFailed, match='weight column "w" differs within a query'):
        side_of("test", uneven, schema, Marks(weight="w"), columns)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), None])
def test_what_no_row_can_count_is_refused_with_its_row(value):
    schema = Schema("regression", "y", None, (), (Feature("x", "float"),), "w")
    frame = pl.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "w": pl.Series([1.0, value], dtype=pl.Float64)})
    with pytest.raises(
        InvalidInput, match="1 of 2 rows of a side are missing, infinite or below 0, the first is row 2"
    ):
        side_of("test", frame, schema, Marks(weight="w"), {})
