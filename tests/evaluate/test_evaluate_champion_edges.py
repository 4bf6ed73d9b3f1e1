"""The gate against the champion exactly at its limits, and one digit off: what decides, and what the sentence says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.gates.champion import exact_p, p_text, tango_p
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

ROWS = 400
TARGET = (np.arange(ROWS) % 2).astype(int)
PART = np.arange(ROWS) < 20


def off(distance):
    """Scores that miss the truth by the same distance in every row, so that all resamples agree."""
    return np.abs(TARGET - distance)


def shown(better):
    """Scores by which brier is 0.01 or 0.0625."""
    return off(0.1) if better else off(0.25)


def wrong_in(rows):
    """Scores that decide the first `rows` rows wrongly, and are sure of all."""
    return np.where(np.arange(ROWS) < rows, 1.0 - TARGET, TARGET.astype(float))


def judged(winner, champion, weight=None, intervals=None, **gate):
    spec = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("accuracy", "brier", "recall")}
    spec["slices"] = {"part": {"column": "x", "equals": "p", "min_rows": 10}}
    spec |= {} if intervals is None else intervals
    evaluation = Evaluation.model_validate({**spec, "gates": {"g": {"kind": "champion", "metric": "brier", **gate}}})
    options = Options("binary", ("no", "yes"), Select(metric="accuracy"), evaluation)
    sides = {name: Side(name, TARGET, {"part": PART}, weight=weight) for name in ("validation", "test")}
    models = {"baseline": off(0.5), "new": winner, **({} if champion is None else {"champion": champion})}
    (found,) = assess(options, sides, {name: dict.fromkeys(sides, values) for name, values in models.items()},
                      Extras(seed=1)).gates  # fmt: skip
    return found


SUPERIOR, NO_WORSE = {"test": "superiority"}, {"test": "non_inferiority"}
GAP = 0.0525  # 0.25 squared minus 0.1 squared


@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 3, ROWS)], ids=["rows", "weights"])
@pytest.mark.parametrize(
    ("gate", "better", "margin", "answer", "end"),
    [
        (SUPERIOR, True, GAP, "fail", "at least 0.0525 with 95 % confidence <= 0.0525"),
        (SUPERIOR, True, GAP - 1e-6, "pass", "at least 0.0525 with 95 % confidence > 0.052499"),
        (SUPERIOR, True, GAP + 1e-6, "fail", "at least 0.0525 with 95 % confidence <= 0.052501"),
        (NO_WORSE, False, GAP, "fail", "at least -0.0525 with 95 % confidence <= -0.0525"),
        (NO_WORSE, False, GAP + 1e-6, "pass", "at least -0.0525 with 95 % confidence > -0.052501"),
        (NO_WORSE, False, GAP - 1e-6, "fail", "at least -0.0525 with 95 % confidence <= -0.052499"),
    ],
)
def test_a_loss_at_the_margin_does_not_pass_and_a_digit_inside_does(gate, better, margin, answer, end, weight):
    """Every row loses the same, so that the bound is the gain itself: an interval without width."""
    found = judged(shown(better), shown(not better), weight, margin=round(margin, 6), **gate)
    assert (found.answer, found.comparison.partition(", ")[2]) == (answer, end)
    gap = "0.0525" if better else "-0.0525"
    assert found.comparison.startswith(f"brier {'0.0625' if better else '0.01'} (champion) - ")
    assert f" = {gap}, " in found.comparison


@pytest.mark.parametrize(
    ("gate", "wrong", "champion", "margin", "answer", "end"),
    [
        (SUPERIOR, 0, 400, 1.0, "fail", "= 1, at least 1 with 95 % confidence <= 1"),
        (SUPERIOR, 0, 400, 0.999999, "pass", "= 1, at least 1 with 95 % confidence > 0.999999"),
        (NO_WORSE, 400, 0, 1.0, "fail", "= -1, at least -1 with 95 % confidence <= -1"),
        (NO_WORSE, 400, 0, 1.000001, "pass", "= -1, at least -1 with 95 % confidence > -1.000001"),
        (NO_WORSE, 40, 40, 0.000001, "pass", "= 0, at least 0 with 95 % confidence > -1e-06"),
    ],
)
def test_a_share_at_the_margin_does_not_pass_and_a_digit_inside_does(gate, wrong, champion, margin, answer, end):
    found = judged(wrong_in(wrong), wrong_in(champion), metric="accuracy", margin=margin, **gate)
    assert (found.answer, found.comparison.endswith(end)) == (answer, True), found.comparison


@pytest.mark.parametrize(("test", "better"), [("superiority", 40), ("non_inferiority", 0)])
def test_a_bound_with_a_width_is_compared_as_it_is_written(test, better):
    """The margin is put where the bound lies, and then a digit to either side."""
    given_gate = {"test": test, "metric": "accuracy"}
    first = judged(wrong_in(60), wrong_in(60 + better), margin=0.5, **given_gate)
    bound = float(first.comparison.partition("at least ")[2].split()[0])
    sign = 1 if test == "superiority" else -1
    for step, answer in ((0, "fail"), (-1, "pass"), (1, "fail")):
        margin = round(sign * (bound + step * 1e-6), 6)
        if margin <= 0:
            continue
        found = judged(wrong_in(60), wrong_in(60 + better), margin=margin, **given_gate)
        assert found.answer == answer, found.comparison


@pytest.mark.parametrize(
    ("alpha", "answer", "end"),
    [
        (1 / 32, "pass", "p 0.0312 <= 0.03125"),
        (math.nextafter(1 / 32, 1), "pass", "p 0.0312 <= 0.03125000000000001"),
        (math.nextafter(1 / 32, 0), "fail", "p 0.03125 > 0.031249999999999997"),
        (0.0312, "fail", "p 0.03125 > 0.0312"),
        (0.0313, "pass", "p 0.0312 <= 0.0313"),
    ],
)
def test_mcnemar_passes_at_its_error_rate(alpha, answer, end):
    """Five rows that only the winner decides rightly, and none the other way: p is 1/32."""
    found = judged(wrong_in(35), wrong_in(40), metric="accuracy", method="mcnemar", alpha=alpha, **SUPERIOR)
    assert (found.answer, found.comparison.rpartition("; ")[2]) == (answer, end)


@pytest.mark.parametrize("gate", [{**NO_WORSE, "margin": 0.03}, {**SUPERIOR, "margin": 0.01}])
def test_tangos_test_passes_at_its_error_rate(gate):
    limit = gate["margin"] if gate["test"] == "superiority" else -gate["margin"]
    wrong, champion = (38, 40) if gate["test"] == "non_inferiority" else (30, 40)
    p = tango_p(champion - wrong, 0, ROWS, limit)
    for alpha, answer in ((p, "pass"), (math.nextafter(p, 1), "pass"), (math.nextafter(p, 0), "fail")):
        found = judged(wrong_in(wrong), wrong_in(champion), metric="accuracy", method="mcnemar", alpha=alpha, **gate)
        assert found.answer == answer, found.comparison
        assert ("<=" if answer == "pass" else ">") in found.comparison


def test_twins_are_shown_to_be_nothing_by_mcnemar():
    found = judged(wrong_in(40), wrong_in(40), metric="accuracy", method="mcnemar", alpha=0.5, **SUPERIOR)
    assert (found.answer, exact_p(0, 0)) == ("fail", 1.0)


@given(st.floats(1e-12, 1), st.floats(1e-6, 0.5))
@settings(deadline=None)
def test_a_p_is_written_so_that_its_comparison_is_true(p, alpha):
    assert (float(p_text(p, alpha)) <= alpha) == (p <= alpha)


BLIND = {
    "without a champion": {"champion": None},
    "with intervals turned off": {"intervals": {"intervals": None}},
    "where most resamples lack a positive row": {"slice": "part", "metric": "recall"},
    "on a slice that is too small": {"slice": "part", "intervals": {
        "slices": {"part": {"column": "x", "equals": "p", "min_rows": 30}}}},
    "where no row counts": {"slice": "part", "weight": np.where(PART, 0.0, 1.0)},
}  # fmt: skip


@pytest.mark.parametrize(("policy", "blocks"), [("fail", True), ("warn", False)])
@pytest.mark.parametrize("case", BLIND)
def test_what_could_not_be_measured_is_decided_by_the_policy(case, policy, blocks, monkeypatch):
    if BLIND[case].get("metric") == "recall":
        monkeypatch.setattr("test_evaluate_champion_edges.TARGET", (np.arange(ROWS) == 3).astype(int))
    given_case = {"champion": wrong_in(40), "unmeasured": policy, **SUPERIOR, **BLIND[case]}
    found = judged(wrong_in(40), given_case.pop("champion"), given_case.pop("weight", None), **given_case)
    assert (found.answer, found.blocks) == ("unmeasured", blocks), found.comparison
    assert "could not be measured" in found.comparison


def test_a_winner_that_is_worse_than_the_margin_is_refused_under_any_policy():
    found = judged(off(0.25), off(0.1), margin=0.01, unmeasured="warn", **NO_WORSE)
    assert (found.answer, found.blocks) == ("fail", True)
