"""How curves are made small: the same points every time, numbers rounded to what an eye can see."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_runner.evaluate.values import Integers

DIGITS = 6
MOST_POINTS = 300
MOST_DOTS = 2000


def chosen_points(count: int, most: int = MOST_POINTS) -> Integers:
    """Return at most `most` indices of `count`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def numbers(values: NDArray[Any]) -> list[float]:
    """Return plain rounded floats; adding 0.0 turns -0.0 into 0.0."""
    return [round(float(value), DIGITS) + 0.0 for value in values]
