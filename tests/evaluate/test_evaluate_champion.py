"""Planted champions at the edges of the gate: equal, a little worse, a little better."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.gates.champion import exact_p, tango_p
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

ROWS = 400
RNG = np.random.default_rng(3)
TARGET = (RNG.random(ROWS) < 0.4).astype(int)
GOOD = np.where(TARGET == 1, 0.9, 0.1)


def wrong_in(rows):
    """Scores that decide the first `rows` rows wrongly."""
    return np.where(np.arange(ROWS) < rows, 1 - GOOD, GOOD)


def judged(gate, winner, champion, **extras):
    spec = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("accuracy", "log_loss")}
    champion_gate = {"kind": "champion", "metric": "accuracy", **gate}
    evaluation = Evaluation.model_validate({**spec, "gates": {"g": champion_gate}})
    options = Options("binary", ("no", "yes"), Select(metric="accuracy"), evaluation)
    sides = {name: Side(name, TARGET) for name in ("validation", "test")}
    models = {"baseline": np.full(ROWS, 0.5), "new": winner, **({} if champion is None else {"champion": champion})}
    scores = {name: dict.fromkeys(sides, values) for name, values in models.items()}
    return assess(options, sides, scores, Extras(seed=1, **extras))


NON_INFERIOR = {"test": "non_inferiority", "margin": 0.02}


def test_a_twin_is_not_inferior_and_not_superior():
    assert judged(NON_INFERIOR, wrong_in(40), wrong_in(40)).gates[0].answer == "pass"
    (gate,) = judged({"test": "superiority"}, wrong_in(40), wrong_in(40)).gates
    assert gate.answer == "fail"
    assert gate.comparison == "accuracy 0.9 - 0.9 (champion) = 0, at least 0 with 95 % confidence <= 0"


@pytest.mark.parametrize(("wrong", "answer"), [(40, "pass"), (43, "pass"), (48, "fail"), (60, "fail")])
def test_a_challenger_that_is_worse_passes_only_well_within_the_margin(wrong, answer):
    (gate,) = judged(NON_INFERIOR, wrong_in(wrong), wrong_in(40)).gates
    assert gate.answer == answer, gate.comparison


def test_the_sentence_shows_the_bound_and_the_margin():
    (gate,) = judged(NON_INFERIOR, wrong_in(48), wrong_in(40)).gates
    assert gate.comparison.startswith("accuracy 0.88 - 0.9 (champion) = -0.02, at least -0.03")
    assert gate.comparison.endswith("with 95 % confidence <= -0.02")


@pytest.mark.parametrize(("wrong", "answer"), [(40, "fail"), (36, "fail"), (35, "pass"), (20, "pass")])
def test_mcnemar_needs_five_rows_of_one_kind(wrong, answer):
    """Five rows that only one of them gets right have p = 1/32; four have 1/16."""
    (gate,) = judged({"test": "superiority", "method": "mcnemar"}, wrong_in(wrong), wrong_in(40)).gates
    assert gate.answer == answer, gate.comparison


def test_mcnemar_counts_the_rows_that_differ():
    (gate,) = judged({"test": "superiority", "method": "mcnemar"}, wrong_in(35), wrong_in(40)).gates
    assert "right where the champion errs in 5 rows, wrong where it is right in 0; p 0.0312 <= 0.05" in gate.comparison


@pytest.mark.parametrize(("wrong", "answer"), [(40, "pass"), (43, "pass"), (45, "fail")])
def test_mcnemar_with_a_margin_is_tangos_test(wrong, answer):
    gate = {**NON_INFERIOR, "method": "mcnemar"}
    (found,) = judged(gate, wrong_in(wrong), wrong_in(40)).gates
    assert found.answer == answer, found.comparison


def test_a_lower_loss_is_a_gain():
    gate = {"metric": "log_loss", "test": "superiority", "margin": 0.05}
    (found,) = judged(gate, wrong_in(10), wrong_in(60)).gates
    assert found.answer == "pass"
    assert "(champion) - " in found.comparison


def test_the_champion_keeps_its_own_threshold():
    found = judged(NON_INFERIOR, wrong_in(40), wrong_in(40), champion_threshold=0.95)
    assert found.known.thresholds["champion"] == 0.95
    assert found.as_json()["metrics"]["champion"]["test"]["accuracy"] == round(float((TARGET == 0).mean()), 6)


def test_the_champion_never_wins():
    assert judged(NON_INFERIOR, wrong_in(100), wrong_in(0)).winner == "new"


def test_without_a_champion_the_gate_could_not_measure():
    (gate,) = judged(NON_INFERIOR, wrong_in(0), None, no_champion="the champion reads other columns").gates
    assert (gate.answer, gate.blocks) == ("unmeasured", True)
    assert gate.comparison == "champion's accuracy could not be measured: the champion reads other columns"


@given(st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None)
def test_the_exact_p_is_that_of_the_binomial_test(better, worse):
    if better + worse:
        assert exact_p(better, worse) == pytest.approx(binomtest(better, better + worse, alternative="greater").pvalue)


@given(st.integers(1, 60), st.integers(1, 60))
@settings(deadline=None)
def test_tangos_statistic_without_a_margin_is_mcnemars(better, worse):
    z = (better - worse) / math.sqrt(better + worse)
    assert tango_p(better, worse, 200, 0.0) == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)))


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([-0.1, -0.02, 0.03]))
@settings(deadline=None)
def test_tangos_share_maximises_the_likelihood_under_the_margin(better, worse, margin):
    """The variance must be that of the most likely shares whose difference is the margin."""
    rows = 100
    low = max(0.0, -margin) + 1e-9
    shares = np.linspace(low, (1 - abs(margin)) / 2, 200_001)
    rest = rows - better - worse
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.where(n == 0, 0.0, n * np.log(p)) for n, p in
                ((better, shares + margin), (worse, shares), (rest, 1 - 2 * shares - margin))]  # fmt: skip
    share = shares[np.nanargmax(sum(logs))]
    variance = rows * (2 * share + margin * (1 - margin))
    if variance > 1e-3:
        expected = 0.5 * math.erfc((better - worse - rows * margin) / math.sqrt(2 * variance))
        assert tango_p(better, worse, rows, margin) == pytest.approx(expected, abs=2e-3)
