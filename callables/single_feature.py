"""A baseline that a person could apply by hand: one measurement, one curve.

The trainer's contract: `train(x, y, *, seed, **params)` receives the feature columns as a polars.DataFrame and the
target as an array (1 = positive), and returns a fitted estimator.
"""

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


def train(x: pl.DataFrame, y: np.ndarray, *, seed: int, feature: str) -> Pipeline:
    """Fit a logistic curve on a single feature."""
    only = ColumnTransformer([("feature", StandardScaler(), [x.columns.index(feature)])])
    return Pipeline([("only", only), ("curve", LogisticRegression(random_state=seed))]).fit(x.to_numpy(), y)
