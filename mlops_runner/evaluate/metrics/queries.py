"""Metrics of rankings: one value per query, and their mean over the queries.

Rows with equal scores have no order of their own. Each value is the mean over all orders of such rows (McSherry and
Najork 2008, "Computing information retrieval performance measures efficiently in the presence of tied scores"), so that
the order of the table changes nothing. Relevant is a row whose relevance is above 0. A query without such a row counts
as 0 in every metric, as in scikit-learn's `ndcg_score`; gains are the relevance itself, as there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.metrics.names import CUTS
from mlops_runner.evaluate.values import Floats, Integers, Mask, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import Weight, mean_of

NO_RELEVANT = "no query has a relevant row"


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The rows of every query by falling score; queries in the order of their numbers.

    first, sizes: shape (queries,), where the rows of a query begin, and how many there are. order: shape (rows,), the
    places of the rows in the sample; rank: from 1 within the query; tie: the number of the rows with equal scores.
    """

    first: Integers
    sizes: Integers
    order: Integers
    rank: Integers
    tie: Integers
    relevance: Floats

    def shared(self, values: Floats) -> Floats:
        """Give rows with equal scores the mean of their values: what each of their places holds on average."""
        return np.asarray((np.bincount(self.tie, values) / np.bincount(self.tie))[self.tie])

    def total(self, values: Floats) -> Floats:
        """Sum values per query; shape (queries,)."""
        return np.asarray(np.add.reduceat(values, self.first), dtype=np.float64)


Leaf: TypeAlias = Callable[[Ranked], Floats]


def ranked(sample: Sample) -> Ranked:
    """Sort the rows of a sample that has some."""
    assert sample.query is not None
    order = np.lexsort((-sample.scores, sample.query))
    query, scores = sample.query[order], sample.scores[order]
    begins = _begins(query)
    first = np.flatnonzero(begins)
    sizes = np.diff(np.append(first, len(query)))
    rank = np.arange(len(query)) - np.repeat(first, sizes) + 1
    tie = np.cumsum(begins | _begins(scores)) - 1
    return Ranked(first, sizes, order, rank, tie, sample.target[order].astype(np.float64))


def _begins(values: Integers | Floats) -> Mask:
    """Mark the values that differ from the one before them."""
    return np.concatenate([[True], values[1:] != values[:-1]])


def ndcg(of: Ranked, cut: int | None = None) -> Floats:
    """Discounted cumulative gain as a share of the best possible one (Järvelin and Kekäläinen 2002); log2 discount."""
    discount = np.where(_within(of, cut), 1 / np.log2(of.rank + 1.0), 0.0)
    query = np.repeat(np.arange(len(of.first)), of.sizes)
    best = of.relevance[np.lexsort((-of.relevance, query))]
    return _share(of.total(of.shared(of.relevance) * discount), of.total(best * discount))


def average_precision(of: Ranked) -> Floats:
    """Mean of the precision at the places of the relevant rows."""
    relevant = (of.relevance > 0).astype(np.float64)
    rows, hits = np.bincount(of.tie), np.bincount(of.tie, relevant)
    begin = np.searchsorted(of.tie, np.arange(len(rows)))
    before = _before(of, relevant)[begin][of.tie]
    size, found = rows[of.tie], hits[of.tie]
    within = np.arange(len(of.tie)) - begin[of.tie]
    # Of the rows of a tie that stand before a relevant one, this share is relevant.
    others = np.divide(found - 1, size - 1, out=np.zeros(len(size)), where=size > 1)
    precision = (before + 1 + within * others) / of.rank
    return _share(of.total(found / size * precision), of.total(relevant))


def reciprocal_rank(of: Ranked) -> Floats:
    """One divided by the place of the first relevant row."""
    relevant = (of.relevance > 0).astype(np.float64)
    rows, hits = np.bincount(of.tie), np.bincount(of.tie, relevant)
    begin = np.searchsorted(of.tie, np.arange(len(rows)))
    first = np.flatnonzero((hits > 0) & (_before(of, relevant)[begin] == 0))
    place, size, found = of.rank[begin[first]], rows[first], hits[first]
    # Probability that none of the first `at` rows of the tie is relevant, and that the next one is.
    none, mean = np.ones(len(first)), np.zeros(len(first))
    for at in range(int(size.max(initial=0))):
        left = np.maximum(size - at, 1)
        hit = np.minimum(found / left, 1.0)
        mean += none * hit / (place + at)
        none = none * (1 - hit)
    values = np.zeros(len(of.first))
    values[np.searchsorted(of.first, begin[first], side="right") - 1] = mean
    return values


def precision(of: Ranked, cut: int) -> Floats:
    """Share of the first places that hold a relevant row; places that a short query does not fill hold none."""
    return _hits(of, cut) / cut


def recall(of: Ranked, cut: int) -> Floats:
    """Share of the relevant rows that stand in the first places."""
    return _share(_hits(of, cut), of.total((of.relevance > 0).astype(np.float64)))


def _hits(of: Ranked, cut: int) -> Floats:
    return of.total(of.shared((of.relevance > 0).astype(np.float64)) * _within(of, cut))


def _within(of: Ranked, cut: int | None) -> Mask:
    return np.ones(len(of.rank), dtype=np.bool_) if cut is None else of.rank <= cut


def _before(of: Ranked, values: Floats) -> Floats:
    """Sum the values that stand before each row in its query."""
    running = np.cumsum(values) - values
    return np.asarray(running - np.repeat(running[of.first], of.sizes))


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


PER_QUERY: Mapping[str, Leaf] = {
    "ndcg": ndcg,
    **{f"ndcg_at_{cut}": partial(ndcg, cut=cut) for cut in CUTS},
    "map": average_precision,
    "mrr": reciprocal_rank,
    **{f"precision_at_{cut}": partial(precision, cut=cut) for cut in CUTS},
    **{f"recall_at_{cut}": partial(recall, cut=cut) for cut in CUTS},
}


def metric_of(metric: str) -> Callable[[Sample], Measurement]:
    """Return the metric as a function of a sample: the mean of its values over the queries."""

    def mean(sample: Sample) -> Measurement:
        if not (sample.target > 0).any():
            return Unmeasured(NO_RELEVANT)
        of = ranked(sample)
        return mean_of(PER_QUERY[metric](of), weight_of_queries(of, sample))

    return mean


def weight_of_queries(of: Ranked, sample: Sample) -> Weight:
    """Return how much each query counts, which is the weight of each of its rows; shape (queries,)."""
    return None if sample.weight is None else sample.weight[of.order[of.first]]


def queries_of(sample: Sample) -> dict[str, int]:
    """Count the queries, those without a relevant row, and those in which every order is as good as any other."""
    if not len(sample.target):
        return {"queries": 0, "without_relevant": 0, "without_order": 0}
    of = ranked(sample)
    most, least = np.maximum.reduceat(of.relevance, of.first), np.minimum.reduceat(of.relevance, of.first)
    return {
        "queries": len(of.first),
        "without_relevant": int(np.count_nonzero(most == 0)),
        "without_order": int(np.count_nonzero(most == least)),
    }
