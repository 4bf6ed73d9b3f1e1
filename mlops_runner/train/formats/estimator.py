"""Format of estimators: canonical skops, audited against our own lists before skops audits it against its own."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import skops.io
from numpy.typing import NDArray
from sklearn.exceptions import InconsistentVersionWarning
from skops.io.exceptions import UnsupportedTypeException
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from mlops_runner.errors import Diagnostic, NotVerified, StepFailed
from mlops_runner.specs.task import PROBABILISTIC
from mlops_runner.train.audit import VALUES, audit
from mlops_runner.train.canonical import canonical
from mlops_runner.train.features import Schema
from mlops_runner.train.trainers.catalogue import allowed_types


def dump(model: Any) -> bytes:
    """Return the estimator as canonical skops. Raises StepFailed."""
    try:
        return canonical(skops.io.dumps(model))
    except (UnsupportedTypeException, TypeError) as error:
        message = f"{type(model).__name__} cannot be stored without executable code: {error}"
        raise StepFailed(Diagnostic("unstorable-model", message, hint="use an estimator that is listed")) from error


def load(data: bytes, family: str) -> Any:
    """Build an estimator. family: of the catalogue, or `python`. Raises NotVerified."""
    allowed = allowed_types(family)
    if allowed is None:
        raise NotVerified(
            Diagnostic("unknown-family", f'model family "{family[:80]}" is not known', hint="train again")
        )
    audit(data, allowed, "model.skops")
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return skops.io.loads(data, trusted=sorted(allowed | VALUES))
        except InconsistentVersionWarning as warning:
            message = (
                f"the model was trained with scikit-learn {warning.original_sklearn_version}, "
                f"this is {warning.current_sklearn_version}"
            )
            hint = "install the version of the lock, or train again"
            raise NotVerified(Diagnostic("other-version", message, hint=hint)) from warning


def predict(model: Any, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:
    """Return probabilities of the positive class, of every class or label, or values. Raises StepFailed."""
    # One thread whatever the environment says: sums in another order end in other digits.
    # Overflow is not warned about here, because whoever asked checks that every prediction is finite.
    with _pools().limit(limits=1), np.errstate(all="ignore"):
        return _predicted(model, _input(model, frame) if x is None else x, schema)


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def _predicted(model: Any, values: Any, schema: Schema) -> NDArray[Any]:
    if schema.task not in PROBABILISTIC:
        return np.asarray(model.predict(values), dtype=np.float64)
    if not hasattr(model, "predict_proba"):
        message = f"{type(model).__name__} gives no probabilities"
        raise StepFailed(Diagnostic("no-probabilities", message, hint="use an estimator that has predict_proba"))
    if schema.task == "multilabel":
        return _of_labels(model, model.predict_proba(values), schema)
    if list(model.classes_) != list(range(len(schema.classes))):
        message = f"the model knows the classes {list(model.classes_)[:5]}, not 0 to {len(schema.classes) - 1}"
        raise StepFailed(Diagnostic("wrong-classes", message, hint="fit it on the y that the function is given"))
    probabilities = np.asarray(model.predict_proba(values), dtype=np.float64)
    return probabilities[:, 1] if schema.task == "binary" else probabilities


def _of_labels(model: Any, found: Any, schema: Schema) -> NDArray[Any]:
    """Return the probability of 1 for every label. found: an array, or as trees give it, an array for each label."""
    if not isinstance(found, list):
        return np.asarray(found, dtype=np.float64)
    if len(found) != len(schema.classes):
        message = f"the model knows {len(found)} labels, not {len(schema.classes)}"
        raise StepFailed(Diagnostic("wrong-classes", message, hint="fit it on the y that the function is given"))
    columns = [np.asarray(one) @ (np.asarray(known) == 1) for one, known in zip(found, model.classes_, strict=True)]
    return np.column_stack(columns).astype(np.float64)


def _input(model: Any, frame: pl.DataFrame) -> Any:
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return frame.select(list(names))
    width = getattr(model, "n_features_in_", frame.width)
    if width != frame.width:
        message = f"the model was fitted on an array of {width} columns, the features are {frame.width}"
        hint = "fit it on the frame itself (x, or x.select(…)): then it knows its columns by name"
        raise StepFailed(Diagnostic("wrong-width", message, hint=hint))
    return frame.to_numpy()
