"""Whole rows from shares: the largest-remainder method, in exact arithmetic."""

import math
from collections.abc import Sequence
from fractions import Fraction


def exact_shares(validation: float, test: float) -> tuple[Fraction, Fraction, Fraction]:
    """Return the shares of train, validation and test as the decimal numbers they were written as."""
    held = Fraction(repr(validation)), Fraction(repr(test))
    return (1 - held[0] - held[1], *held)


def apportion(counts: Sequence[int], shares: Sequence[Fraction]) -> list[list[int]]:
    """Divide each count by `shares`, which sum to 1, into whole numbers; ties go to the earlier side.

    What rounding took from a side in one count is owed to it in the next. Without that debt a thousand classes of
    seven rows would all be rounded the same way, and one side would get half of its rows.
    """
    scale = math.lcm(*(share.denominator for share in shares))
    weights = [int(share * scale) for share in shares]
    owed = [0] * len(weights)
    return [_divide(count, weights, scale, owed) for count in counts]


def _divide(count: int, weights: Sequence[int], scale: int, owed: list[int]) -> list[int]:
    """Divide one count; `owed` is in units of 1/scale row and carries over to the next."""
    sizes = [count * weight // scale for weight in weights]
    for side, weight in enumerate(weights):
        owed[side] += count * weight - sizes[side] * scale
    order = sorted((side for side, weight in enumerate(weights) if weight), key=lambda side: (-owed[side], side))
    for side in order[: count - sum(sizes)]:
        sizes[side] += 1
        owed[side] -= scale
    return sizes
