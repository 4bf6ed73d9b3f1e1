import pytest

from mlops_runner.evaluate.gates import judge, number
from mlops_runner.evaluate.values import Unmeasured
from mlops_runner.specs.evaluation import AbsoluteGate, BaselineGate


def verdict(gate, winner, baseline=None):
    return judge("g", gate, "forest", lambda model, *_: winner if model == "forest" else baseline, 6)


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
    assert (found.answer, found.comparison, found.value) == (answer, comparison, value)


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
    assert (found.value, found.limit, found.slice) == (None, ">= 0.95", "north")


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
