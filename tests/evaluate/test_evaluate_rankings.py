"""Metrics of rankings: equal to scikit-learn, to all orders of tied rows written out, and to resamples of queries."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from mlops_runner.evaluate.bootstrap.base import statistic_of
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.values import counts_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import METRICS, known_metrics
from mlops_runner.evaluate.metrics.queries import queries_of
from mlops_runner.evaluate.values import Unmeasured, sample_of


def ranking(relevance, scores, query):
    found = sample_of("ranking", (), np.array(relevance), np.array(scores, dtype=float), None)
    return replace(found, query=np.array(query))


def drawn(seed, queries, *, ties, longest=8):
    """Queries of two rows and more, in a mixed order of the table."""
    rng = np.random.default_rng(seed)
    query = rng.permutation(np.repeat(np.arange(queries), rng.integers(2, longest + 1, queries)))
    scores = rng.integers(0, 3, len(query)) if ties else rng.random(len(query))
    return ranking(rng.integers(0, 4, len(query)), scores, query)


def per_query(sample):
    return [sample.only(sample.query == number) for number in np.unique(sample.query)]


def by_all_orders(value, sample):
    """The mean over all orders in which rows of equal scores could stand."""
    tied = [np.flatnonzero(sample.scores == score) for score in sorted(set(sample.scores), reverse=True)]
    orders = itertools.product(*(itertools.permutations(rows) for rows in tied))
    return np.mean([value(sample.target[np.concatenate(order).astype(int)]) for order in orders])


def average_precision(relevance):
    hits = relevance > 0
    return np.mean((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits]) if hits.any() else 0.0


def reciprocal_rank(relevance):
    return 1 / (1 + np.argmax(relevance > 0)) if (relevance > 0).any() else 0.0


def precision_at_3(relevance):
    return np.count_nonzero(relevance[:3]) / 3


def recall_at_3(relevance):
    return np.count_nonzero(relevance[:3]) / max(1, np.count_nonzero(relevance))


@pytest.mark.parametrize(("metric", "cut"), [("ndcg", None), ("ndcg_at_1", 1), ("ndcg_at_5", 5), ("ndcg_at_10", 10)])
@given(seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=40, deadline=None)
def test_ndcg_is_that_of_scikit_learn(metric, cut, seed, ties):
    sample = drawn(seed, 5, ties=ties, longest=14)
    theirs = [ndcg_score([one.target], [one.scores], k=cut) for one in per_query(sample)]
    assert measure(metric, sample) == pytest.approx(np.mean(theirs), abs=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_map_is_the_mean_average_precision_of_scikit_learn_where_no_scores_are_equal(seed):
    parts = [one for one in per_query(drawn(seed, 5, ties=False, longest=14)) if one.target.any()]
    sample = ranking(
        np.concatenate([one.target for one in parts]),
        np.concatenate([one.scores for one in parts]),
        np.concatenate([one.query for one in parts]),
    )
    theirs = [average_precision_score(one.target > 0, one.scores) for one in parts]
    assert measure("map", sample) == pytest.approx(np.mean(theirs), abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("map", average_precision),
        ("mrr", reciprocal_rank),
        ("precision_at_3", precision_at_3),
        ("recall_at_3", recall_at_3),
    ],
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_rows_of_equal_scores_count_as_the_mean_over_their_orders(metric, value, seed):
    sample = drawn(seed, 4, ties=True, longest=6)
    expected = np.mean([by_all_orders(value, one) for one in per_query(sample)])
    found = measure(metric, sample)
    assert isinstance(found, Unmeasured) or found == pytest.approx(expected, abs=1e-12)


@given(seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_table_changes_nothing(seed, ties):
    sample = drawn(seed, 5, ties=ties)
    moved = np.random.default_rng(seed).permutation(len(sample.target))
    other = ranking(sample.target[moved], sample.scores[moved], sample.query[moved])
    for metric in known_metrics("ranking"):
        assert measure(metric, other) == pytest.approx(measure(metric, sample), abs=1e-12)


@pytest.mark.parametrize("metric", sorted(known_metrics("ranking")))
@given(seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=10, deadline=None)
def test_a_metric_of_counts_is_the_metric_of_the_queries_written_out(metric, seed, ties):
    sample = drawn(seed, 6, ties=ties)
    counts = np.concatenate(list(draw(Units((np.arange(6),), sample.query), 6, (seed,))))
    found = statistic_of(sample, (metric,))(counts_of(counts))[metric]
    for value, row in zip(found, counts, strict=True):
        again = [one for one in per_query(sample) for _ in range(row[np.argmax(sample.query == one.query[0])])]
        expected = measure(metric, ranking(
            np.concatenate([one.target for one in again]),
            np.concatenate([one.scores for one in again]),
            np.concatenate([np.full(len(one.target), at) for at, one in enumerate(again)]),
        ))  # fmt: skip
        assert np.isnan(value) if isinstance(expected, Unmeasured) else value == pytest.approx(expected, abs=1e-9)


def test_a_query_without_a_relevant_row_counts_as_nought_in_every_metric():
    sample = ranking([1, 0, 0, 0], [2, 1, 2, 1], [0, 0, 1, 1])
    for metric in ("ndcg", "ndcg_at_1", "map", "mrr", "recall_at_1"):
        assert measure(metric, sample) == 0.5


def test_without_a_relevant_row_in_any_query_nothing_is_measured():
    assert measure("ndcg", ranking([0, 0], [1, 2], [0, 0])) == Unmeasured("no query has a relevant row")


def test_a_query_of_one_row_is_right_when_that_row_is_relevant():
    sample = ranking([2, 1, 0], [1, 2, 3], [0, 1, 1])
    assert measure("ndcg_at_1", sample) == 0.5
    assert measure("mrr", sample) == 0.75
    assert queries_of(sample) == {"queries": 2, "without_relevant": 0, "without_order": 1}


def test_a_slice_ranks_its_own_rows_alone():
    sample = ranking([0, 3, 1, 0], [4, 3, 2, 1], [0, 0, 0, 0])
    assert measure("mrr", sample) == 0.5
    assert measure("mrr", sample.only(np.array([False, True, True, True]))) == 1.0


def test_every_metric_of_rankings_is_for_rankings_alone():
    assert all(METRICS[name].tasks == ("ranking",) for name in known_metrics("ranking"))
    assert "rmse" not in known_metrics("ranking")
