"""Trainer `sklearn`: an estimator of the catalogue, with its parameters checked before any data is read."""

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.validation import has_fit_parameter

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.task import PROBABILISTIC, Task
from mlops_runner.specs.training_trainers import SklearnTrainer
from mlops_runner.train.trainers.base import Fitted, Importance, Job, watched_side
from mlops_runner.train.trainers.catalogue import LABELLERS
from mlops_runner.train.trainers.curves import curve_of
from mlops_runner.train.trainers.monotone import directions
from mlops_runner.train.trainers.observed import heard, refused

WATCHED = "y_val"
# `n_jobs` is still in its signature, but setting it only gives a deprecation warning.
NO_THREADS = frozenset({"sklearn.linear_model.LogisticRegression"})


def train(trainer: SklearnTrainer, job: Job) -> Fitted:
    """Fit the estimator with the seed and the threads of the spec. Raises InvalidInput, StepFailed."""
    estimator = _build(trainer, job)
    _refuse_mute(estimator, trainer, job.schema.task)
    arguments = {**_weights(estimator, trainer, job), **_watched(trainer, job)}
    fit = partial(estimator.fit, job.train.x, job.train.y, **arguments)
    if job.schema.task == "multilabel" and trainer.estimator not in LABELLERS:
        estimator = MultiOutputClassifier(estimator)
        fit = partial(_fit_per_label, estimator, job, arguments)
    try:
        result = heard(fit, job.log)
    except (ValueError, TypeError) as error:
        raise refused(trainer.estimator, error) from error
    params = {**trainer.params, **({"random_state": job.seed} if "random_state" in estimator.get_params() else {})}
    return Fitted(
        estimator,
        trainer.estimator,
        params,
        _metrics(result, estimator),
        curve=curve_of(estimator),
        importance=_importance(estimator),
    )


def _fit_per_label(holder: MultiOutputClassifier, job: Job, arguments: dict[str, Any]) -> None:
    """Do what the holder's own fit does, with a side to watch that has one label, too."""
    x, y = job.train.x, job.train.y
    assert x is not None
    holder.estimators_, holder.n_features_in_ = [], x.shape[1]
    for at, name in enumerate(job.schema.targets):
        given = {key: value[:, at] if key == WATCHED else value for key, value in arguments.items()}
        try:
            holder.estimators_.append(clone(holder.estimator).fit(x, y[:, at], **given))
        except (ValueError, TypeError) as error:
            raise type(error)(f'label "{name}": {error}') from error
    holder.classes_ = [model.classes_ for model in holder.estimators_]


def _class(path: str) -> Any:
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)


def _build(trainer: SklearnTrainer, job: Job) -> Any:
    estimator = _class(trainer.estimator)()
    known = estimator.get_params(deep=False)
    params: dict[str, Any] = dict(trainer.params)
    if "random_state" in known:
        params["random_state"] = job.seed
    if "n_jobs" in known and trainer.estimator not in NO_THREADS:
        params["n_jobs"] = job.threads
    if trainer.monotone:
        params["monotonic_cst"] = list(directions(trainer.monotone, job))
    if trainer.early_stopping_rounds:
        params |= {"early_stopping": True, "n_iter_no_change": trainer.early_stopping_rounds}
    return estimator.set_params(**params)


def _refuse_mute(estimator: Any, trainer: SklearnTrainer, task: Task) -> None:
    if task in PROBABILISTIC and not hasattr(estimator, "predict_proba"):
        message = f"{trainer.estimator} gives no probabilities with these params"
        hint = "set params.loss to log_loss" if "loss" in estimator.get_params(deep=False) else None
        raise InvalidInput(Diagnostic("no-probabilities", message, hint=hint))


def _weights(estimator: Any, trainer: SklearnTrainer, job: Job) -> dict[str, Any]:
    if job.train.weight is None:
        return {}
    if not has_fit_parameter(estimator, "sample_weight"):
        what = "class_weight" if trainer.class_weight else f'the weight column "{job.schema.weight}"'
        message = f"{trainer.estimator} weighs no rows, so it cannot use {what}"
        hint = "choose another estimator, or " + ("remove it" if trainer.class_weight else "give it another role")
        raise InvalidInput(Diagnostic("no-weights", message, hint=hint))
    return {"sample_weight": job.train.weight}


def _watched(trainer: SklearnTrainer, job: Job) -> dict[str, Any]:
    if not trainer.early_stopping_rounds:
        return {}
    side = watched_side(job)
    weight = {} if side.weight is None else {"sample_weight_val": side.weight}
    return {"X_val": side.x, WATCHED: side.y, **weight}


def _metrics(result: Any, estimator: Any) -> dict[str, float | int]:
    metrics: dict[str, float | int] = {}
    iterations = [np.max(part.n_iter_) for part in _parts(estimator) if getattr(part, "n_iter_", None) is not None]
    if iterations:
        metrics["iterations"] = int(max(iterations))
        metrics["converged"] = int(not result.any_of("ConvergenceWarning"))
    if result.warnings:
        metrics["warnings"] = len(set(result.warnings))
    return metrics


def _parts(estimator: Any) -> list[Any]:
    """Return the models of the labels, or the one model."""
    return estimator.estimators_ if isinstance(estimator, MultiOutputClassifier) else [estimator]


def _importance(estimator: Any) -> Importance | None:
    if isinstance(estimator, MultiOutputClassifier):
        found = [one for one in map(_importance, estimator.estimators_) if one is not None]
        means = np.mean([one.values for one in found], axis=0).tolist() if found else []
        return Importance(found[0].kind, tuple(means)) if found else None
    coefficients = getattr(estimator, "coef_", None)
    if coefficients is not None and isinstance(coefficients, np.ndarray):
        # One row per class: the mean of their sizes is comparable between columns.
        return Importance("coefficient", tuple(np.abs(np.atleast_2d(coefficients)).mean(axis=0).tolist()))
    impurities = getattr(estimator, "feature_importances_", None)
    return None if impurities is None else Importance("impurity", tuple(np.asarray(impurities).tolist()))
