"""The queries of a ranking: numbered for trainers and metrics, kept whole, and worth ranking."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.train.features import Schema
from mlops_runner.train.trainers.base import Side

Codes = NDArray[np.int64]
MASKED = "***"
HINT = "split: {kind: group, group: %s, seed: 1} keeps the rows of a query together"


def query_codes(values: pl.Series) -> Codes:
    """Number the queries from 0, in the order in which they come first; shape (rows,). Raises InvalidInput."""
    missing = values.null_count() + (int(values.is_nan().sum()) if values.dtype.is_float() else 0)
    if missing:
        message = f'query column "{values.name}" is missing in {missing} of {len(values)} rows'
        raise InvalidInput(Diagnostic("missing-query", message, hint="filter those rows out in the data spec"))
    known = values.unique(maintain_order=True)
    numbers = pl.Series(range(len(known)), dtype=pl.Int64)
    return np.ascontiguousarray(values.replace_strict(known, numbers, return_dtype=pl.Int64).to_numpy())


def refuse_torn(sides: Mapping[str, pl.Series], masked: bool) -> None:
    """Raise InvalidInput when rows of one query are on two sides. sides: name -> the query of each of its rows."""
    earlier: list[tuple[str, pl.Series]] = []
    for side, values in sides.items():
        here = values.unique(maintain_order=True)
        for other, theirs in earlier:
            torn = here.filter(here.is_in(theirs.implode()))
            if len(torn):
                raise InvalidInput(_torn(values.name, torn, (other, side), masked))
        earlier.append((side, here))


def _torn(name: str, torn: pl.Series, sides: tuple[str, str], masked: bool) -> Diagnostic:
    shown = MASKED if masked else ", ".join(repr(value) for value in torn.head(3).to_list())
    more = f" and {len(torn) - 3} more" if len(torn) > 3 and not masked else ""
    number = "1 query has" if len(torn) == 1 else f"{len(torn)} queries have"
    message = f'{number} rows on the {sides[0]} and on the {sides[1]} side ("{name}": {shown}{more})'
    return Diagnostic("torn-query", message, hint=HINT % name)


def refuse_unordered(relevance: NDArray[np.float64], query: Codes, schema: Schema) -> None:
    """Raise InvalidInput when every query has rows of one relevance only, so that no order is better than another."""
    order = np.lexsort((relevance, query))
    same = query[order][1:] == query[order][:-1]
    if not (same & (relevance[order][1:] != relevance[order][:-1])).any():
        message = f'target "{schema.target}" is the same in all rows of each training query: there is no order to learn'
        hint = f'look at "{schema.query}": a query needs rows of different relevance'
        raise InvalidInput(Diagnostic("no-order", message, hint=hint))


def by_query(side: Side, schema: Schema) -> Side:
    """Return the rows query after query, as XGBoost reads them, with one weight a query.

    Rows of a query keep their order. Raises StepFailed when the weights of a query differ: its rows are learned from in
    pairs, so that none of them has a weight of its own.
    """
    assert side.query is not None
    order = np.argsort(side.query, kind="stable")
    x = None if side.x is None else side.x[order]
    found = replace(side, frame=side.frame[order], x=x, y=side.y[order], query=side.query[order])
    if side.weight is None:
        return found
    refuse_uneven(side.weight, side.query, str(schema.weight))
    query = side.query[order]
    first = np.flatnonzero(np.concatenate([[True], query[1:] != query[:-1]]))
    return replace(found, weight=side.weight[order][first])


def refuse_uneven(weight: NDArray[np.float64], query: Codes, column: str) -> None:
    """Raise StepFailed when the weights of a query differ."""
    _, first, place = np.unique(query, return_index=True, return_inverse=True)
    if (weight != weight[first][place]).any():
        message = f'weight column "{column}" differs within a query; a ranking weighs whole queries'
        raise StepFailed(Diagnostic("uneven-weights", message, hint="give all rows of a query the same weight"))
