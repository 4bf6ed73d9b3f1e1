"""Metrics of predicted quantiles, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from mlops_runner.evaluate.curves.regression import coverage_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import PERCENTS, known_metrics
from mlops_runner.evaluate.values import sample_of

RNG = np.random.default_rng(4)
TARGET, PREDICTED = RNG.normal(0, 1, 200), RNG.normal(0.5, 1, 200)
SAMPLE = sample_of("regression", (), TARGET, PREDICTED, None)


@pytest.mark.parametrize("percent", PERCENTS)
def test_the_pinball_loss_is_that_of_scikit_learn(percent):
    expected = mean_pinball_loss(TARGET, PREDICTED, alpha=percent / 100)
    assert measure(f"pinball_at_{percent}", SAMPLE) == pytest.approx(expected, rel=1e-15)


def test_the_coverage_is_the_share_of_targets_that_are_not_above_the_prediction():
    sample = sample_of("regression", (), np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 5.0, 5.0]), None)
    assert measure("coverage_gap_at_90", sample) == pytest.approx(0.15)
    assert measure("coverage_gap_at_75", sample) == 0
    found = coverage_of({"forest": sample}, ["rmse", "pinball_at_90"])
    assert found == {"coverage": {"quantiles": [0.9], "shares": {"forest": 0.75}}}
    assert coverage_of({"forest": sample}, ["rmse"]) == {}


def test_the_median_costs_half_the_absolute_error():
    assert measure("pinball_at_50", SAMPLE) == pytest.approx(measure("mae", SAMPLE) / 2)


def test_classes_have_no_quantiles():
    assert not any(name.startswith("pinball") for name in known_metrics("binary"))
