"""Format of naive forecasts: the names of their columns and one number, as JSON."""

from typing import Any

import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.train.features import Schema
from mlops_runner.train.naive import NaiveForecast, decode


def dump(model: NaiveForecast) -> bytes:
    """Return the model as canonical JSON."""
    return model.encode()


def load(data: bytes, family: str) -> NaiveForecast:  # noqa: ARG001
    """Build a model. Raises NotVerified."""
    return decode(data)


def predict(model: NaiveForecast, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:  # noqa: ARG001
    """Return one value a row. Raises InvalidInput when the frame has no such columns."""
    if absent := [name for name in model.columns if name not in frame.columns]:
        message = f'the naive forecast reads "{absent[0]}", which is not a feature'
        raise InvalidInput(Diagnostic("missing-column", message, hint="name features under columns"))
    return model.predict(frame)
