"""The target columns as the numbers a trainer wants, and back to the values people know."""

import difflib
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.task import CLASSIFYING, Task
from mlops_runner.train.features import Schema

Label = bool | int | float | str
WORDS = {bool: "boolean", int: "number", float: "number", str: "text"}


def labels_of(targets: pl.DataFrame) -> tuple[Label, ...]:
    """Return the labels of a multilabel task, which are the names of its targets.

    Raises InvalidInput for a label that is the same in all training rows, is missing in some, or is not 0 or 1.
    """
    _refuse_constant(targets)
    return tuple(targets.columns)


def classes_of(series: pl.Series, task: Task, positive: Scalar) -> tuple[Label, ...]:
    """Return the classes in the order of the probabilities: (negative, positive), or sorted; () for tasks without.

    Raises InvalidInput when the training rows hold one class only, a binary target does not have exactly two
    values, or `positive` is not one of them.
    """
    if task not in CLASSIFYING:
        return ()
    _refuse_missing(series)
    values = sorted(series.unique().to_list())
    if values and not isinstance(values[0], Label):
        raise _invalid(
            "wrong-type", f'target "{series.name}" holds {series.dtype}', "classes are text, whole numbers or booleans"
        )
    if len(values) < 2:
        raise _invalid(
            "one-class",
            f'target "{series.name}" has only {_listed(values)} in the training rows: nothing to learn',
            "check the split and the filter of the data",
        )
    return _negative_positive(series.name, values, positive) if task == "binary" else tuple(values)


def encode_targets(targets: pl.DataFrame, schema: Schema) -> NDArray[Any]:
    """Return what `encode_target` does for one target; of a multilabel task shape (rows, labels), int64 0 or 1."""
    if schema.task == "multilabel":
        return np.column_stack([_indicator(targets[name]) for name in schema.targets])
    return encode_target(targets[schema.target], schema)


def encode_target(series: pl.Series, schema: Schema) -> NDArray[Any]:
    """Return shape (rows,): int64 1 for positive and 0 for negative, int64 index into classes, or float64 values.

    Raises InvalidInput for a missing value, a value that no training row had, a target of another task that is not
    a finite number, or a relevance below 0.
    """
    _refuse_missing(series)
    if schema.task not in CLASSIFYING:
        return _numbers(series, schema.task)
    known: dict[Any, int] = {value: index for index, value in enumerate(schema.classes)}
    unseen = [value for value in series.unique().to_list() if value not in known]
    if unseen:
        raise _invalid(
            "unseen-class",
            f'target "{series.name}" has {_listed(sorted(unseen))}, which no training row has',
            "stratify the split by the target, or filter the class out",
        )
    encoded = series.replace_strict(list(known), list(known.values()), return_dtype=pl.Int64)
    return np.ascontiguousarray(encoded.to_numpy())


def _refuse_constant(targets: pl.DataFrame) -> None:
    """Raise InvalidInput for every label that is the same in all training rows."""
    problems = []
    for series in targets:
        values = np.unique(_indicator(series)).tolist()
        if len(values) < 2:
            message = (
                f'label "{series.name}" is {" or ".join(map(str, values))} in every training row: nothing to learn'
            )
            hint = "check the split and the filter of the data, or give the column the role ignored"
            problems.append(Diagnostic("one-class", message, hint=hint))
    if problems:
        raise InvalidInput(problems)


def _indicator(series: pl.Series) -> NDArray[np.int64]:
    """Return a label as 0 and 1."""
    _refuse_missing(series)
    if series.dtype != pl.Boolean and not series.dtype.is_integer():
        raise _invalid(
            "wrong-type", f'label "{series.name}" holds {series.dtype}', "a label is a bool, or an int 0 or 1"
        )
    others = [] if series.dtype == pl.Boolean else sorted(set(series.unique().to_list()) - {0, 1})
    if others:
        message = f'label "{series.name}" holds {_listed(others)}; a label is 0 or 1'
        raise _invalid("not-binary", message, "replace the values in the data spec, or make a label of each of them")
    return np.ascontiguousarray(series.cast(pl.Int64).to_numpy())


def _negative_positive(name: str, values: list[Any], positive: Scalar) -> tuple[Label, ...]:
    if len(values) != 2:
        message = f'binary target "{name}" has {len(values)} values ({_listed(values)}); it must have exactly two'
        raise _invalid("not-binary", message, "use task: multiclass, or filter the other values out")
    found = [value for value in values if _same(value, positive)]
    if not found:
        message = f'positive {_shown(positive)} is not a value of target "{name}" ({_listed(values)})'
        raise _invalid("unknown-positive", message, _suggestion(values, positive))
    return (next(value for value in values if value != found[0]), found[0])


def _same(value: Label, positive: Scalar) -> bool:
    # True == 1 in Python, but a boolean column and a number are a mistake worth naming.
    return isinstance(value, bool) == isinstance(positive, bool) and value == positive


def _suggestion(values: list[Any], positive: Scalar) -> str:
    texts = {str(value).lower(): value for value in values}
    close = difflib.get_close_matches(str(positive).lower(), list(texts), n=1, cutoff=0.6)
    return f"did you mean {_shown(texts[close[0]])}?" if close else f"write one of {_listed(values)}"


def _numbers(series: pl.Series, task: Task) -> NDArray[Any]:
    if not series.dtype.is_numeric():
        raise _invalid("wrong-type", f'{task} target "{series.name}" holds {series.dtype}', "it must be float or int")
    values = np.ascontiguousarray(series.cast(pl.Float64).to_numpy())
    if not np.isfinite(values).all():
        raise _invalid("infinite-value", f'target "{series.name}" holds an infinite number', "filter those rows out")
    if task == "ranking" and (values < 0).any():
        message = f'relevance "{series.name}" is below 0 in {int((values < 0).sum())} of {len(values)} rows'
        raise _invalid("negative-relevance", message, "0 means not relevant, and more is better")
    return values


def _refuse_missing(series: pl.Series) -> None:
    missing = series.null_count()
    if series.dtype.is_float():
        missing += int(series.is_nan().sum())
    if missing:
        message = f'target "{series.name}" is missing in {missing} of {len(series)} rows'
        raise _invalid("missing-target", message, "filter those rows out, or fill them in the data spec")


def _shown(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
    return f"{text} ({WORDS.get(type(value), 'nothing')})"


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_shown(value) for value in values[:5])
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _invalid(code: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput(Diagnostic(code, message, hint=hint))
