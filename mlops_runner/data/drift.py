"""Has a column's distribution moved between two profiles? Pure: profile entries in, numbers and answers out.

A column has shifted when its adjusted p-value is below `alpha` AND its effect reaches the threshold. Below `min_rows`
known rows a side (or 100 independent ones) the answer is that there is not enough data: at small sizes effects are
large by chance, at large sizes p-values are small for nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_runner.data.binned import Binned, binned, cells, largest_gap, wasserstein

Entry = Mapping[str, Any]
Answer = Literal["shifted", "same", "not enough data"]
Floats = NDArray[np.float64]

EXACT_ROWS = 100
FEWEST_INDEPENDENT = 100
LEAST_EXPECTED = 5.0
PSI_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Rule:
    """When a column counts as shifted.

    numbers: least Kolmogorov-Smirnov distance; categories: least bias-corrected Cramér's V; missing: least change of
    the missing rate; unseen: share of rows with categories that the reference lacks. holm: adjust by Holm (one alarm
    stops something) instead of Benjamini-Hochberg (a list to look through).
    """

    alpha: float = 0.05
    numbers: float = 0.1
    categories: float = 0.05
    missing: float = 0.05
    unseen: float = 0.01
    min_rows: int = 400
    holm: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """One test of one column. `rows` are those of both sides that it looked at; p is adjusted over all columns."""

    name: Literal["ks", "chi-square", "missing", "unseen"]
    effect: float
    threshold: float
    p: float
    rows: tuple[int, int]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Movement:
    """What is known of one column's change: the tests, and distances that decide nothing."""

    tests: tuple[Measure, ...]
    distances: Mapping[str, float]
    missing: tuple[float, float]
    unseen: tuple[str, ...] = ()

    def test(self, name: str) -> Measure | None:
        """Return one of the tests, if the column had it."""
        return next((test for test in self.tests if test.name == name), None)

    def is_shifted(self, name: str) -> bool:
        """Whether one of the tests found a shift."""
        return any(test.name == name for test in self.shifted)

    @property
    def shifted(self) -> tuple[Measure, ...]:
        """The tests that found a shift."""
        return tuple(test for test in self.tests if test.answer == "shifted")


def movements(old: Mapping[str, Entry], new: Mapping[str, Entry], rule: Rule) -> dict[str, Movement]:
    """Compare the columns that both sides have, entry by entry, and judge them together."""
    names = [name for name in old if name in new]
    tests = {name: _tests(old[name], new[name], rule) for name in names}
    flat = [(name, test) for name in names for test in tests[name]]
    judged: dict[str, list[Measure]] = {name: [] for name in names}
    for family in ({"ks", "chi-square"}, {"missing"}, {"unseen"}):
        members = [(name, test) for name, test in flat if test.name in family]
        adjusted = (holm if rule.holm else benjamini_hochberg)([test.p for _, test in members])
        for (name, test), p in zip(members, adjusted, strict=True):
            judged[name].append(_judged(test, p, rule))
    return {
        name: Movement(tuple(judged[name]), _distances(old[name], new[name]), _rates(old[name], new[name]),
                       _new_categories(old[name], new[name]))
        for name in names
    }  # fmt: skip


def _judged(test: Measure, p: float, rule: Rule) -> Measure:
    answer = test.answer
    if answer != "not enough data":
        answer = "shifted" if p < rule.alpha and test.effect >= test.threshold else "same"
    return Measure(test.name, test.effect, test.threshold, p, test.rows, answer)


def _tests(old: Entry, new: Entry, rule: Rule) -> list[Measure]:
    found = [_missing_test(old, new, rule)]
    known, worth = _known(old, new), _worth(old, new)
    enough: Answer = "same" if min(known) >= rule.min_rows and min(worth) >= FEWEST_INDEPENDENT else "not enough data"
    if (pair := _pair(old, new)) is not None:
        distance = largest_gap(*pair)
        found.append(Measure("ks", distance, rule.numbers, ks_p(distance, *worth), known, enough))
    elif "categories" in old and "categories" in new:
        table = contingency(old, new)
        v, p = chi_square(table, math.prod(worth) * sum(known) / (math.prod(known) * sum(worth)))
        found.append(Measure("chi-square", v, rule.categories, p, known, enough))
        if (unseen := _unseen_test(old, new, rule, enough)) is not None:
            found.append(unseen)
    return found


