"""Format of boosters: XGBoost's UBJSON. Its parser is not memory-safe: only bytes with a checked digest come here."""

from typing import Any

import numpy as np
import polars as pl
import xgboost
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified
from mlops_runner.train.features import Schema


def dump(model: Any) -> bytes:
    """Return the booster as UBJSON: trees and objective, without threads or training state."""
    return bytes(model.save_raw("ubj"))


def load(data: bytes, family: str) -> Any:  # noqa: ARG001
    """Build a booster that predicts with one thread. Raises NotVerified."""
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise NotVerified(Diagnostic("unsafe-model", "model.ubj is not a booster", hint="train again")) from error
    booster.set_param({"nthread": 1})
    return booster


def predict(model: Any, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:  # noqa: ARG001
    """Return the booster's own output as float64. Raises InvalidInput when it does not fit the columns."""
    values = _floats(model, frame) if x is None else x
    if values.shape[1] != model.num_features():
        message = f"the booster reads {model.num_features()} columns, the features give {values.shape[1]}"
        raise InvalidInput(Diagnostic("wrong-width", message, hint="set feature_names on the DMatrix it is trained on"))
    return np.asarray(model.inplace_predict(values, validate_features=False), dtype=np.float64)


def _floats(model: Any, frame: pl.DataFrame) -> NDArray[Any]:
    columns = list(model.feature_names or frame.columns)
    given = dict(frame.schema)
    texts = [name for name in columns if given.get(name) != pl.Float64]
    if texts:
        message = f'a booster reads numbers, and "{texts[0]}" is text or not a feature'
        raise InvalidInput(Diagnostic("wrong-type", message, hint="train on numeric columns and set feature_names"))
    return np.ascontiguousarray(frame.select(columns).to_numpy(), dtype=np.float64)
