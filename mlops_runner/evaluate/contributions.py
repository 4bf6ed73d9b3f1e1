"""Contributions of features to the predictions of boosted trees, summed up over rows (Lundberg 2018: TreeSHAP)."""

from collections.abc import Sequence

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.values import Floats

DIGITS = 6


def summed_contributions(values: Floats, names: Sequence[str]) -> list[Json]:
    """Return features by falling mean size of their contributions, in the margin's units; equal ones by name.

    values: shape (rows, features); share: of the sum of all mean sizes; direction: the mean itself, with its sign.
    """
    size, direction = np.mean(np.abs(values), axis=0), np.mean(values, axis=0)
    whole = float(size.sum()) or 1.0
    found: list[tuple[float, str, dict[str, Json]]] = [
        (
            float(size[at]),
            name,
            {
                "feature": name,
                "size": round(float(size[at]), DIGITS) + 0.0,
                "share": round(float(size[at]) / whole, DIGITS) + 0.0,
                "direction": round(float(direction[at]), DIGITS) + 0.0,
            },
        )
        for at, name in enumerate(names)
    ]
    return [entry for _, _, entry in sorted(found, key=lambda one: (-one[0], one[1]))]
