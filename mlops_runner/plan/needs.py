"""Whether a part of the machine is what an environment declares: versions of packages, programs and drivers."""

import re
from itertools import zip_longest

_CONDITION = re.compile(r"(>=|<=|>|<)?\s*(.+)")
_EPOCH = re.compile(r"^[0-9]+:")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def fits(found: str, versions: str) -> bool:
    """Say whether a version is among those that will do: `12.2` (also 12.2.1, 12.2-4), `>=550`, `>=2.43,<3`.

    Ranges compare the numbers that a version begins with, beyond a Debian package's epoch: 2:9.20.1~rc2-3 is 9.20.1.
    """
    return all(_fits(found, condition.strip()) for condition in versions.split(","))


def _fits(found: str, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    assert match is not None
    operator, wanted = match.groups()
    if operator is None:
        return found == wanted or re.match(rf"{re.escape(wanted)}(?![0-9A-Za-z])", _EPOCH.sub("", found)) is not None
    order = _order(_numbers(found), _numbers(wanted))
    return {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[operator]


def _numbers(version: str) -> list[int]:
    match = _NUMBERS.match(_EPOCH.sub("", version))
    return [int(part) for part in match[0].split(".")] if match else []


def _order(one: list[int], other: list[int]) -> int:
    """Compare two versions number by number; one that ends early goes on with zeros."""
    pairs = zip_longest(one, other, fillvalue=0)
    return next((-1 if left < right else 1 for left, right in pairs if left != right), 0)
