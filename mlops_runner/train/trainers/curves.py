"""Learning curves that estimators of scikit-learn keep: the loss after each iteration."""

from typing import Any

from mlops_runner.train.trainers.base import Curve

LOSS = "loss"


def curve_of(estimator: Any) -> Curve:
    """Return side -> metric -> value after each iteration; {} for an estimator that keeps none."""
    name = type(estimator).__name__
    if name.startswith("HistGradientBoosting"):
        # Scores rise, and begin with that of the constant model.
        sides = {"train": estimator.train_score_, "validation": estimator.validation_score_}
        return {side: {LOSS: _plain(-scores[1:])} for side, scores in sides.items() if len(scores)}
    if name.startswith("GradientBoosting"):
        return {"train": {LOSS: _plain(estimator.train_score_)}}
    if name.startswith("MLP") and getattr(estimator, "loss_curve_", None):
        return {"train": {LOSS: _plain(estimator.loss_curve_)}}
    return {}


def _plain(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
