"""From replicates to an interval: percentiles, and an honest answer where percentiles mean nothing."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mlops_runner.evaluate.values import Floats, Unmeasured

# With more unmeasurable resamples than this, percentiles of the others speak about other rows.
MOST_UNMEASURED = 0.1

Method = Literal["percentile", "clopper_pearson"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval. lost: share of the resamples that could not be measured; constant: all the others agree."""

    low: float
    high: float
    lost: float = 0.0
    constant: bool = False
    method: Method = "percentile"


Bounds: TypeAlias = Interval | Unmeasured


def percentile_interval(replicates: Floats, level: float, digits: int) -> Bounds:
    """Return the percentile interval (Efron and Tibshirani 1993, section 13.3), rounded.

    The ends are the (1 - level) / 2 and (1 + level) / 2 quantiles, linear between replicates (Hyndman and Fan, type 7).
    """
    known = replicates[np.isfinite(replicates)]
    lost = 1 - len(known) / len(replicates)
    if lost > MOST_UNMEASURED:
        return Unmeasured(f"{lost:.0%} of {len(replicates)} resamples could not be measured")
    tail = (1 - level) / 2
    low, high = (round(float(end), digits) + 0.0 for end in np.quantile(known, [tail, 1 - tail]))
    return Interval(low, high, round(lost, 6), constant=bool(known.min() == known.max()))


def binomial_interval(value: float, trials: float, level: float, digits: int) -> Interval:
    """Return the exact interval of a share that is 0 or 1, where no resample can differ (Clopper and Pearson 1934)."""
    far = ((1 - level) / 2) ** (1 / trials)
    low, high = (0.0, 1 - far) if value == 0 else (far, 1.0)
    return Interval(round(low, digits), round(high, digits), method="clopper_pearson")
