"""How many independent rows a series of rows in time is worth."""

import numpy as np
from numpy.typing import NDArray


def inefficiency(above: NDArray[np.bool_]) -> float:
    """Return by how much the rows of a 0/1 series, shape (rows,) in time, must be divided; 1 when independent.

    That is 1 + 2 * (sum of autocorrelations), with the sum cut by Geyer's initial positive sequence: pairs of lags are
    added while their sum is positive (Geyer, Practical Markov Chain Monte Carlo, 1992).
    """
    rows, ones = len(above), int(np.count_nonzero(above))
    if rows < 4 or ones in (0, rows):
        return 1.0
    # Of zeros and ones every sum of products is a whole number, so that rounding makes the transform exact.
    spectrum = np.fft.rfft(above.astype(np.float64), 2 * rows)
    together = np.rint(np.fft.irfft(np.abs(spectrum) ** 2, 2 * rows)[:rows])
    ends = np.cumsum(above)
    early, late = ends[::-1], ones - np.concatenate(([0], ends[:-1]))
    mean = ones / rows
    lags = np.arange(rows)
    covariance = (together - mean * (early + late) + (rows - lags) * mean**2) / rows
    correlation = covariance / covariance[0]
    pairs = correlation[: rows // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = np.flatnonzero(pairs <= 0)
    return max(1.0, float(2 * pairs[: stop[0] if len(stop) else len(pairs)].sum() - 1))
