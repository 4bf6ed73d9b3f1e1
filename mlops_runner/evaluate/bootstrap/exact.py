"""Sums that are the same on every machine: summands become whole numbers, which doubles add without rounding."""

import math
from collections.abc import Sequence

import numpy as np

from mlops_runner.evaluate.values import Floats
from mlops_runner.evaluate.weights import Weight, counted

# Whole numbers up to here are doubles; three bits are kept free for resamples that have more rows than the side.
MANTISSA_BITS = 53 - 3


def whole(values: Floats) -> tuple[Floats, float]:
    """Return the values as multiples of a unit, and the unit, a power of two; sums over 8 x rows stay exact.

    The unit is below 2**-29 of the largest value for a million rows.
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return values, 1.0
    bits = MANTISSA_BITS - math.frexp(largest)[1] - len(values).bit_length()
    return np.rint(np.ldexp(values, bits)), math.ldexp(1.0, -bits)


def on_grid(values: Floats) -> Floats:
    """Return the values, rounded so that sums over 8 x rows stay exact."""
    scaled, unit = whole(values)
    return scaled * unit


def weighed(columns: Sequence[Floats], weight: Weight) -> Floats:
    """Return a table whose sums stay exact: what each row counts, and then the columns times that.

    columns: each of shape (rows,); at least one.
    """
    each = counted(weight, len(columns[0]))
    return np.stack([on_grid(each), *(on_grid(values * each) for values in columns)], axis=1)


def ratio(part: Floats, of: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    nothing = np.full(np.broadcast(part, of).shape, np.nan)
    return np.asarray(np.divide(part, of, out=nothing, where=of != 0))
