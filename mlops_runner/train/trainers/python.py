"""Trainer `python`: a function of the project, `train(x, y, *, seed, **params)`, that returns a fitted model.

The contract. x is a polars.DataFrame with one column per feature in the order of the data spec: Float64 for numbers
and dates (NaN when missing, dates as days since 1970-01-01), String for texts and booleans ("(missing)", "true",
"false"). y is an int64 array (1 = positive, or the index of the class; of a multilabel task (rows, labels), 0 or 1) or
a float64 array (values, relevance). The function returns a scikit-learn estimator of the catalogue, a Pipeline or
ColumnTransformer made of those, one that holds an estimator for each label, or an xgboost.Booster. A weight column is
passed as `weight=` when the function has that argument, and the number of each row's query, in a ranking, as `query=`.

When the model predicts, it gets the frame again: a model fitted with column names gets those columns as a frame;
one fitted without names gets all of them as an array; a Booster gets its `feature_names`, or all columns, as floats.

With `load`, the model is any object with `predict(x)` and `save(folder)`: see `formats.project`. A function that has
the argument `validation` gets (x, y) of that side, (x, y, query) in a ranking, or None.
"""

import inspect
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xgboost

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.training_trainers import PythonTrainer
from mlops_runner.train.formats.project import keep
from mlops_runner.train.project_code import find, guarded
from mlops_runner.train.trainers.base import Curve, Fitted, Job
from mlops_runner.train.trainers.catalogue import ESTIMATORS, PER_LABEL_OF_PROJECTS, PREPROCESSING, PROJECT, PYTHON
from mlops_runner.train.trainers.observed import heard


def train(trainer: PythonTrainer, job: Job) -> Fitted:
    """Call the project's function. Raises StepFailed, with the place in the project's code when that code failed."""
    # For code that draws from the global generators in spite of the seed it is given.
    random.seed(job.seed)
    np.random.seed(job.seed)
    function = guarded(trainer.callable, partial(find, trainer.callable, "callable"))
    given = {**_weight(function, trainer, job), **_query(function, job), **_validation(function, job)}
    arguments: dict[str, Any] = {**trainer.params, "seed": job.seed, **given}
    call = partial(function, job.train.frame, job.train.y, **arguments)
    model = guarded(trainer.callable, partial(heard, call, job.log)).result
    params = {**trainer.params, "seed": job.seed}
    if trainer.load is not None:
        return Fitted(keep(model, trainer.load), PROJECT, params, curve=_curve(model, trainer.callable))
    _refuse_unlisted(model, trainer.callable)
    return Fitted(model, PYTHON, params)


def _weight(function: Callable[..., Any], trainer: PythonTrainer, job: Job) -> dict[str, Any]:
    if job.train.weight is None:
        return {}
    if "weight" in inspect.signature(function).parameters:
        return {"weight": job.train.weight}
    if trainer.class_weight:
        message = f'{trainer.callable} has no argument "weight", so it cannot use class_weight'
        raise StepFailed(Diagnostic("no-weights", message, hint="take weight, one number a row, and pass it to fit"))
    job.log(f'{trainer.callable} has no argument "weight": the weight column "{job.schema.weight}" is not used')
    return {}


def _validation(function: Callable[..., Any], job: Job) -> dict[str, Any]:
    if "validation" not in inspect.signature(function).parameters:
        return {}
    side = job.validation
    if side is None:
        return {"validation": None}
    return {"validation": (side.frame, side.y) if side.query is None else (side.frame, side.y, side.query)}


def _query(function: Callable[..., Any], job: Job) -> dict[str, Any]:
    if job.train.query is None or "query" not in inspect.signature(function).parameters:
        return {}
    return {"query": job.train.query}


def _curve(model: Any, who: str) -> Curve:
    """Return what the model kept as `curve`: side -> metric -> a number for each round."""
    found = getattr(model, "curve", {})
    try:
        return {str(side): {str(m): tuple(map(float, v)) for m, v in one.items()} for side, one in found.items()}
    except (AttributeError, TypeError, ValueError) as error:
        message = f"{who} returned a model whose curve is not side -> metric -> numbers: {error}"
        hint = 'for example {"train": {"loss": [0.7, 0.5]}}'
        raise StepFailed(Diagnostic("wrong-shape", message, hint=hint)) from error


def _refuse_unlisted(model: Any, who: str) -> None:
    if isinstance(model, xgboost.Booster):
        return
    if model is None:
        raise StepFailed(Diagnostic("no-model", f"{who} returned nothing", hint="end it with: return the fitted model"))
    allowed = PREPROCESSING | PER_LABEL_OF_PROJECTS | {entry.stored for entry in ESTIMATORS.values()}
    for part in _parts(model):
        name = f"{type(part).__module__}.{type(part).__qualname__}"
        if name not in allowed:
            message = f"{who} returned a model with {name}, which cannot be stored without executable code"
            hint = "return an estimator of the list, a Pipeline of those, an xgboost.Booster, or declare load"
            raise StepFailed(Diagnostic("unlisted-model", message, hint=hint))


def _parts(model: Any) -> list[Any]:
    """List a model and the steps inside it."""
    steps = [step for _, step in getattr(model, "steps", [])]
    steps += [step for _, step, _ in getattr(model, "transformers_", [])]
    return [model, *(part for step in steps if not isinstance(step, str) for part in _parts(step))]