def _pair(old: Entry, new: Entry) -> tuple[Binned, Binned] | None:
    first, second = binned(old), binned(new)
    return None if first is None or second is None else (first, second)


def _known(old: Entry, new: Entry) -> tuple[int, int]:
    return old["rows"] - old["missing"], new["rows"] - new["missing"]


def _worth(old: Entry, new: Entry) -> tuple[int, int]:
    """Return how many independent rows each side has."""
    known = _known(old, new)
    return min(known[0], old.get("effective", known[0])), min(known[1], new.get("effective", known[1]))


def _rates(old: Entry, new: Entry) -> tuple[float, float]:
    return old["missing"] / max(1, old["rows"]), new["missing"] / max(1, new["rows"])


def ks_p(distance: float, first: int, second: int) -> float:
    """Return the two-sided p-value of a Kolmogorov-Smirnov distance between samples of these sizes.

    Up to 100 rows a side it is exact for values without ties (Hodges, 1958), above that asymptotic.
    """
    if max(first, second) <= EXACT_ROWS:
        return _exact_ks_p(distance, first, second)
    from scipy.special import kolmogorov

    return float(kolmogorov(math.sqrt(first * second / (first + second)) * distance))


def _exact_ks_p(distance: float, first: int, second: int) -> float:
    """Walk all orders of two samples at once: the share of those that stay nearer than the distance."""
    least = round(distance * first * second)
    inside = np.zeros(second + 1)
    for i in range(first + 1):
        for j in range(second + 1):
            if abs(i * second - j * first) >= least and (i or j):
                inside[j] = 0.0
            elif i or j:
                from_left = inside[j - 1] * j if j else 0.0
                inside[j] = (inside[j] * i + from_left) / (i + j)
            else:
                inside[j] = 1.0
    return float(min(1.0, max(0.0, 1.0 - inside[second])))


def contingency(old: Entry, new: Entry) -> Floats:
    """Return the rows of each category on both sides, shape (2, categories).

    A category counts by itself when both sides know how many rows it has; the others are one cell together.
    """
    counts = [{one["value"]: one["count"] for one in entry["categories"]} for entry in (old, new)]
    names = dict.fromkeys([*counts[0], *counts[1]])
    common = [n for n in names if (n in counts[0] or not old["other"]) and (n in counts[1] or not new["other"])]
    rows = [[side.get(name, 0) for name in common] for side in counts]
    rest = [known - sum(row) for known, row in zip(_known(old, new), rows, strict=True)]
    return np.array([[*row, left] for row, left in zip(rows, rest, strict=True)], np.float64)


def chi_square(table: Floats, worth: float = 1.0) -> tuple[float, float]:
    """Return the bias-corrected Cramér's V and the p-value of the two-sample chi-square of a table, shape (2, n).

    Categories with an expected count below 5 on a side are pooled first; `worth` is how much of a row an independent
    one is. V = sqrt(max(0, chi2 / N - dof / (N - 1))) (Bergsma, 2013, for two rows).
    """
    pooled, total = _pooled(table), float(table.sum())
    dof = pooled.shape[1] - 1
    if dof < 1 or not pooled.sum(axis=1).all():
        return 0.0, 1.0
    expected = pooled.sum(axis=1, keepdims=True) * pooled.sum(axis=0) / total
    statistic = float((np.square(pooled - expected) / expected).sum())
    from scipy.special import chdtrc

    return math.sqrt(max(0.0, statistic / total - dof / (total - 1))), float(chdtrc(dof, statistic * worth))


def _pooled(table: Floats) -> Floats:
    table = table[:, table.sum(axis=0) > 0]
    shares = table.sum(axis=1) / max(1.0, table.sum())
    rare = table.sum(axis=0) * shares.min() < LEAST_EXPECTED
    if not rare.any():
        return table
    kept, pool = table[:, ~rare], table[:, rare].sum(axis=1)
    if pool.sum() * shares.min() >= LEAST_EXPECTED or not kept.shape[1]:
        return np.column_stack((kept, pool))
    kept[:, np.argmin(kept.sum(axis=0))] += pool
    return kept


