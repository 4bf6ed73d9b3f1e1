"""The naive forecast: what was, some steps ago, or a constant where that is not known."""

import json
import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.digest import Json, canonical_json
from mlops_runner.errors import Diagnostic, NotVerified

FORMAT = 1


@dataclass(frozen=True, slots=True)
class NaiveForecast:
    """Predicts the first of some columns that is known, else a constant."""

    columns: tuple[str, ...]
    otherwise: float

    def predict(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return one value a row. frame: the matrix, with NaN where a value is missing."""
        known = [pl.when(pl.col(name).is_not_nan()).then(pl.col(name)) for name in self.columns]
        found = frame.select(pl.coalesce([*known, pl.lit(self.otherwise)]).alias("found"))
        return found["found"].to_numpy().astype(np.float64)

    def encode(self) -> bytes:
        """Return the model as canonical JSON."""
        values: Json = {"format": FORMAT, "columns": list(self.columns), "otherwise": self.otherwise}
        return (canonical_json(values) + "\n").encode()


def decode(data: bytes) -> NaiveForecast:
    """Read what `encode` wrote. Raises NotVerified."""
    try:
        match json.loads(data):
            case {"format": 1, "columns": [*columns], "otherwise": int() | float() as otherwise} if (
                columns and all(isinstance(name, str) for name in columns) and math.isfinite(otherwise)
            ):
                return NaiveForecast(tuple(columns), float(otherwise))
    except ValueError:
        pass
    raise NotVerified(Diagnostic("unsafe-model", "model.json is not a naive forecast", hint="train again"))
