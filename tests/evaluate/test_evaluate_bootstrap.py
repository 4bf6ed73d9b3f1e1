import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, bootstrap

from mlops_runner.evaluate.bootstrap.base import FAMILIES, statistic_of
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.intervals import Interval, binomial_interval, percentile_interval
from mlops_runner.evaluate.bootstrap.values import counts_of
from mlops_runner.evaluate.metrics.base import LEAVES, measure
from mlops_runner.evaluate.metrics.names import METRICS, known_metrics
from mlops_runner.evaluate.values import Unmeasured, sample_of

CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "multilabel": ("a", "b", "c"), "regression": ()}
TASKS = [(task, metric) for task in CLASSES for metric in sorted(known_metrics(task))]


PINNED_COUNTS = [[0, 2, 1, 2, 0], [2, 1, 1, 0, 1], [2, 1, 1, 1, 0]]


def sample(task, rows, seed, *, ties):
    """Few distinct scores, so that ties, equal errors and empty classes occur."""
    rng = np.random.default_rng(seed)
    round_to = 1 if ties else 8
    if task == "regression":
        return sample_of(task, (), rng.normal(2, 1, rows).round(round_to), rng.normal(2, 1, rows).round(round_to), None)
    if task == "multilabel":
        target, scores = rng.random((rows, 3)) < 0.3, rng.random((rows, 3)).round(round_to)
        return sample_of(task, CLASSES[task], target, scores, (0.4, 0.6, 0.5))
    target = rng.integers(0, len(CLASSES[task]), rows)
    if task == "binary":
        return sample_of(task, CLASSES[task], target, rng.random(rows).round(round_to), 0.4)
    raw = rng.random((rows, 3)).round(round_to) + 0.1
    return sample_of(task, CLASSES[task], target, raw / raw.sum(axis=1, keepdims=True), None)


def repeated(given_sample, counts):
    rows = np.repeat(np.arange(len(counts)), counts)
    decisions = None if given_sample.decisions is None else given_sample.decisions[rows]
    return type(given_sample)(
        given_sample.task, given_sample.classes, given_sample.target[rows], given_sample.scores[rows], decisions
    )


def test_every_metric_has_a_form_for_resampled_rows():
    assert FAMILIES.keys() == LEAVES.keys()
    assert FAMILIES.keys() | known_metrics("multilabel") == METRICS.keys()


@pytest.mark.parametrize(("task", "metric"), TASKS)
@given(rows=st.integers(2, 40), seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_metric_of_counts_is_the_metric_of_the_rows_written_out(task, metric, rows, seed, ties):
    found = sample(task, rows, seed, ties=ties)
    if isinstance(measure(metric, found), Unmeasured):
        return
    counts = np.concatenate(list(draw(Units((np.arange(rows),)), 6, (seed,))))
    values = statistic_of(found, (metric,))(counts_of(counts))[metric]
    for value, row in zip(values, counts, strict=True):
        expected = measure(metric, repeated(found, row))
        if isinstance(expected, Unmeasured):
            assert np.isnan(value)
        else:
            assert value == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_draws_do_not_depend_on_how_many_stand_in_a_block(monkeypatch):
    units = Units((np.arange(7),))
    whole = np.concatenate(list(draw(units, 50, (1, 2))))
    monkeypatch.setattr("mlops_runner.evaluate.bootstrap.draws.BLOCK_CELLS", 21)
    assert (np.concatenate(list(draw(units, 50, (1, 2)))) == whole).all()


def test_the_stream_of_draws_is_pinned():
    counts = np.concatenate(list(draw(Units((np.arange(5),)), 3, (20240229, 7))))
    assert counts.tolist() == PINNED_COUNTS


def test_every_row_is_drawn_about_as_often_as_any_other():
    total = sum(counts.sum(axis=0) for counts in draw(Units((np.arange(20),)), 20_000, (3,)))
    assert total.sum() == 20 * 20_000
    assert np.abs(total / 20_000 - 1).max() < 0.04


def test_strata_keep_their_numbers_of_rows():
    target = np.array([0, 0, 0, 1, 1])
    units = Units((np.flatnonzero(target == 0), np.flatnonzero(target == 1)))
    counts = np.concatenate(list(draw(units, 100, (5,))))
    assert (counts[:, target == 1].sum(axis=1) == 2).all()
    assert len(np.unique(counts, axis=0)) > 10


def test_the_rows_of_a_cluster_stay_together():
    clusters = np.array([0, 1, 1, 2, 2, 2])
    counts = np.concatenate(list(draw(Units((np.arange(3),), clusters), 50, (5,))))
    assert (counts[:, 1] == counts[:, 2]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    assert set(counts[:, [0, 1, 3]].sum(axis=1)) == {3}


def test_intervals_agree_with_those_of_scipy():
    values = np.random.default_rng(1).normal(0, 1, 200)
    replicates = np.concatenate([counts @ values / 200 for counts in draw(Units((np.arange(200),)), 20_000, (1,))])
    found = percentile_interval(replicates, 0.9, 12)
    options = {"method": "percentile", "confidence_level": 0.9, "n_resamples": 20_000, "rng": 7}
    theirs = bootstrap((values,), np.mean, **options).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.004)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, held = np.random.default_rng(2), 0
    for trial in range(300):
        target = (rng.random(80) < 0.3).astype(int)
        found = sample_of("binary", ("no", "yes"), target, np.zeros(80), 0.5)
        statistic = statistic_of(found, ("accuracy",))
        values = [statistic(counts_of(c))["accuracy"] for c in draw(Units((np.arange(80),)), 200, (trial,))]
        interval = percentile_interval(np.concatenate(values), 0.9, 9)
        held += interval.low <= 0.7 <= interval.high
    assert 0.84 <= held / 300 <= 0.94


def test_too_many_lost_resamples_are_no_interval():
    few = percentile_interval(np.array([0.5] * 85 + [np.nan] * 15), 0.95, 6)
    assert few == Unmeasured("15% of 100 resamples could not be measured")
    some = percentile_interval(np.array([0.5, 0.6] * 48 + [np.nan] * 4), 0.95, 6)
    assert isinstance(some, Interval)
    assert some.lost == 0.04


def test_a_share_of_one_has_the_exact_interval_of_clopper_and_pearson():
    found = binomial_interval(1.0, 43, 0.95, 6)
    assert (found.low, found.high) == (round(beta.ppf(0.025, 43, 1), 6), 1.0)
    assert binomial_interval(0.0, 10, 0.9, 6).high == round(beta.ppf(0.95, 1, 10), 6)
