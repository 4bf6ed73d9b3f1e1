"""Curves of regression models: predicted against actual, and how the residuals spread."""

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.thin import MOST_DOTS, chosen_points, numbers
from mlops_runner.evaluate.values import Sample

RESIDUAL_BINS = 30


def regression_curves(sample: Sample) -> dict[str, Json]:
    """Return dots (rows evenly spread over the side) and the histogram of predicted minus actual, of all rows."""
    keep = chosen_points(len(sample.target), MOST_DOTS)
    residuals = sample.scores - sample.target
    counts, edges = np.histogram(residuals, RESIDUAL_BINS)
    return {
        "predicted": {"actual": numbers(sample.target[keep]), "predicted": numbers(sample.scores[keep])},
        "residuals": {"edges": numbers(edges), "counts": counts.tolist()},
    }
