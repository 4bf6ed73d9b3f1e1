"""Small tables, specs and trained candidates for the tests of this room."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlops_runner.specs.data import Column
from mlops_runner.specs.training import Select, Training
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_trainers import SklearnTrainer, Trainer, XgboostTrainer
from mlops_runner.train.features import Feature, Schema, matrix
from mlops_runner.train.fit import FitResult, fit

TARGETS = {"binary": "string", "multiclass": "int", "regression": "float"}
FEATURES = {"age": "float", "rooms": "int", "city": "string", "vip": "bool", "day": "date", "never": "float"}
LINEAR = {
    **dict.fromkeys(("binary", "multiclass", "multilabel"), "LogisticRegression"),
    **dict.fromkeys(("regression", "ranking"), "Ridge"),
}


def table(rows: int, seed: int, task: str = "binary") -> pl.DataFrame:
    """Every type of column, missing values, a rare category, and a column that is never filled."""
    random = np.random.default_rng(seed)
    age, rooms = random.normal(size=rows), random.integers(0, 9, rows)
    city = random.choice(["Bonn", "Köln", "Aachen", "Rheinbach"], rows, p=[0.5, 0.3, 0.18, 0.02])
    score = 2 * age - rooms / 4 + (city == "Köln") + random.normal(size=rows) / 2
    targets = {
        "binary": np.where(score > -1, "yes", "no"),
        "multiclass": np.digitize(score, [-2, 0]) * 10,
        "regression": score,
    }
    days = [date(2024, 1, 1) + timedelta(days=int(d)) for d in random.integers(0, 300, rows)]
    frame = pl.DataFrame({"age": age, "rooms": rooms, "city": city, "vip": random.random(rows) > 0.5, "day": days})
    hidden = [pl.when(pl.col("rooms") != 3).then(pl.col(name)).alias(name) for name in ("age", "city", "vip", "day")]
    return frame.with_columns(*hidden, never=pl.lit(None, pl.Float64), y=pl.Series(targets[task]))


def columns(task: str = "binary", **others: Column) -> dict[str, Column]:
    """The declared columns of `table`."""
    features = {name: Column(type=kind, max_missing=1.0) for name, kind in FEATURES.items()}
    return {**features, "y": Column(type=TARGETS[task], role="target"), **others}


def schema(task: str = "binary", **types: str) -> Schema:
    """A schema with the given features, or those of `table`."""
    classes = {"binary": ("no", "yes"), "multiclass": (0, 10, 20), "regression": ()}[task]
    features = tuple(Feature(name, kind) for name, kind in (types or FEATURES).items())
    return Schema(task, "y", "yes" if task == "binary" else None, classes, features)


def sklearn(estimator: str, **params: Any) -> SklearnTrainer:
    return SklearnTrainer(trainer="sklearn", estimator=f"sklearn.{estimator}", params=params)


def xgboost(rounds: int = 10, stop: int | None = None, **params: Any) -> XgboostTrainer:
    return XgboostTrainer(trainer="xgboost", rounds=rounds, early_stopping_rounds=stop, params=params)


def linear(task: str = "binary") -> SklearnTrainer:
    return sklearn(f"linear_model.{LINEAR[task]}")


def training(task: str = "binary", **fields: Any) -> Training:
    fixed: dict[str, Any] = {
        "apiVersion": "mlops/v1",
        "kind": "Training",
        "name": "churn",
        "task": task,
        "seed": 7,
        "positive": "yes" if task == "binary" else None,
        "select": Select(metric="roc_auc"),
        "baseline": linear(task),
        "candidates": {"one": linear(task)},
    }
    return Training(**{**fixed, **fields})


def preprocessing(**kinds: dict[str, Any]) -> Preprocessing:
    return Preprocessing.model_validate(kinds)


def by_hand(task: str = "binary") -> tuple[np.ndarray, np.ndarray]:
    """The rows of `trained` as a plain script would prepare them: training and validation side."""
    reads = schema(task)
    numbers, texts = [*reads.numeric, *reads.dates], list(reads.categorical)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    transformer = ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, StandardScaler()), numbers),
            ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        ]
    )
    frames = [matrix(table(rows, seed, task), reads) for rows, seed in ((200, 1), (100, 2))]
    transformer.fit(frames[0])
    train, validation = (np.ascontiguousarray(transformer.transform(frame)) for frame in frames)
    return train, validation


def write_sides(folder: Path, task: str = "binary", rows: int = 200) -> Path:
    """Write train.parquet and validation.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    table(rows, 1, task).write_parquet(folder / "train.parquet")
    table(rows // 2, 2, task).write_parquet(folder / "validation.parquet")
    return folder


def trained(
    folder: Path, trainer: Trainer, task: str = "binary", log: Callable[[str], None] = lambda _: None, **fields: Any
) -> tuple[FitResult, Path]:
    """Train on `table` and return the result and the candidate's folder."""
    data = folder / "data" if (folder / "data").exists() else write_sides(folder / "data", task)
    spec = training(task, **{"preprocessing": preprocessing(numeric={"scale": "standard"}), **fields})
    return fit(spec, trainer, columns(task), data, folder / "candidate", log), folder / "candidate"
