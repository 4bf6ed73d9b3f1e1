"""Curves of rankings: NDCG over the number of places that are looked at, and how it is spread over the queries."""

from collections.abc import Mapping

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.thin import numbers
from mlops_runner.evaluate.metrics.queries import ndcg, queries_of, ranked, weight_of_queries
from mlops_runner.evaluate.values import BASELINE, Sample
from mlops_runner.evaluate.weights import mean_of

MOST_PLACES = 20
BINS = 20


def ranking_curves(here: Mapping[str, Sample], winner: str) -> dict[str, Json]:
    """Return the curves of one side. here: model -> sample of that side.

    spread: how many queries lie in each of 20 bins of NDCG, for the winner and the baseline.
    """
    orders = {model: ranked(sample) for model, sample in here.items()}
    places = list(range(1, min(MOST_PLACES, int(orders[winner].sizes.max())) + 1))
    weight = weight_of_queries(orders[winner], here[winner])
    means = {
        model: numbers(np.array([mean_of(ndcg(order, cut), weight) for cut in places]))
        for model, order in orders.items()
    }
    edges = np.linspace(0, 1, BINS + 1)
    spread: dict[str, Json] = {
        model: np.histogram(np.clip(ndcg(orders[model]), 0, 1), edges)[0].tolist()
        for model in (winner, BASELINE)
        if model in orders
    }
    return {
        **queries_of(here[winner]),
        "ndcg": {"places": list(places), "models": dict(means)},
        "spread": {"edges": numbers(edges), "queries": spread},
    }
