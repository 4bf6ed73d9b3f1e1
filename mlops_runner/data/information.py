"""Whether rows that agree are one and the same, or agree by chance because their values tell little."""

import math

# Of n random rows two agree unless each tells 2 log2(n) bits; columns are not independent, so more is asked.
BITS_TO_SPARE = 3.0


def told_apart(rows: int, bits: float) -> bool:
    """Whether rows of so many bits (the sum of their columns' entropies) hardly agree by chance."""
    return bits >= BITS_TO_SPARE * math.log2(max(rows, 2))