def _missing_test(old: Entry, new: Entry, rule: Rule) -> Measure:
    rows = old["rows"], new["rows"]
    rates = _rates(old, new)
    p = proportions_p((old["missing"], new["missing"]), rows)
    return Measure("missing", abs(rates[1] - rates[0]), rule.missing, p, rows, _enough(rows, rule))


def _enough(rows: tuple[int, int], rule: Rule) -> Answer:
    return "same" if min(rows) >= rule.min_rows else "not enough data"


def proportions_p(counts: tuple[int, int], rows: tuple[int, int]) -> float:
    """Return the two-sided p-value of the pooled z-test of two proportions."""
    if not min(rows) or sum(counts) in (0, sum(rows)):
        return 1.0
    pooled = sum(counts) / sum(rows)
    error = math.sqrt(pooled * (1 - pooled) * (1 / rows[0] + 1 / rows[1]))
    return math.erfc(abs(counts[0] / rows[0] - counts[1] / rows[1]) / error / math.sqrt(2))


def _new_categories(old: Entry, new: Entry) -> tuple[str, ...]:
    """Return the listed categories that the old side does not have; none where its list is not complete."""
    if old.get("other") != 0 or "categories" not in new:
        return ()
    seen = {one["value"] for one in old["categories"]}
    return tuple(str(one["value"]) for one in new["categories"] if one["value"] not in seen)


def _unseen_test(old: Entry, new: Entry, rule: Rule, enough: Answer) -> Measure | None:
    if old["other"] != 0:
        return None
    seen = {one["value"] for one in old["categories"]}
    rows = _known(old, new)
    # What is not listed on the new side may have been seen; it is not counted.
    count = sum(one["count"] for one in new["categories"] if one["value"] not in seen)
    share = count / max(1, rows[1])
    return Measure("unseen", share, rule.unseen, above_share_p(count, rows[1], rule.unseen), rows, enough)


def above_share_p(count: int, rows: int, share: float) -> float:
    """Return the probability of at least `count` of `rows` when each has the probability `share` (binomial)."""
    if not count:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(count - 1, rows, share))


def _distances(old: Entry, new: Entry) -> dict[str, float]:
    """Return the distances of a numeric column: psi and js over ten reference deciles, wasserstein in deviations."""
    pair = _pair(old, new)
    if pair is None:
        return {}
    shares = cells(*pair)
    found = {"psi": psi(shares, _worth(old, new)), "js": jensen_shannon(shares)}
    deviation = old.get("std")
    return {**found, "wasserstein": wasserstein(*pair) / deviation} if deviation else found


def psi(shares: Floats, rows: tuple[int, int]) -> float:
    """Return the population stability index of shares, shape (2, bins), less what chance alone gives.

    Shares are at least 1e-4. Without a shift its mean is (bins - 1) * (1/n + 1/m).
    """
    old, new = np.maximum(shares, PSI_FLOOR)
    chance = (int(shares.shape[1]) - 1) * (1 / max(1, rows[0]) + 1 / max(1, rows[1]))
    index = float(((new - old) * np.log(new / old)).sum())
    return max(0.0, index - chance)


def jensen_shannon(shares: Floats) -> float:
    """Return the Jensen-Shannon distance (the root of the divergence, in bits: 0 to 1) of shares, shape (2, bins)."""
    middle: Floats = shares.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(shares > 0, shares * np.log2(shares / middle), 0.0)
    return math.sqrt(max(0.0, float(parts.sum()) / 2))


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm stays below the level (Holm, 1979)."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, values[at] * (len(values) - rank)))
        adjusted[at] = highest
    return adjusted


def benjamini_hochberg(values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the share of false alarms among alarms stays below the level (1995)."""
    order = sorted(range(len(values)), key=lambda at: -values[at])
    adjusted, lowest = [0.0] * len(values), 1.0
    for rank, at in enumerate(order):
        lowest = min(lowest, values[at] * len(values) / (len(values) - rank))
        adjusted[at] = lowest
    return adjusted
