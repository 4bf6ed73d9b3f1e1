"""Curves of regression models: predicted against actual, and how the residuals spread."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.thin import MOST_DOTS, chosen_points, numbers
from mlops_runner.evaluate.metrics.names import quantile_of
from mlops_runner.evaluate.metrics.quantiles import covered_rows
from mlops_runner.evaluate.values import Floats, Sample
from mlops_runner.evaluate.weights import mean_of

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


def coverage_of(samples: Mapping[str, Sample], metrics: Sequence[str]) -> dict[str, Json]:
    """Return the share of targets that are not above the predictions, by model, and the quantiles they are to be.

    {} when no metric is about a quantile.
    """
    quantiles = sorted({quantile for metric in metrics if (quantile := quantile_of(metric)) is not None})
    if not quantiles:
        return {}
    shares: dict[str, Json] = {
        model: round(mean_of(covered_rows(one), one.weight), 9) for model, one in samples.items()
    }
    return {"coverage": {"quantiles": [*quantiles], "shares": shares}}


def _edges(residuals: Floats) -> Floats:
    """Bin edges over the range of the residuals, which is widened when it is too narrow to be divided."""
    low, high = float(residuals.min()), float(residuals.max())
    # The square root of the rows: more bins than that show chance.
    bins = min(MOST_BINS, max(5, math.isqrt(len(residuals))))
    narrowest = MOST_BINS * 4 * np.spacing(max(abs(low), abs(high), 1e-300))
    if high - low < narrowest:
        low, high = low - narrowest, high + narrowest
    return np.linspace(low, high, bins + 1)
