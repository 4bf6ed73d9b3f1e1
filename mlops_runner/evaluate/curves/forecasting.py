"""Curves of forecasts: some series as they were and as they were forecast, and how large the errors are over time."""

from collections.abc import Mapping

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.regression import regression_curves
from mlops_runner.evaluate.curves.thin import DIGITS, numbers
from mlops_runner.evaluate.timeline import Timeline
from mlops_runner.evaluate.values import BASELINE, CHAMPION, Floats, Integers, Sample

MOST_SHOWN, MOST_MOMENTS = 3, 240
MOST_SPANS, MOST_LISTED = 40, 20


def forecasting_curves(here: Mapping[str, Sample], winner: str, line: Timeline | None) -> dict[str, Json]:
    """Return the curves of one side. here: model -> sample of that side."""
    curves = regression_curves(here[winner])
    if line is None:
        return curves
    models = {name: here[name] for name in (winner, BASELINE, CHAMPION) if name in here}
    errors = {name: np.abs(sample.scores - sample.target) for name, sample in models.items()}
    worst = _by_error(errors[winner], line)
    return curves | {
        "paths": [_path(at, models, line) for at in _shown(worst)],
        "over_time": _over_time(errors, line),
        "by_series": {"count": len(worst), "worst": [_row(at, errors, line) for at in worst[:MOST_LISTED].tolist()]},
    }


def _by_error(errors: Floats, line: Timeline) -> Integers:
    """Return the series of the side by falling mean error; equal ones in their order."""
    rows = np.bincount(line.series, minlength=len(line.names))
    total = np.bincount(line.series, weights=errors, minlength=len(line.names))
    mean = total / np.maximum(rows, 1)
    order = np.argsort(-mean, kind="stable")
    return np.asarray(order[rows[order] > 0], dtype=np.int64)


def _shown(worst: Integers) -> list[int]:
    """Choose the worst, the middle and the best series."""
    if len(worst) <= MOST_SHOWN:
        return [int(at) for at in worst]
    return [int(worst[0]), int(worst[len(worst) // 2]), int(worst[-1])]


def _path(at: int, models: Mapping[str, Sample], line: Timeline) -> Json:
    """Return the last moments of a series, with what was and what each model said."""
    rows = np.flatnonzero(line.series == at)
    rows = rows[np.argsort(line.moment[rows], kind="stable")][-MOST_MOMENTS:]
    target = next(iter(models.values())).target
    predicted: dict[str, Json] = {name: numbers(sample.scores[rows]) for name, sample in models.items()}
    return {
        "series": line.names[at],
        "moments": [line.moments[moment] for moment in line.moment[rows].tolist()],
        "actual": numbers(target[rows]),
        "predicted": predicted,
    }


def _over_time(errors: Mapping[str, Floats], line: Timeline) -> Json:
    """Return the mean error of each model in spans of equally many moments."""
    spans = min(MOST_SPANS, len(line.moments))
    span = line.moment * spans // len(line.moments)
    first = [
        int(np.flatnonzero(np.arange(len(line.moments)) * spans // len(line.moments) == at)[0]) for at in range(spans)
    ]
    rows = np.bincount(span, minlength=spans)
    mae: dict[str, Json] = {
        name: numbers(np.bincount(span, weights=found, minlength=spans) / rows) for name, found in errors.items()
    }
    return {"from": [line.moments[at] for at in first], "rows": rows.tolist(), "mae": mae}


def _row(at: int, errors: Mapping[str, Floats], line: Timeline) -> Json:
    rows = line.series == at
    mae: dict[str, Json] = {name: round(float(found[rows].mean()), DIGITS) for name, found in errors.items()}
    return {"series": line.names[at], "rows": int(rows.sum()), "mae": mae}
