"""How many values are different, without keeping them all."""

import numpy as np
import polars as pl

from mlops_runner.data.row_digest import Words, different, row_digests

# Up to here the answer is exact; above it, its standard error is 1 / sqrt(KEPT), 0.4 %.
KEPT = 1 << 16


class Distinct:
    """Counts different values over batches by their smallest digests (k minimum values; Bar-Yossef et al., 2002)."""

    def __init__(self) -> None:
        self._smallest: Words = np.empty(0, np.uint64)

    def add(self, values: pl.Series) -> None:
        """Look at the different values of a batch, none of them missing."""
        found = row_digests([values])
        if len(self._smallest) == KEPT:
            found = found[found < self._smallest[-1]]
        if len(found) > KEPT:
            found = np.partition(found, KEPT - 1)[:KEPT]
        self._smallest = different(np.concatenate([self._smallest, found]))[:KEPT]

    @property
    def exact(self) -> bool:
        """Whether all values fitted."""
        return len(self._smallest) < KEPT

    def count(self) -> int:
        """Return how many there are, or an estimate."""
        if self.exact:
            return len(self._smallest)
        return round((KEPT - 1) * 2**64 / int(self._smallest[-1]))


class Uniques:
    """Describes values that may not be shown, in two passes as its siblings do: how many different ones there are."""

    def __init__(self) -> None:
        self._batches, self._different, self._distinct = 0, 0, Distinct()

    def look(self, _: pl.Series) -> None:
        """See a batch for the first time."""
        self._batches += 1

    def settle(self) -> None:
        """Nothing has to be decided."""

    def count(self, values: pl.Series) -> None:
        """See a batch for the second time."""
        if self._batches > 1:
            self._distinct.add(values.unique())
        else:
            self._different = values.n_unique()

    def unique(self) -> tuple[int, bool]:
        """Return how many different values there are, and whether that is exact."""
        return (self._different, True) if self._batches == 1 else (self._distinct.count(), self._distinct.exact)
