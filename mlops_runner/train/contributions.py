"""What each feature contributes to a booster's predictions (Lundberg 2018: TreeSHAP, computed by XGBoost itself)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.train.artifacts import Candidate
from mlops_runner.train.features import matrix
from mlops_runner.train.formats.base import BOOSTER, file_name
from mlops_runner.train.preprocess import Fitted


def contributions(candidate: Candidate, frame: pl.DataFrame) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return features and their contributions to the margin, shape (rows, features); None for other models.

    Columns that were made of one feature are added up. Of several classes, the margin of the likeliest counts; several
    labels are so many rows. None, too, for trees that say all labels at once: XGBoost does not divide those.
    """
    if file_name(candidate.model) != BOOSTER or not frame.height:
        return None
    import xgboost

    features = matrix(frame, candidate.schema)
    names, values = _inputs(candidate, features)
    model = candidate.model
    kinds = {"feature_names": model.feature_names, "feature_types": model.feature_types}
    data = xgboost.DMatrix(values, nthread=1, enable_categorical="c" in (model.feature_types or ()), **kinds)
    try:
        found = np.asarray(model.predict(data, pred_contribs=True), dtype=np.float64)
    except xgboost.core.XGBoostError:
        if candidate.schema.task == "multilabel":
            return None
        raise
    if candidate.schema.task == "multilabel":
        found = found.reshape(-1, found.shape[-1])
    elif found.ndim == 3:
        likeliest = found.sum(axis=2).argmax(axis=1)
        found = found[np.arange(len(found)), likeliest]
    return _per_feature(names, found[:, :-1])


def _inputs(candidate: Candidate, features: pl.DataFrame) -> tuple[list[str], NDArray[Any]]:
    """Return the feature behind each column of the booster, and the columns."""
    if candidate.preprocess is None:
        columns = list(candidate.model.feature_names or features.columns)
        return columns, np.ascontiguousarray(features.select(columns).to_numpy(), dtype=np.float64)
    values = np.ascontiguousarray(candidate.preprocess.transform(features), dtype=np.float64)
    if isinstance(candidate.preprocess, Fitted):
        return [output.feature for output in candidate.preprocess.outputs], values
    known = candidate.record.importance
    if known is not None and len(known.outputs) == values.shape[1]:
        return [output.feature for output in known.outputs], values
    return [str(name) for name in candidate.model.feature_names or range(values.shape[1])], values


def _per_feature(names: Sequence[str], values: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
    merged = list(dict.fromkeys(names))
    summed = np.zeros((len(values), len(merged)))
    for at, name in enumerate(names):
        summed[:, merged.index(name)] += values[:, at]
    return merged, summed
