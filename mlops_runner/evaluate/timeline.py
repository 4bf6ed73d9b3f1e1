"""Where the rows of a forecast stand: their moments, their series, and what their errors are compared with."""

from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The rows of a side in time.

    moments: their texts, the earliest first; moment: shape (rows,), which of them a row is of. names: of the series;
    series: shape (rows,), which of them a row belongs to. scale: shape (rows,), the mean error of the seasonal naive
    forecast of the row's series on the training side; NaN where there is none, or where it is 0. block: how many
    consecutive moments are drawn together.
    """

    moments: tuple[str, ...]
    moment: NDArray[np.int64]
    names: tuple[str, ...]
    series: NDArray[np.int64]
    scale: NDArray[np.float64]
    block: int

    @property
    def blocks(self) -> int:
        """How many blocks lie side by side."""
        return len(self.moments) // self.block


def block_length(moments: int, horizon: int) -> int:
    """Return how many moments are drawn together: the horizon, or twice the cube root of the moments if that is more.

    Errors of forecasts h steps ahead depend on each other over h - 1 steps, even of the best model. The cube root is
    the order that estimates of variance need (Hall, Horowitz and Jing 1995); twice it suits an autocorrelation of 0.65
    (Politis and White 2004, of a first-order autoregression on a circle).
    """
    root = next(size for size in count(1) if size**3 >= moments)
    return max(1, min(moments, max(horizon, 2 * root)))
