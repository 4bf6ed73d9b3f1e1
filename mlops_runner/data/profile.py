"""The profile of a data set: what the training rows look like, column by column, small enough to review."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.digest import Json
from mlops_runner.specs.data import Column

# Raise it when the meaning or shape of an entry changes; readers of older files must keep working.
PROFILE_VERSION = 1
QUANTILES = 11
MOST_CATEGORIES = 50
DIGITS = 9


def profile(train: pl.DataFrame, columns: Mapping[str, Column], rows: Mapping[str, int]) -> Json:
    """Describe the train side; `rows` counts every side. Personal data and ids contribute counts, never values."""
    described: dict[str, Json] = {name: _column(train[name], column) for name, column in columns.items()}
    return {"profile_version": PROFILE_VERSION, "rows": dict(rows), "columns": described}


def _column(values: pl.Series, column: Column) -> Json:
    known = values.drop_nulls()
    counts: dict[str, Json] = {
        "type": column.type,
        "role": column.role,
        "rows": len(values),
        "missing": values.null_count(),
        "unique": known.n_unique(),
    }
    private = "pii" in column.tags or column.role == "id"
    return counts if private or not len(known) else {**counts, **_values(known, column)}


def _values(known: pl.Series, column: Column) -> dict[str, Json]:
    match column.type:
        case "float" | "int":
            return _numbers(np.sort(known.to_numpy()))
        case "string" | "bool":
            return _categories(known)
        case "date" | "datetime":
            return {"min": _moment(known.min()), "max": _moment(known.max())}


def _numbers(ordered: NDArray[Any]) -> dict[str, Json]:
    """Describe sorted numbers, shape (known rows,); bin i counts edges[i] <= x < edges[i + 1], the last one its end.

    Edges are values of the column (the lower ones of each quantile), so that no interpolation has to agree elsewhere.
    """
    at = np.arange(QUANTILES) * (len(ordered) - 1) // (QUANTILES - 1)
    edges = [_rounded(value) for value in ordered[at].tolist()]
    inner = np.searchsorted(ordered, np.array(edges[1:-1], dtype=ordered.dtype), side="left")
    counts = np.diff(np.concatenate(([0], inner, [len(ordered)])))
    mean, deviation = _moments(ordered)
    low, high = edges[0], edges[-1]
    return {"min": low, "max": high, "mean": mean, "std": deviation, "edges": edges, "counts": counts.tolist()}


def _moments(ordered: NDArray[Any]) -> tuple[float | None, float | None]:
    """Return the mean and the standard deviation (n - 1); scaled, because squares of large floats overflow."""
    scale = float(np.abs(ordered.astype(np.float64)).max()) or 1.0
    scaled = ordered / scale
    mean = float(scaled.mean())
    spread = float(np.square(scaled - mean).sum())
    deviation = math.sqrt(spread / (len(ordered) - 1)) if len(ordered) > 1 else 0.0
    return _finite(mean * scale), _finite(deviation * scale)


def _finite(value: float) -> float | None:
    return float(_rounded(value)) if math.isfinite(value) else None


def _rounded(value: float) -> float | int:
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


def _categories(known: pl.Series) -> dict[str, Json]:
    """Count the most frequent values, ties in the order of the values; `other` counts the rows of the rest."""
    counted = known.rename("value").value_counts(name="count").sort(["count", "value"], descending=[True, False])
    top: list[Json] = [{"value": value, "count": count} for value, count in counted.head(MOST_CATEGORIES).iter_rows()]
    return {"categories": top, "other": int(counted["count"].slice(MOST_CATEGORIES).sum())}


def _moment(value: Any) -> str:
    return str(value.isoformat())
