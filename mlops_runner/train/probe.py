"""The probe: rows whose predictions are recorded in the bundle, so that any later reader can check itself.

Some are rows of the data; others are made to try what data rarely holds: nothing but missing values, categories that no
training row had, the lowest and the highest numbers that were seen.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import MlopsError, NotVerified
from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.features import Feature, Schema
from mlops_runner.train.record import Seen
from mlops_runner.train.rows import frame_of, rows_of
from mlops_runner.train.signature import Prediction, Probe

DIGITS = 9
UNSEEN = "(unseen)"
NUMBERS = ("float", "int")

Values = dict[str, Any]


def probe_of(candidate: Candidate, frame: pl.DataFrame) -> Probe:
    """Predict the rows of `frame`, and the rows made from its first one. Raises as `predict` does for the former."""
    schema = candidate.schema
    rows: list[Values] = [dict(row) for row in rows_of(frame, schema)]
    about = ["from the data"] * len(rows)
    found = [_rounded(one) for one in predict(candidate, frame_of(rows, schema))]
    refused = []
    for name, row in _made(rows[0] if rows else _missing(schema), schema, candidate.record.seen):
        try:
            (answer,) = predict(candidate, frame_of([row], schema))
        except NotVerified:
            raise
        except (MlopsError, ValueError, TypeError):
            refused.append(name)
            continue
        rows.append(row)
        about.append(name)
        found.append(_rounded(answer))
    return Probe(rows=tuple(rows), predictions=tuple(found), about=tuple(about), refused=tuple(refused))


def _missing(schema: Schema) -> Values:
    return {feature.name: None for feature in schema.features}


def _made(row: Values, schema: Schema, seen: Mapping[str, Seen]) -> Iterator[tuple[str, Values]]:
    """Yield what a row tries, and the row; those that would be like the first are left out."""
    tried: dict[str, Callable[[Feature], Any]] = {
        "every value missing": lambda _: None,
        "unseen categories": lambda feature: UNSEEN if feature.type == "string" else row[feature.name],
        "lowest numbers": lambda feature: _end(feature, seen[feature.name].min, row),
        "highest numbers": lambda feature: _end(feature, seen[feature.name].max, row),
    }
    for name, value in tried.items():
        made = {feature.name: value(feature) for feature in schema.features}
        if made != row:
            yield name, made


def _end(feature: Feature, value: float | None, row: Values) -> Any:
    if feature.type not in NUMBERS or value is None:
        return row[feature.name]
    return int(value) if feature.type == "int" else value


def _rounded(row: NDArray[np.float64] | np.float64) -> Prediction:
    if isinstance(row, np.ndarray):
        return tuple(round(float(value), DIGITS) for value in row)
    return round(float(row), DIGITS)
