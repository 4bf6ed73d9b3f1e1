"""The baseline: what is sold most stands first."""

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression


def train(x: pl.DataFrame, y: np.ndarray, *, seed: int) -> LinearRegression:  # noqa: ARG001
    """Rank by sales alone."""
    return LinearRegression().fit(x.select("sold"), y)
