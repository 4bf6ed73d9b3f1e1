"""Values on axes from 0 to 1: what plots of parameters side by side have in common, in pages and in the terminal."""

import math
from collections.abc import Sequence
from typing import Any

# Numbers above 0 that span more than this are placed by their logarithm.
WIDE = 50


def heights(values: Sequence[Any]) -> tuple[list[float], tuple[str, str]]:
    """Place values between 0 and 1, and name both ends: numbers by size, others by their order."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers:
        known = sorted({str(value) for value in values})
        scale = max(1, len(known) - 1)
        return [known.index(str(value)) / scale for value in values], (known[0], known[-1])
    low, high = min(values), max(values)
    if low == high:
        return [0.5] * len(values), (short(low), short(high))
    if low > 0 and high / low > WIDE:
        return [math.log(v / low) / math.log(high / low) for v in values], (short(low), short(high))
    return [(value - low) / (high - low) for value in values], (short(low), short(high))


def short(value: Any) -> str:
    """Write a value at the end of an axis."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
