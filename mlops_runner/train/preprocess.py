"""Preprocessing per column kind, fitted on the training rows only and stored with the model."""

import warnings
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.training import CategoricalPreprocessing, NumericPreprocessing, Preprocessing
from mlops_runner.train.features import Output, Schema

# 2 GiB of float64. The result is dense, because half of the trainers cannot read anything else.
MAX_CELLS = 2**28
RARE = "(rare)"


def fit_preprocessing(spec: Preprocessing, schema: Schema, frame: pl.DataFrame) -> Any:
    """Fit a sklearn ColumnTransformer on the matrix of the training rows.

    Columns that are constant or never filled are kept: the width of the result depends on the schema and on the
    categories alone. Raises StepFailed when one-hot encoding would not fit into memory.
    """
    _refuse_explosion(spec.categorical, schema, frame)
    parts: list[tuple[str, Any, list[str]]] = []
    if numbers := [*schema.numeric, *schema.dates]:
        parts.append(("numeric", _numeric(spec.numeric), numbers))
    if schema.categorical:
        parts.append(("categorical", _categorical(spec.categorical), list(schema.categorical)))
    with warnings.catch_warnings():
        # Scaling a column without any value, kept as missing on request, divides nothing by nothing.
        warnings.filterwarnings("ignore", "All-NaN|Degrees of freedom|invalid value", RuntimeWarning)
        return ColumnTransformer(parts, sparse_threshold=0, verbose_feature_names_out=False).fit(frame)


def transform(transformer: Any, frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return shape (rows, outputs), dense. An unseen category is all zeros (one_hot) or -1 (ordinal)."""
    return np.ascontiguousarray(transformer.transform(frame), dtype=np.float64)


def outputs_of(transformer: Any) -> tuple[Output, ...]:
    """Name the columns of the result, in order: `age`, `city=Bonn`, `city=(rare)`."""
    found: list[Output] = []
    for name, fitted, columns in transformer.transformers_:
        if name == "categorical" and isinstance(fitted, OneHotEncoder):
            found += [output for i, column in enumerate(columns) for output in _one_hot_outputs(fitted, i, column)]
        elif name in {"numeric", "categorical"}:
            found += [Output(column, column, name == "numeric") for column in columns]
    return tuple(found)


def _one_hot_outputs(encoder: Any, index: int, column: str) -> list[Output]:
    rare: Any = encoder.infrequent_categories_[index] if encoder.min_frequency else None
    pooled = set() if rare is None else set(rare)
    kept = [category for category in encoder.categories_[index] if category not in pooled]
    return [Output(f"{column}={category}", column) for category in kept + ([RARE] if pooled else [])]


def _numeric(spec: NumericPreprocessing) -> Any:
    steps: list[tuple[str, Any]] = []
    match spec.impute:
        case "mean" | "median":
            # An all-missing column has no mean: without keep_empty_features it would vanish from the result.
            steps.append(("impute", SimpleImputer(strategy=spec.impute, keep_empty_features=True)))
        case "zero":
            steps.append(("impute", SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)))
    match spec.scale:
        case "standard":
            steps.append(("scale", StandardScaler()))
        case "robust":
            steps.append(("scale", RobustScaler()))
    return Pipeline(steps) if steps else "passthrough"


def _categorical(spec: CategoricalPreprocessing) -> Any:
    # None and 1 mean the same to sklearn, but only None keeps the pooling code path out.
    pooled = spec.min_count if spec.min_count > 1 else None
    if spec.encode == "one_hot":
        return OneHotEncoder(handle_unknown="ignore", min_frequency=pooled, sparse_output=False)
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=pooled)


def _refuse_explosion(spec: CategoricalPreprocessing, schema: Schema, frame: pl.DataFrame) -> None:
    if spec.encode != "one_hot" or not schema.categorical:
        return
    counts = {name: _frequent(frame[name], spec.min_count) for name in schema.categorical}
    width = sum(counts.values())
    if width * frame.height > MAX_CELLS:
        worst = max(counts, key=lambda name: counts[name])
        raise StepFailed(
            Diagnostic(
                "too-many-categories",
                f"one_hot gives {width} columns for {frame.height} rows, more than fits into memory; "
                f'"{worst}" alone has {counts[worst]} categories',
                hint=f'use encode: ordinal, raise min_count, or give "{worst}" the role ignored',
            )
        )


def _frequent(series: pl.Series, min_count: int) -> int:
    counts = series.value_counts()["count"]
    return int((counts >= min_count).sum()) + int((counts < min_count).any())
