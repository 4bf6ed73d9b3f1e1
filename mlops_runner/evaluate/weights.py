"""How much rows count: means, shares and medians by weight. Without weights they are what NumPy makes of the rows."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
# shape (rows,), finite and not below 0; None when all rows count the same.
Weight: TypeAlias = Floats | None

NO_WEIGHT = "all rows have the weight 0"


def counted(weight: Weight, rows: int) -> Floats:
    """Return how much each row counts; shape (rows,)."""
    return np.ones(rows) if weight is None else weight


def mean_of(values: Floats, weight: Weight) -> float:
    """Return the mean, which lies between the smallest and the largest value whatever rounding does to it."""
    if weight is None:
        return float(np.mean(values))
    return float(np.clip(np.average(values, weights=weight), values.min(), values.max()))


def total_of(values: Floats, weight: Weight) -> float:
    """Return the sum."""
    return float(np.sum(values if weight is None else values * weight))


def median_of(values: Floats, weight: Weight) -> float:
    """Return the value with half of the weight on either side; the mean of two, when it lies between them.

    (Hyndman and Fan 1996, type 2.)
    """
    if weight is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    return middle(values[order], np.cumsum(weight[order]))


def middle(ranked: Floats, upto: Floats) -> float:
    """Return the median of values in rising order. upto: the weight of each and of those before it."""
    half = upto[-1] / 2
    return float(ranked[[np.searchsorted(upto, half, side) for side in ("left", "right")]].mean())


def shares(part: Integers | Floats, whole: Integers | Floats) -> Floats:
    """Divide; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)


def worth(weight: Floats, group: Integers) -> Floats:
    """Return how many rows of equal weight tell as much as the rows of each group (Kish 1965, section 11.7).

    weight: shape (rows,), above 0; group: shape (rows,), numbers from 0, of which none is left out.
    """
    largest = np.zeros(int(group.max(initial=-1)) + 1)
    np.maximum.at(largest, group, weight)
    scaled = weight / largest[group]  # squares of very small or large weights leave the range of doubles
    return np.asarray(np.bincount(group, scaled) ** 2 / np.bincount(group, scaled**2))
