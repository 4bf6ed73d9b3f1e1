"""Trainer `sklearn`: an estimator of the catalogue, with its parameters checked before any data is read."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.task import CLASSIFYING, Task
from mlops_runner.specs.training_trainers import SklearnTrainer
from mlops_runner.train.trainers.base import Fitted, Importance, Job, watched_side
from mlops_runner.train.trainers.catalogue import ESTIMATORS
from mlops_runner.train.trainers.curves import curve_of
from mlops_runner.train.trainers.monotone import directions
from mlops_runner.train.trainers.observed import heard, refused

# Given by the spec itself: a second place for the same value could contradict the first.
GIVEN = {"random_state": "seed", "n_jobs": "threads"}
# `n_jobs` is still in its signature, but setting it only gives a deprecation warning.
NO_THREADS = frozenset({"sklearn.linear_model.LogisticRegression"})
# These can watch the validation side; others that stop early set rows of the training side apart.
STOPPING = frozenset(
    {
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.HistGradientBoostingRegressor",
    }
)
STOPPED_BY = ("early_stopping", "n_iter_no_change", "validation_fraction", "scoring")


def check(trainer: SklearnTrainer, task: Task) -> tuple[Diagnostic, ...]:
    """Complain about an estimator that is not listed, does not fit the task, or has no such parameter."""
    entry = ESTIMATORS.get(trainer.estimator)
    if entry is None:
        return (_unknown_estimator(trainer.estimator, task),)
    wanted = "classifier" if task in CLASSIFYING else "regressor"
    if entry.kind != wanted:
        message = f"{trainer.estimator} is a {entry.kind}; a {task} task needs a {wanted}"
        other = trainer.estimator.replace(entry.kind.capitalize(), wanted.capitalize())
        hint = f'did you mean "{other}"?' if other in ESTIMATORS and other != trainer.estimator else None
        return (Diagnostic("wrong-task", message, hint=hint),)
    return (*_check_params(trainer), *_check_fields(trainer))


def train(trainer: SklearnTrainer, job: Job) -> Fitted:
    """Fit the estimator with the seed and the threads of the spec. Raises InvalidInput, StepFailed."""
    if problems := check(trainer, job.schema.task):
        raise InvalidInput(problems)
    estimator = _build(trainer, job)
    _refuse_mute(estimator, trainer, job.schema.task)
    arguments = {**_weights(estimator, trainer, job), **_watched(trainer, job)}
    try:
        result = heard(partial(estimator.fit, job.train.x, job.train.y, **arguments), job.log)
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


def _unknown_estimator(path: str, task: Task) -> Diagnostic:
    message = f'estimator "{path}" is not in the list of those that can be stored without executable code'
    same_name = [known for known in ESTIMATORS if known.rsplit(".", 1)[1] == path.rsplit(".", 1)[-1]]
    wanted = "classifier" if task in CLASSIFYING else "regressor"
    fitting = [known for known, entry in ESTIMATORS.items() if entry.kind == wanted]
    hint = f'did you mean "{same_name[0]}"?' if same_name else nearest(path, fitting) or nearest(path, ESTIMATORS)
    return Diagnostic("unknown-estimator", message, hint=hint or "or use a trainer of kind python or xgboost")


def _check_params(trainer: SklearnTrainer) -> list[Diagnostic]:
    known = _class(trainer.estimator)().get_params(deep=False)
    problems = []
    for name in trainer.params:
        if name in GIVEN:
            message = f'param "{name}" of {trainer.estimator} is set from the key {GIVEN[name]}'
            problems.append(Diagnostic("given-elsewhere", message, hint=f"remove it; set {GIVEN[name]} in the spec"))
        elif name not in known:
            message = f'{trainer.estimator} has no param "{name}"'
            hint = nearest(name, known) or f"known params: {', '.join(sorted(set(known) - set(GIVEN)))}"
            problems.append(Diagnostic("unknown-param", message, hint=hint))
    return problems


def _check_fields(trainer: SklearnTrainer) -> Iterator[Diagnostic]:
    known = _class(trainer.estimator)().get_params(deep=False)
    if trainer.class_weight is not None and "class_weight" in trainer.params:
        message = f'the key class_weight and param "class_weight" of {trainer.estimator} both weigh the classes'
        yield Diagnostic("given-twice", message, hint="remove the param")
    if trainer.monotone and "monotonic_cst" not in known:
        hint = f"these can: {', '.join(sorted(_able('monotonic_cst', ESTIMATORS[trainer.estimator].kind)))}; or xgboost"
        yield Diagnostic("no-monotone", f"{trainer.estimator} cannot hold a column to one direction", hint=hint)
    if trainer.early_stopping_rounds and trainer.estimator not in STOPPING:
        message = f"{trainer.estimator} cannot watch the validation side"
        yield Diagnostic("no-early-stopping", message, hint=f"these can: {', '.join(sorted(STOPPING))}; or xgboost")
    if trainer.early_stopping_rounds:
        for name in STOPPED_BY:
            if name in trainer.params:
                message = f'param "{name}" of {trainer.estimator} is set from the key early_stopping_rounds'
                yield Diagnostic("given-elsewhere", message, hint="remove one of them")
    if trainer.params.get("loss") == "quantile" and "quantile" in known and trainer.params.get("quantile") is None:
        message = f'loss: quantile of {trainer.estimator} needs the param "quantile", a number between 0 and 1'
        yield Diagnostic("missing-quantile", message, hint="for example: quantile: 0.9")


def _able(param: str, kind: str) -> Iterator[str]:
    for path, entry in ESTIMATORS.items():
        if entry.kind == kind and param in _class(path)().get_params(deep=False):
            yield path


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
    if task in CLASSIFYING and not hasattr(estimator, "predict_proba"):
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
    return {"X_val": side.x, "y_val": side.y, **weight}


def _metrics(result: Any, estimator: Any) -> dict[str, float | int]:
    metrics: dict[str, float | int] = {}
    iterations = getattr(estimator, "n_iter_", None)
    if iterations is not None:
        metrics["iterations"] = int(np.max(iterations))
        metrics["converged"] = int(not result.any_of("ConvergenceWarning"))
    if result.warnings:
        metrics["warnings"] = len(set(result.warnings))
    return metrics


def _importance(estimator: Any) -> Importance | None:
    coefficients = getattr(estimator, "coef_", None)
    if coefficients is not None and isinstance(coefficients, np.ndarray):
        # One row per class: the mean of their sizes is comparable between columns.
        return Importance("coefficient", tuple(np.abs(np.atleast_2d(coefficients)).mean(axis=0).tolist()))
    impurities = getattr(estimator, "feature_importances_", None)
    return None if impurities is None else Importance("impurity", tuple(np.asarray(impurities).tolist()))
