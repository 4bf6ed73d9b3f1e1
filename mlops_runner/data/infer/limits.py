"""Limits that a person would write: they hold for this file with room to spare, so that the next one passes too."""

import math
from collections.abc import Mapping
from dataclasses import replace

from mlops_runner.data.infer import naming
from mlops_runner.data.infer.values import Facts, Guess

# What a name promises, where all values keep to it.
DOMAINS: Mapping[str, tuple[float, float]] = {
    "age": (0, 120),
    "hour": (0, 23),
    "hr": (0, 23),
    "minute": (0, 59),
    "month": (1, 12),
    "mnth": (1, 12),
    "day": (1, 31),
    "weekday": (0, 7),
    "quarter": (1, 4),
    "week": (0, 53),
    "year": (1900, 2100),
    "percent": (0, 100),
    "percentage": (0, 100),
    "pct": (0, 100),
    "latitude": (-90, 90),
    "lat": (-90, 90),
    "longitude": (-180, 180),
    "lon": (-180, 180),
    "lng": (-180, 180),
    "probability": (0, 1),
    "proba": (0, 1),
    "prob": (0, 1),
    "share": (0, 1),
    "fraction": (0, 1),
    "ratio": (0, 1),
    "rate": (0, 1),
    "ph": (0, 14),
}
YEARS = (1700, 2100)
MONTHS = tuple(
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
WEEKDAYS = tuple("monday tuesday wednesday thursday friday saturday sunday".split())  # noqa: SIM905
FAMILIES = (MONTHS, tuple(month[:3] for month in MONTHS), WEEKDAYS, tuple(day[:3] for day in WEEKDAYS))
FEWEST_OF_A_FAMILY = 3
CLOSED_VALUES = 20
ROWS_A_VALUE = 10
FEWEST_OF_A_VALUE = 5
OFTEN = 0.02
NUMBERED = 12
FEW = 30
STEPS = (1.0, 2.0, 5.0, 10.0)
MISSING_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ROOM = 1.5
TINIEST, HUGEST = 1e-300, 1e307


def limited(guess: Guess, *, classes: bool = False) -> Guess:
    """Add the limits that fit a column's role; `classes` says that it is a target with classes."""
    facts = guess.facts
    if guess.role == "ignored":
        return replace(guess, max_missing=1.0 if facts.missing else 0.0)
    missing = 0.0 if guess.role == "target" else share_above(facts.missing / facts.rows)
    limits: Guess = replace(guess, max_missing=missing)
    if guess.role in {"id", "time", "group"}:
        return limits
    if not classes and (family := _family(facts)):
        return replace(limits, allowed=family)
    if classes or (is_closed(facts) and not _domain(facts)):
        return replace(limits, allowed=tuple(sorted(value for value, _ in facts.values))) if facts.values else limits
    if facts.numeric and facts.low is not None and facts.high is not None:
        low, high = bounds(facts)
        return replace(limits, min=low, max=high)
    return limits


def _family(facts: Facts) -> tuple[str, ...] | None:
    """Return all months, or all days of the week, in the spelling of the column when it holds some of them."""
    if facts.type != "string" or not len(facts.values) >= FEWEST_OF_A_FAMILY:
        return None
    texts = {str(value) for value, _ in facts.values}
    spelled = (tuple(map(case, family)) for family in FAMILIES for case in (str.lower, str.capitalize, str.upper))
    return next((family for family in spelled if texts <= set(family)), None)


def is_closed(facts: Facts) -> bool:
    """Whether the values are a small set to which the next file will hardly add one."""
    if not facts.values or len(facts.values) > CLOSED_VALUES or facts.type in {"date", "datetime", "bool"}:
        return False
    fewest = min(count for _, count in facts.values)
    if facts.numeric:
        return fewest >= OFTEN * facts.known and _are_numbered(facts) and not is_year(facts.name)
    return fewest >= FEWEST_OF_A_VALUE and facts.known >= ROWS_A_VALUE * facts.distinct


def _are_numbered(facts: Facts) -> bool:
    """Whether the values are 0 and 1, or a few whole numbers that follow each other from 0 or 1 on."""
    values = sorted(value for value, _ in facts.values)
    return len(values) <= NUMBERED and values[0] in {0, 1} and values == [values[0] + i for i in range(len(values))]


def is_year(name: str) -> bool:
    """Whether the values go up with the years, so that the next file has new ones."""
    return naming.has(name, frozenset({"year", "yr"}))


def bounds(facts: Facts) -> tuple[float | int | None, float | int | None]:
    """Return the ends of the range, rounded outward; None where nothing that a number can hold is beyond it."""
    assert facts.low is not None
    assert facts.high is not None
    low, high = facts.low, facts.high
    if domain := _domain(facts):
        return _whole(domain[0]), _whole(domain[1])
    if facts.type == "int" and YEARS[0] <= low and high <= YEARS[1] and high - low < YEARS[1] - YEARS[0]:
        return (1900 if low >= 1900 else YEARS[0]), YEARS[1]
    if is_year(facts.name):
        return (0 if low >= 0 else None), None
    room = 1.25 if facts.whole and facts.distinct <= FEW else 2.0
    if low >= 0:
        return 0, _whole(round_up(high, room))
    if facts.type == "int" and low == -1:
        return -1, _whole(round_up(high, room) if high > 0 else 0.0)
    if low < -0.9 and low >= -1 and 0 < high <= 1 and facts.type == "float":
        return -1, 1
    return _whole(-round_up(-low, room)), _whole(round_up(high, room) if high > 0 else 0.0)


def _domain(facts: Facts) -> tuple[float, float] | None:
    """Return the ends that the name of a numeric column promises and all its values keep."""
    if facts.low is None or facts.high is None:
        return None
    ends = (DOMAINS.get(word) for word in (facts.name.lower(), *naming.words_of(facts.name)[-1:]))
    return next((end for end in ends if end and end[0] <= facts.low and facts.high <= end[1]), None)


def round_up(value: float, room: float) -> float:
    """Return 1, 2 or 5 times a power of ten that leaves room above a value; 1 for 0; infinity where there is none."""
    if value <= 0:
        return 1.0
    wanted = max(value * room, TINIEST)
    if wanted > HUGEST:
        return math.inf
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next((step for step in STEPS if step * power >= wanted * (1 - 1e-9)), STEPS[-1])
    return float(f"{step * power:.1g}")


def round_down(count: int) -> int:
    """Return 1, 2 or 5 times a power of ten that is not above a count of at least one."""
    power = int(10 ** (len(str(count)) - 1))
    return power * next(step for step in (5, 2, 1) if step * power <= count)


def share_above(share: float) -> float:
    """Return a round share with room above the one measured; 0 stays 0."""
    return 0.0 if not share else next((step for step in MISSING_STEPS if step >= min(1.0, ROOM * share)), 1.0)


def _whole(value: float) -> float | int | None:
    if math.isinf(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value
