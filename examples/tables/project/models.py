"""Models: one is fitted, and says what it thinks of rows that it has not seen."""

from pathlib import Path
from typing import Any

import polars as pl
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from project.tables import TARGET


def fit(
    train: Path, test: Path, predictions: Path, *, model: str, settings: dict[str, Any], seed: int
) -> dict[str, int]:
    """Fit a model to one part, and write the classes of the other part: those that are, those that it says."""
    known, held = (pl.read_csv(path, schema_overrides={TARGET: pl.String}) for path in (train, test))
    estimator = make_pipeline(StandardScaler(), make(model, settings, seed))
    estimator.fit(known.drop(TARGET).to_numpy(), known[TARGET].to_list())
    said = estimator.predict(held.drop(TARGET).to_numpy())
    pl.DataFrame({TARGET: held[TARGET], "predicted": [str(value) for value in said]}).write_csv(predictions)
    return {"features": known.width - 1, "rows": known.height}


def make(model: str, settings: dict[str, Any], seed: int) -> ClassifierMixin:
    """Return an estimator by its name here."""
    match model:
        case "logistic":
            return LogisticRegression(max_iter=500, **settings)
        case "neighbours":
            return KNeighborsClassifier(**settings)
        case "centroid":
            return NearestCentroid(**settings)
        case "forest":
            return RandomForestClassifier(random_state=seed, **settings)
        case "boosted":
            return HistGradientBoostingClassifier(random_state=seed, **settings)
    raise ValueError(f"no model is called {model}")
