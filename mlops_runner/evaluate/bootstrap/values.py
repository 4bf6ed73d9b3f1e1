"""What resampled metrics are computed from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.values import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often each row stands in each resample; shape (resamples, rows), as whole numbers and as doubles."""

    whole: Integers
    weights: Floats

    def only(self, rows: Integers) -> "Counts":
        """Return the counts of some rows."""
        whole = self.whole.take(rows, axis=1)
        return Counts(whole, whole.astype(np.float64))

    def ordered(self, order: Integers) -> Integers:
        """Return the whole counts in another order of the rows, or of some of them."""
        return self.whole.take(order, axis=1)


# Counts -> metric -> shape (resamples,); NaN where a resample cannot be measured.
Statistic: TypeAlias = Callable[[Counts], Mapping[str, Floats]]


def counts_of(whole: Integers) -> Counts:
    """Wrap counts as they are drawn."""
    return Counts(whole, whole.astype(np.float64))
