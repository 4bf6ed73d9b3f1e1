import pytest

from mlops_runner.evaluate.bootstrap.intervals import Interval
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.gates.base import judge
from mlops_runner.evaluate.gates.values import number
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import Options, Unmeasured
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_gates import AbsoluteGate, BaselineGate, CalibrationGate, SizeGate
from mlops_runner.specs.training import Select


def known(values, bounds=None, **extras):
    """Measurements of one metric on the test side: model -> value."""
    spec = Evaluation.model_validate(
        {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("recall",)}
    )
    options = Options("binary", ("no", "yes"), Select(metric="recall"), spec)
    table = {Cell(model, "test", part, metric): value for (model, part, metric), value in values.items()}
    found = {Cell(model, "test", part, metric): value for (model, part, metric), value in (bounds or {}).items()}
    return Measured(options, Extras(**extras), "forest", {}, {}, {}, table, {}, found)


def verdict(gate, winner, baseline=None, bounds=None):
    place = (gate.slice, gate.metric)
    values = {("forest", *place): winner, ("baseline", *place): baseline}
    return judge("g", gate, known(values, {("forest", *place): bounds} if bounds else None))


def at_least(limit, **more):
    return AbsoluteGate(kind="absolute", metric="recall", min=limit, **more)


@pytest.mark.parametrize(
    ("gate", "value", "answer", "comparison"),
    [
        (at_least(0.95), 0.957143, "pass", "recall 0.957143 >= 0.95"),
        (at_least(0.95), 0.95, "pass", "recall 0.95 >= 0.95"),
        (at_least(0.95), 0.949999, "fail", "recall 0.949999 < 0.95"),
        (at_least(0.2, max=0.8), 0.9, "fail", "recall 0.9 > 0.8"),
        (at_least(0.2, max=0.8), 0.1, "fail", "recall 0.1 < 0.2"),
        (at_least(0.2, max=1.0), 0.5, "pass", "recall 0.5 >= 0.2 and <= 1"),
    ],
)
def test_absolute_gate_shows_the_numbers_it_compared(gate, value, answer, comparison):
    found = verdict(gate, value)
    assert (found.answer, found.comparison, found.finding.value) == (answer, comparison, value)


@pytest.mark.parametrize(
    ("metric", "margin", "winner", "baseline", "answer", "comparison"),
    [
        ("roc_auc", 0.1, 0.9, 0.8, "pass", "roc_auc 0.9 - 0.8 (baseline) = 0.1 >= 0.1"),
        ("roc_auc", 0.2, 0.9, 0.8, "fail", "roc_auc 0.9 - 0.8 (baseline) = 0.1 < 0.2"),
        ("rmse", 0.1, 2.5, 3.0, "pass", "rmse 3 (baseline) - 2.5 = 0.5 >= 0.1"),
        ("rmse", 0.0, 3.5, 3.0, "fail", "rmse 3 (baseline) - 3.5 = -0.5 < 0"),
        ("roc_auc", -0.01, 0.795, 0.8, "pass", "roc_auc 0.795 - 0.8 (baseline) = -0.005 >= -0.01"),
    ],
)
def test_baseline_gate_asks_for_a_gain_in_the_better_direction(metric, margin, winner, baseline, answer, comparison):
    found = verdict(BaselineGate(kind="baseline", metric=metric, margin=margin), winner, baseline)
    assert (found.answer, found.comparison) == (answer, comparison)


def test_a_gate_that_could_not_be_measured_says_why_and_is_not_a_failure():
    found = verdict(at_least(0.95, slice="north"), Unmeasured("18 rows < 30"))
    assert (found.answer, found.comparison) == ("unmeasured", "recall could not be measured: 18 rows < 30")
    assert (found.finding.value, found.finding.limit, found.slice) == (None, ">= 0.95", "north")


def test_a_baseline_that_could_not_be_measured_is_named():
    found = verdict(BaselineGate(kind="baseline", metric="recall"), 0.9, Unmeasured("no rows"))
    assert found.comparison == "baseline's recall could not be measured: no rows"


@pytest.mark.parametrize(("policy", "blocks"), [("fail", True), ("warn", False)])
def test_the_policy_says_whether_an_unmeasured_gate_blocks(policy, blocks):
    assert verdict(at_least(0.95, unmeasured=policy), Unmeasured("no rows")).blocks is blocks


def test_a_failed_gate_blocks_whatever_its_policy():
    assert verdict(at_least(0.95, unmeasured="warn"), 0.5).blocks


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (-2.0, "-2"), (0.1, "0.1"), (1e-07, "1e-07"), (1e22, "1e+22")])
def test_numbers_are_written_shortest(value, text):
    assert number(value) == text


WIDE, NARROW = Interval(0.84, 0.96), Interval(0.955, 0.985)
ALIKE, EXACT = Interval(1.0, 1.0, constant=True), Interval(0.918, 1.0, method="clopper_pearson")


@pytest.mark.parametrize(
    ("more", "value", "bounds", "answer", "comparison"),
    [
        ({}, 0.91, WIDE, "fail", "recall 0.91 [0.84, 0.96] < 0.95"),
        ({}, 0.97, NARROW, "pass", "recall 0.97 [0.955, 0.985] >= 0.95"),
        ({"decide_on": "interval"}, 0.96, WIDE, "fail", "recall 0.96 [0.84, 0.96]: lower end 0.84 < 0.95"),
        ({"decide_on": "interval"}, 0.97, NARROW, "pass", "recall 0.97 [0.955, 0.985]: lower end 0.955 >= 0.95"),
        ({"decide_on": "interval"}, 1.0, EXACT, "fail", "recall 1 [0.918, 1]: lower end 0.918 < 0.95"),
        ({"decide_on": "interval"}, 1.0, ALIKE, "unmeasured",
         "the interval of recall 1 could not be measured: every resample gives 1"),
        ({"decide_on": "interval"}, 0.99, Unmeasured("33% of 1000 resamples could not be measured"), "unmeasured",
         "the interval of recall 0.99 could not be measured: 33% of 1000 resamples could not be measured"),
    ],
)  # fmt: skip
def test_an_absolute_gate_may_decide_on_the_nearer_end_of_the_interval(more, value, bounds, answer, comparison):
    found = verdict(at_least(0.95, **more), value, bounds=bounds)
    assert (found.answer, found.comparison) == (answer, comparison)


def test_the_upper_end_decides_against_a_largest_value():
    gate = AbsoluteGate(kind="absolute", metric="recall", max=0.9, decide_on="interval")
    assert verdict(gate, 0.89, bounds=WIDE).comparison == "recall 0.89 [0.84, 0.96]: upper end 0.96 > 0.9"


def test_a_calibration_gate_compares_its_error():
    gate = CalibrationGate(kind="calibration", max=0.05)
    found = verdict(gate, 0.08, bounds=Interval(0.06, 0.13))
    assert (found.answer, found.comparison) == ("fail", "ece 0.08 [0.06, 0.13] > 0.05")


@pytest.mark.parametrize(("size", "answer", "text"), [(100, "pass", "100 <= 100"), (101, "fail", "101 > 100")])
def test_a_size_gate_compares_bytes(size, answer, text):
    found = judge("g", SizeGate(kind="size", max_bytes=100), known({}, sizes={"forest": size}))
    assert (found.answer, found.comparison) == (answer, f"size {text} bytes")
