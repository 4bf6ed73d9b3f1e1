"""Calibration: a map from the probabilities of a model to the shares that were seen, learned on the validation side.

Sigmoid is Platt's: p -> 1 / (1 + exp(-(slope * logit(p) + intercept))), with his corrected targets (Platt 1999; Newton
steps as in Lin, Lin and Weng 2007). Isotonic is the best non-decreasing map, by pool-adjacent-violators. Several
classes are calibrated one against the rest, and divided by their sum; several labels each on its own.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.base import Part
from mlops_runner.train.features import Schema

# Probabilities of 0 and 1 have no logit.
EDGE = 1e-12
STEPS = 100
FEW_ROWS = 1_000


class Sigmoid(Part):
    """Slope and intercept of each class or label; of the positive class alone in a binary task."""

    kind: Literal["sigmoid"] = "sigmoid"
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]

    def column(self, index: int, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map the probabilities of one class."""
        return _squashed(self.slopes[index] * _logit(p) + self.intercepts[index])


class Isotonic(Part):
    """Corners of the map of each class: from probability `given` to `seen`, straight between, flat outside."""

    kind: Literal["isotonic"] = "isotonic"
    given: tuple[tuple[float, ...], ...]
    seen: tuple[tuple[float, ...], ...]

    def column(self, index: int, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map the probabilities of one class."""
        return np.asarray(np.interp(p, self.given[index], self.seen[index]), dtype=np.float64)


Calibration = Annotated[Sigmoid | Isotonic, Field(discriminator="kind")]


def fit_calibration(
    method: str, schema: Schema, found: NDArray[np.float64], y: NDArray[Any], weight: NDArray[Any] | None
) -> Calibration:
    """Learn the map. found: probabilities of the validation side, (rows,) or (rows, classes or labels).

    Raises InvalidInput.
    """
    if schema.task == "multilabel":
        _refuse_absent(schema, y)
        return _fitted(method, found, list(y.T == 1), weight)
    counts = np.bincount(y, minlength=len(schema.classes))
    if absent := [str(name) for name, count in zip(schema.classes, counts, strict=True) if not count]:
        message = f"calibrate needs every class on the validation side, and {', '.join(absent[:5])} is not there"
        raise InvalidInput(Diagnostic("missing-class", message, hint="stratify the split, or calibrate: none"))
    columns = found[:, None] if found.ndim == 1 else found
    hits = [y == index for index in (range(len(schema.classes)) if found.ndim > 1 else [1])]
    return _fitted(method, columns, hits, weight)


def _refuse_absent(schema: Schema, y: NDArray[Any]) -> None:
    """Raise InvalidInput for labels that all rows have, or none: there is no line between what is not there."""
    counts = y.sum(axis=0)
    if absent := [name for name, count in zip(schema.targets, counts, strict=True) if not 0 < count < len(y)]:
        side = "rows with and without it on the validation side"
        message = f'calibrate needs, for each label, {side}; "{absent[0]}" is the same in all of them'
        raise InvalidInput(Diagnostic("missing-class", message, hint="split otherwise, or calibrate: none"))


def _fitted(
    method: str, columns: NDArray[np.float64], hits: list[NDArray[np.bool_]], weight: NDArray[Any] | None
) -> Calibration:
    weights = np.ones(len(columns)) if weight is None else weight
    if method == "sigmoid":
        lines = [_line(p, hit, weights) for p, hit in zip(columns.T, hits, strict=True)]
        return Sigmoid(slopes=tuple(a for a, _ in lines), intercepts=tuple(b for _, b in lines))
    steps = [_steps(p, hit, weights) for p, hit in zip(columns.T, hits, strict=True)]
    return Isotonic(given=tuple(x for x, _ in steps), seen=tuple(y for _, y in steps))


def calibrated_labels(calibration: Calibration, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities of the same shape, (rows, labels)."""
    return np.column_stack([calibration.column(index, p) for index, p in enumerate(found.T)])


def calibrated(calibration: Calibration, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities of the same shape."""
    if found.ndim == 1:
        return calibration.column(0, found)
    mapped = calibrated_labels(calibration, found)
    total = mapped.sum(axis=1, keepdims=True)
    # Where every class says 0, none is likelier than another.
    return np.asarray(np.divide(mapped, total, out=np.full_like(mapped, 1 / mapped.shape[1]), where=total > 0))


def say_how_much(method: str, rows: int, log: Callable[[str], None]) -> None:
    """Warn of a map that has too little to learn from."""
    if method == "isotonic" and rows < FEW_ROWS:
        log(f"calibrate: isotonic learns from {rows} validation rows; below {FEW_ROWS} sigmoid is the safer choice")


def _line(p: NDArray[np.float64], hit: NDArray[np.bool_], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept with the greatest likelihood, by Newton's method with halved steps."""
    x = _logit(p)
    hits, misses = weight[hit].sum(), weight[~hit].sum()
    aim = np.where(hit, (hits + 1) / (hits + 2), 1 / (misses + 2))
    slope, intercept = 0.0, float(np.log((hits + 1) / (misses + 1)))
    loss = _loss(x, aim, weight, slope, intercept)
    for _ in range(STEPS):
        q = _squashed(slope * x + intercept)
        error, spread = weight * (q - aim), weight * np.maximum(q * (1 - q), EDGE)
        gradient = np.array([(error * x).sum(), error.sum()])
        across = (spread * x).sum()
        curvature = np.array([[(spread * x * x).sum() + EDGE, across], [across, spread.sum() + EDGE]])
        step = np.linalg.solve(curvature, gradient)
        if gradient @ step < EDGE * (1 + loss):  # what a step still gains is lost in rounding
            return float(slope), float(intercept)
        scale = 1.0
        while (new := _loss(x, aim, weight, slope - scale * step[0], intercept - scale * step[1])) > loss:
            scale /= 2
            if scale < EDGE:
                return float(slope), float(intercept)
        slope, intercept, loss = slope - scale * step[0], intercept - scale * step[1], new
    raise StepFailed(Diagnostic("not-calibrated", f"calibrate: sigmoid found no line in {STEPS} steps"))


def _loss(
    x: NDArray[np.float64], aim: NDArray[np.float64], weight: NDArray[np.float64], slope: float, intercept: float
) -> float:
    z = slope * x + intercept
    return float((weight * (np.logaddexp(0, z) - aim * z)).sum())


def _steps(
    p: NDArray[np.float64], hit: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(p, hit.astype(np.float64), sample_weight=weight)
    return tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_))


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(p, EDGE, 1 - EDGE)
    return np.log(inside) - np.log1p(-inside)


def _squashed(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-np.logaddexp(0, -z)))
