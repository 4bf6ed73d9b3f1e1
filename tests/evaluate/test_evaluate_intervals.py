"""Intervals in an assessment: pairing, degenerate rows, classes that are missing, clusters."""

import json

import numpy as np
import pytest

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.bootstrap.replicates import FEWEST_RESAMPLES, resamples_of
from mlops_runner.evaluate.curves.binary import wilson_bounds
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.specs.evaluation import Evaluation, Intervals
from mlops_runner.specs.training import Select

RNG = np.random.default_rng(1)


def found(target, scores, metrics=("accuracy", "recall", "roc_auc"), clusters=None, seed=1, **spec):
    """Assess one candidate; a constant is the baseline."""
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": metrics}
    options = Options("binary", ("no", "yes"), Select(metric="accuracy"), Evaluation.model_validate({**head, **spec}))
    sides = {name: Side(name, target, clusters=clusters) for name in ("validation", "test")}
    models = {"baseline": np.full(len(target), 0.4), "new": scores, "twin": scores}
    by_side = {name: dict.fromkeys(sides, values) for name, values in models.items()}
    return json.loads(json.dumps(assess(options, sides, by_side, Extras(seed=seed)).as_json(), allow_nan=False))


TARGET = (RNG.random(150) < 0.3).astype(int)
SCORES = np.clip(TARGET * 0.3 + RNG.random(150) * 0.7, 0, 1)


def test_twins_share_their_resamples():
    everything = found(TARGET, SCORES)
    metrics = everything["intervals"]["metrics"]
    assert metrics["new"] == metrics["twin"]
    gain = everything["comparison"]["test"]["twin"]["roc_auc"]
    assert gain == {"gain": 0.0, "low": 0.0, "high": 0.0, "better": 0.5}


def test_a_paired_difference_is_narrower_than_the_two_intervals():
    """A slightly noisier copy of the scores errs on nearly the same rows."""
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("roc_auc",)}
    options = Options("binary", ("no", "yes"), Select(metric="roc_auc"), Evaluation.model_validate(head))
    sides = {"validation": Side("validation", TARGET)}
    noisy = SCORES + RNG.normal(0, 0.01, 150)
    scores = {"baseline": noisy, "new": SCORES}
    out = assess(options, sides, {name: {"validation": values} for name, values in scores.items()}).as_json()
    own = out["intervals"]["metrics"]["new"]["validation"]["roc_auc"]
    gain = out["comparison"]["validation"]["baseline"]["roc_auc"]
    assert gain["high"] - gain["low"] < (own["high"] - own["low"]) / 2


def test_the_seed_of_the_intervals_overrides_the_others():
    own = {"intervals": {"seed": 5}}
    assert found(TARGET, SCORES, seed=1, **own) == found(TARGET, SCORES, seed=2, **own)
    assert found(TARGET, SCORES, seed=1) != found(TARGET, SCORES, seed=2)


def test_intervals_can_be_turned_off():
    out = found(TARGET, SCORES, intervals=None)
    assert out["intervals"] is None
    assert out["comparison"]["test"]["twin"]["roc_auc"] == {"gain": 0.0}


def test_clusters_widen_intervals_when_rows_repeat():
    copies = np.repeat(np.arange(15), 10)
    target, scores = TARGET[:15][copies], SCORES[:15][copies]
    rows = found(target, scores)["intervals"]
    groups = found(target, scores, clusters=copies)["intervals"]
    width = [one["metrics"]["new"]["test"]["accuracy"] for one in (rows, groups)]
    assert width[1]["high"] - width[1]["low"] > 2 * (width[0]["high"] - width[0]["low"])
    assert groups["sides"]["test"] == {"unit": "group", "units": 15, "resamples": 1000}


def test_a_share_of_one_has_an_exact_interval():
    out = found(TARGET, TARGET * 0.8 + 0.1)["intervals"]["metrics"]["new"]["test"]
    positives = int(TARGET.sum())
    assert out["recall"] == {"low": round(0.025 ** (1 / positives), 6), "high": 1.0, "method": "clopper_pearson"}
    assert out["roc_auc"] == {"low": 1.0, "high": 1.0, "constant": True}


def test_one_positive_row_leaves_recall_without_an_interval():
    target = np.zeros(50, dtype=int)
    target[3] = 1
    out = found(target, np.linspace(0, 1, 50))["intervals"]["metrics"]["new"]["test"]["recall"]
    assert out["reason"].endswith("of 1000 resamples could not be measured")


def test_a_class_that_is_missing_leaves_metrics_unmeasured_and_without_intervals():
    out = found(np.zeros(40, dtype=int), np.linspace(0, 1, 40))
    assert out["metrics"]["new"]["test"]["recall"] is None
    assert "recall" not in out["intervals"]["metrics"]["new"]["test"]
    assert "accuracy" in out["intervals"]["metrics"]["new"]["test"]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_handful_of_rows_is_answered(rows):
    out = found(np.arange(rows) % 2, np.linspace(0.2, 0.9, rows))
    assert out["rows"]["test"] == rows


def test_strata_keep_recall_as_it_is_and_prevalence_out_of_it():
    out = found(TARGET, SCORES, intervals={"stratify": "target"})["intervals"]
    assert out["sides"]["test"]["unit"] == "row of a class"


def test_large_sides_are_resampled_less_often():
    intervals = Intervals()
    assert resamples_of(intervals, 100_000, 3) == 1000
    assert resamples_of(intervals, 1_000_000) == 300
    assert resamples_of(intervals, 10_000_000, 5) == FEWEST_RESAMPLES


def test_wilson_bounds_have_a_width_at_the_ends():
    low, high = wilson_bounds(np.array([0.0, 1.0, 0.5]), np.array([10, 10, 100]))
    assert low.tolist() == pytest.approx([0, 0.722467, 0.403832], abs=1e-6)
    assert high.tolist() == pytest.approx([0.277533, 1, 0.596168], abs=1e-6)
