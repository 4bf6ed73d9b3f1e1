"""Where a ranking errs, query by query: one loss a query, the columns that tell queries apart, and the worst ones."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mlops_runner.digest import Json
from mlops_runner.evaluate.found_slices import Errors
from mlops_runner.evaluate.metrics.queries import Ranked, ndcg, ranked, weight_of_queries
from mlops_runner.evaluate.values import Floats, Integers, Sample, Side
from mlops_runner.evaluate.worst_rows import DIGITS, MASKED, Shown, shown_values

QUERY_LOSS = "share of the best possible gain that is lost"
# Places of a query that are shown: where its relevant rows went, and where they belong.
MOST_PLACES = 10


def errors_of_queries(side: Side, frame: pl.DataFrame, sample: Sample) -> Errors:
    """Return one row and one loss a query, in the order of their numbers, as if queries were the rows of the side."""
    of = ranked(sample)
    weight = weight_of_queries(of, sample)
    return Errors(Side(side.name, np.zeros(len(of.first))), frame[of.order[of.first]], _losses(of), weight)


def constant_columns(frame: pl.DataFrame, query: str, names: Sequence[str]) -> list[str]:
    """Return the columns that have one value in all rows of each query; only they can divide queries."""
    if not frame.height or not names:
        return []
    varying = frame.group_by(query).agg(pl.col(name).n_unique() > 1 for name in names).select(pl.col(names).any())
    return [name for name in names if not varying[name][0]]


def worst_queries(frame: pl.DataFrame, sample: Sample, query: str, shown: Shown, most: int) -> list[dict[str, Json]]:
    """Return the queries with the largest losses, the worst first; equal ones in the order of their numbers.

    ranked: the relevance of the first rows in the order of the scores; best: in the best order.
    """
    of = ranked(sample)
    values, losses = ndcg(of), _losses(of)
    worst: Integers = np.argsort(-losses, kind="stable")[:most]
    first = frame[of.order[of.first[worst]]]
    names = [query, *shown.columns]
    rows = shown_values(first.select(names), shown.masked)
    return [
        {"rows": int(of.sizes[at]), "ndcg": round(float(values[at]), DIGITS), "loss": round(float(losses[at]), DIGITS),
         **(_places(of, int(at)) if shown.answers else {"ranked": MASKED, "best": MASKED}), "values": row}
        for at, row in zip(worst.tolist(), rows, strict=True)
    ]  # fmt: skip


def _places(of: Ranked, at: int) -> dict[str, Json]:
    relevance = of.relevance[of.first[at] : of.first[at] + of.sizes[at]]
    return {"ranked": _texts(relevance), "best": _texts(np.sort(relevance)[::-1])}


def _texts(relevance: Floats) -> list[Json]:
    return [round(float(value), DIGITS) for value in relevance[:MOST_PLACES]]


def _losses(of: Ranked) -> Floats:
    """Return one loss a query; a query without a relevant row has none: no order of it is wrong."""
    relevant = np.maximum.reduceat(of.relevance, of.first) > 0
    return np.where(relevant, 1 - ndcg(of), 0.0)
