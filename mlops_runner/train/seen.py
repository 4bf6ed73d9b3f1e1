"""What the training rows held per feature: recorded so that a served row can be compared with them."""

from collections.abc import Collection

import polars as pl

from mlops_runner.train.features import MISSING
from mlops_runner.train.record import Seen, rounded
from mlops_runner.train.stored import AnyRows

MAX_CATEGORIES = 50


def seen_values(frame: AnyRows, personal: Collection[str]) -> dict[str, Seen]:
    """Summarise the matrix of the training rows; `personal` columns give their share of missing values only."""
    return {name: _seen(frame[name], name in personal) for name in frame.columns}


def _seen(series: pl.Series, personal: bool) -> Seen:
    if series.dtype == pl.String:
        missing = (series == MISSING).mean()
        categories = None if personal or series.n_unique() > MAX_CATEGORIES + 1 else _categories(series)
        return Seen(missing=_share(missing), categories=categories)
    known = series.drop_nans()
    missing = 1 - len(known) / len(series)
    if personal or not len(known):
        return Seen(missing=_share(missing))
    return Seen(missing=_share(missing), min=float(known.min()), max=float(known.max()))  # type: ignore[arg-type]


def _categories(series: pl.Series) -> tuple[str, ...]:
    return tuple(sorted(value for value in series.unique().to_list() if value != MISSING))


def _share(value: object) -> float:
    return rounded(float(value))  # type: ignore[arg-type]
