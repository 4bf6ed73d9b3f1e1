"""Trainer `python`: a function of the project, `train(x, y, *, seed, **params)`, that returns a fitted model.

The contract. x is a polars.DataFrame with one column per feature in the order of the data spec: Float64 for numbers
and dates (NaN when missing, dates as days since 1970-01-01), String for texts and booleans ("(missing)", "true",
"false"). y is an int64 array (1 = positive, or the index of the class) or a float64 array (regression).
The function returns a scikit-learn estimator of the catalogue, a Pipeline or ColumnTransformer made of those, or an
xgboost.Booster. A weight column is passed as `weight=` when the function has that argument.

When the model predicts, it gets the frame again: a model fitted with column names gets those columns as a frame;
one fitted without names gets all of them as an array; a Booster gets its `feature_names`, or all columns, as floats.
"""

import inspect
import random
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import xgboost

from mlops_runner.errors import Diagnostic, MlopsError, Place, StepFailed
from mlops_runner.specs.training_trainers import PythonTrainer
from mlops_runner.train.features import Task
from mlops_runner.train.trainers.base import Fitted, Job
from mlops_runner.train.trainers.catalogue import ESTIMATORS, PREPROCESSING, PYTHON
from mlops_runner.train.trainers.observed import heard

LIBRARIES = frozenset({"site-packages", "dist-packages"})
OWN = str(Path(__file__).parents[2])


def check(trainer: PythonTrainer, task: Task) -> tuple[Diagnostic, ...]:  # noqa: ARG001
    """Complain about a param that the contract itself passes. The project's code is not imported for that."""
    taken = [name for name in ("x", "y", "seed", "weight") if name in trainer.params]
    return tuple(
        Diagnostic("given-elsewhere", f'param "{name}" of {trainer.callable} is passed by the runner', hint="rename it")
        for name in taken
    )


def train(trainer: PythonTrainer, job: Job) -> Fitted:
    """Call the project's function. Raises StepFailed, with the place in the project's code when that code failed."""
    if problems := check(trainer, job.schema.task):
        raise StepFailed(problems)
    # For code that draws from the global generators in spite of the seed it is given.
    random.seed(job.seed)
    np.random.seed(job.seed)
    function = _guarded(trainer.callable, partial(_find, trainer.callable))
    arguments: dict[str, Any] = {**trainer.params, "seed": job.seed, **_weight(function, trainer, job)}
    call = partial(function, job.train.frame, job.train.y, **arguments)
    model = _guarded(trainer.callable, partial(heard, call, job.log)).result
    _refuse_unlisted(model, trainer.callable)
    return Fitted(model, PYTHON, {**trainer.params, "seed": job.seed})


def _find(path: str) -> Callable[..., Any]:
    module, name = path.split(":")
    found = getattr(import_module(module), name, None)
    if not callable(found):
        message = f"module {module} has no function {name}"
        raise StepFailed(Diagnostic("unknown-callable", message, hint="correct the key callable"))
    return found  # type: ignore[no-any-return]


def _guarded(who: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except MlopsError:
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())[:500]
        diagnostic = Diagnostic(
            "callable-failed", f"{who}: {type(error).__name__}: {text}", _place(error.__traceback__)
        )
        raise StepFailed(diagnostic) from error


def _place(trace: TracebackType | None) -> Place | None:
    """Find the deepest line of the project's own code, which is imported from the front of the search path."""
    root = Path(sys.path[0]).resolve()
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        foreign = path.is_relative_to(OWN) or bool(set(path.parts) & LIBRARIES)
        if not foreign and path.is_file() and path.is_relative_to(root):
            return Place(str(path.relative_to(root)), frame.lineno or 1)
    return None


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


def _refuse_unlisted(model: Any, who: str) -> None:
    if isinstance(model, xgboost.Booster):
        return
    allowed = PREPROCESSING | {entry.stored for entry in ESTIMATORS.values()}
    for part in _parts(model):
        name = f"{type(part).__module__}.{type(part).__qualname__}"
        if name not in allowed:
            message = f"{who} returned a model with {name}, which cannot be stored without executable code"
            hint = "return an estimator of the list, a Pipeline of those, or an xgboost.Booster"
            raise StepFailed(Diagnostic("unlisted-model", message, hint=hint))


def _parts(model: Any) -> list[Any]:
    """List a model and the steps inside it."""
    steps = [step for _, step in getattr(model, "steps", [])]
    steps += [step for _, step, _ in getattr(model, "transformers_", [])]
    return [model, *(part for step in steps if not isinstance(step, str) for part in _parts(step))]
