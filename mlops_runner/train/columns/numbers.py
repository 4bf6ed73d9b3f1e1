"""Numbers: clipped, filled, scaled, and marked where they were missing. Also used for what comes out of dates.

The values are those of scikit-learn's SimpleImputer, StandardScaler and RobustScaler, and are applied as there.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Part
from mlops_runner.specs.training_preprocessing import NumericPreprocessing
from mlops_runner.train.features import Output

HINT = "divide it by its unit in the data, or clip it there"
BOOLEANS = {"true": 1.0, "false": 0.0}


class NumberColumn(Part):
    """What happens to one column: move to low and high, fill, subtract center, divide by scale."""

    feature: str
    low: float | None = None
    high: float | None = None
    fill: float | None = None
    center: float = 0.0
    scale: float = 1.0
    indicator: bool = False


class Numbers(Part):
    """Several columns of numbers, applied at once: their values, then the marks of those that have one."""

    kind: Literal["numbers"] = "numbers"
    columns: tuple[NumberColumn, ...]

    def outputs(self) -> Iterator[Output]:
        """Name the columns that come out."""
        yield from (Output(column.feature, column.feature, ordered=True) for column in self.columns)
        yield from (Output(f"{c.feature}=(missing)", c.feature) for c in self.columns if c.indicator)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, outputs)."""
        x = numbers_in(frame, [column.feature for column in self.columns])
        missing = np.isnan(x)
        if any(column.low is not None for column in self.columns):
            np.clip(x, self._values("low", -np.inf), self._values("high", np.inf), out=x)
        np.copyto(x, self._values("fill", np.nan), where=missing)
        x -= self._values("center", 0.0)
        x /= self._values("scale", 1.0)
        marks = [index for index, column in enumerate(self.columns) if column.indicator]
        return np.column_stack([x, missing[:, marks]]) if marks else x

    def _values(self, field: str, absent: float) -> NDArray[np.float64]:
        given = (getattr(column, field) for column in self.columns)
        return np.array([absent if value is None else value for value in given], dtype=np.float64)


def fit_numbers(wanted: Mapping[str, NumericPreprocessing], frame: pl.DataFrame) -> Numbers:
    """Learn from the training rows. wanted: settings by column, in the order in which they come out."""
    found: dict[str, NumberColumn] = {}
    for settings in dict.fromkeys(wanted.values()):
        alike = [name for name, own in wanted.items() if own == settings]
        found |= {column.feature: column for column in _fit_alike(settings, alike, frame)}
    return Numbers(columns=tuple(found[name] for name in wanted))


def numbers_in(frame: pl.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the columns as numbers of their own; true is 1, and missing is NaN."""
    kinds = dict(frame.schema)  # asked once: on wide tables it is as slow as it is long
    columns = [_truth(name) if kinds[name] == pl.String else pl.col(name) for name in names]
    return np.array(frame.select(columns).to_numpy(), dtype=np.float64, order="F")


def _truth(name: str) -> pl.Expr:
    return pl.col(name).replace_strict(BOOLEANS, default=float("nan"), return_dtype=pl.Float64)


def _fit_alike(spec: NumericPreprocessing, names: list[str], frame: pl.DataFrame) -> Iterator[NumberColumn]:
    x = numbers_in(frame, names)
    limits = [_limits(spec.clip, x[:, index]) for index in range(len(names))]
    for index, (low, high) in enumerate(limits):
        if low is not None:
            np.clip(x[:, index], low, high, out=x[:, index])
    fill = _fill(spec.impute, x)
    centers, scales = _scaling(spec.scale, x)
    _refuse_overflow(names, x, np.isfinite(centers) & np.isfinite(scales))
    for index, name in enumerate(names):
        low, high = limits[index]
        yield NumberColumn(
            feature=name,
            low=low,
            high=high,
            fill=None if fill is None else float(fill[index]),
            center=_known(centers[index], 0.0),
            scale=_known(scales[index], 1.0),
            indicator=spec.indicator,
        )


def _limits(clip: tuple[float, float] | None, values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    known = values[~np.isnan(values)]
    if clip is None or not len(known):
        return None, None
    low, high = np.quantile(known, clip)
    return float(low), float(high)


def _fill(impute: str, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Fill x in place and return the values; None to leave it as it is."""
    if impute == "none":
        return None
    found: Any = np.zeros(x.shape[1])
    if impute == "median":
        found = np.array([_median(column[~np.isnan(column)]) for column in x.T])
    elif impute == "mean":
        from sklearn.impute import SimpleImputer

        # An all-missing column has no mean: it is kept, filled with 0.
        found = SimpleImputer(strategy=impute, keep_empty_features=True).fit(x).statistics_
    np.copyto(x, found, where=np.isnan(x))
    return np.asarray(found, dtype=np.float64)


def _median(known: NDArray[np.float64]) -> float:
    # SimpleImputer finds the same numbers by sorting the positions of a masked array, which takes ten times as long.
    return float(np.median(known)) if len(known) else 0.0


def _scaling(scale: str, x: NDArray[np.float64]) -> tuple[Any, Any]:
    if scale == "none":
        return np.zeros(x.shape[1]), np.ones(x.shape[1])
    from sklearn.preprocessing import RobustScaler, StandardScaler

    with warnings.catch_warnings():
        # A column without any value, kept as missing on request, divides nothing by nothing.
        warnings.filterwarnings("ignore", "All-NaN|Degrees of freedom|invalid value|overflow", RuntimeWarning)
        if scale == "standard":
            fitted = StandardScaler().fit(x)
            return fitted.mean_, fitted.scale_
        fitted = RobustScaler().fit(x)
        return fitted.center_, fitted.scale_


def _refuse_overflow(names: list[str], x: NDArray[np.float64], scaled: NDArray[np.bool_]) -> None:
    lost = [name for index, name in enumerate(names) if not scaled[index] and not np.isnan(x[:, index]).all()]
    if lost:
        raise InvalidInput(
            Diagnostic("too-large", f'column "{name}" holds numbers so large that their squares overflow', hint=HINT)
            for name in lost
        )


def _known(value: float, otherwise: float) -> float:
    return float(value) if np.isfinite(value) else otherwise
