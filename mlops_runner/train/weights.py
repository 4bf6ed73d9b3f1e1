"""What a row counts: its own weight, in training times the weight of its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.task import CLASSIFYING
from mlops_runner.train.features import Schema
from mlops_runner.train.stored import AnyRows
from mlops_runner.train.trainers.base import Side

ClassWeight = str | Mapping[str, float] | None


def weights_of(frame: AnyRows, column: str | None) -> NDArray[np.float64] | None:
    """Return shape (rows,), or None without a column. Raises InvalidInput for what no row can count."""
    if column is None:
        return None
    values = np.ascontiguousarray(frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy())
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        message = (
            f'weight column "{column}" must hold numbers from 0 up: {len(wrong)} of {len(values)} rows of a side are '
            f"missing, infinite or below 0, the first is row {wrong[0] + 1}"
        )
        raise InvalidInput(Diagnostic("bad-weights", message, hint="fill or filter it in the data spec"))
    return values


def training_weights(wanted: ClassWeight, schema: Schema, side: Side) -> NDArray[np.float64] | None:
    """Return shape (rows,), or None when every row counts the same.

    wanted: "balanced" (rows / (classes x rows of the class), with rows counted by their weight), a number by class, or
    None. Raises InvalidInput for a class that the training rows do not have.
    """
    if wanted is None or schema.task not in CLASSIFYING:
        return side.weight
    classes = len(schema.classes)
    found = _balanced(side.y, side.weight, classes) if isinstance(wanted, str) else _given(wanted, schema)
    own: NDArray[np.float64] = np.ones(len(side.y)) if side.weight is None else side.weight
    return np.asarray(own * found[side.y], dtype=np.float64)


def _balanced(y: NDArray[Any], weight: NDArray[Any] | None, classes: int) -> NDArray[np.float64]:
    counts = np.bincount(y, weights=weight, minlength=classes)
    if not counts.all():
        message = f"a class has no weight in the training rows ({int((counts == 0).sum())} of {classes} classes)"
        raise InvalidInput(Diagnostic("bad-weights", message, hint="name class weights, or mend the weight column"))
    return np.asarray(counts.sum() / (classes * counts), dtype=np.float64)


def _given(wanted: Mapping[str, float], schema: Schema) -> NDArray[np.float64]:
    names = [str(value).lower() if isinstance(value, bool) else str(value) for value in schema.classes]
    if unknown := [name for name in wanted if name not in names]:
        raise InvalidInput(
            Diagnostic(
                "unknown-class",
                f'class_weight names "{name}", which is not a value of target "{schema.target}"',
                hint=nearest(name, names) or f"the classes are {', '.join(names[:10])}",
            )
            for name in unknown
        )
    return np.array([wanted.get(name, 1.0) for name in names])
