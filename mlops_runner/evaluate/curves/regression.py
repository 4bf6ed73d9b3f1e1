"""Curves of regression models: predicted against actual, and how the residuals spread."""

import math

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.thin import MOST_DOTS, chosen_points, numbers
from mlops_runner.evaluate.values import Floats, Sample

MOST_BINS = 30


def regression_curves(sample: Sample) -> dict[str, Json]:
    """Return dots (rows evenly spread over the side) and the histogram of predicted minus actual, of all rows."""
    keep = chosen_points(len(sample.target), MOST_DOTS)
    residuals = sample.scores - sample.target
    counts, edges = np.histogram(residuals, _edges(residuals))
    return {
        "predicted": {"actual": numbers(sample.target[keep]), "predicted": numbers(sample.scores[keep])},
        "residuals": {"edges": numbers(edges), "counts": counts.tolist()},
    }


def _edges(residuals: Floats) -> Floats:
    """Bin edges over the range of the residuals, which is widened when it is too narrow to be divided."""
    low, high = float(residuals.min()), float(residuals.max())
    # The square root of the rows: more bins than that show chance.
    bins = min(MOST_BINS, max(5, math.isqrt(len(residuals))))
    narrowest = MOST_BINS * 4 * np.spacing(max(abs(low), abs(high), 1e-300))
    if high - low < narrowest:
        low, high = low - narrowest, high + narrowest
    return np.linspace(low, high, bins + 1)
