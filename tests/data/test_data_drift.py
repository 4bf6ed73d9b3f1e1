import math

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.binned import binned, cells, largest_gap, wasserstein
from mlops_runner.data.drift import (
    Rule,
    above_share_p,
    benjamini_hochberg,
    chi_square,
    contingency,
    holm,
    jensen_shannon,
    ks_p,
    movements,
    proportions_p,
    psi,
)
from mlops_runner.data.profile import Detail, describe
from mlops_runner.specs.data import Column

DETAIL = Detail(1_024, 1_000)


def entry(values, kind="float", detail=DETAIL):
    frame = pl.DataFrame({"x": values})
    return describe(frame.lazy(), {"x": Column(type=kind)}, len(frame), detail)["x"]


def normal(rows, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, size=rows)


def gap(old, new, detail=DETAIL):
    return largest_gap(binned(entry(old, detail=detail)), binned(entry(new, detail=detail)))


def moved(old, new, kind="float"):
    return movements({"x": entry(old, kind)}, {"x": entry(new, kind)}, Rule())["x"]


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=60), st.lists(st.integers(-5, 5), min_size=2, max_size=60))
@settings(max_examples=100, deadline=None)
def test_distances_of_few_values_are_exact(old, new):
    first, second = entry([float(v) for v in old]), entry([float(v) for v in new])
    assert largest_gap(binned(first), binned(second)) == pytest.approx(
        scipy.stats.ks_2samp(old, new, method="asymp").statistic
    )
    assert wasserstein(binned(first), binned(second)) == pytest.approx(scipy.stats.wasserstein_distance(old, new))


@pytest.mark.parametrize(("shift", "exact"), [(0.05, 0.019945), (0.25, 0.099476), (0.5, 0.197413), (1, 0.382925)])
def test_distance_of_a_shifted_normal_is_the_closed_form(shift, exact):
    grid = scipy.stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert gap(grid, grid + shift) == pytest.approx(exact, abs=5e-4)


def test_distance_from_bins_is_near_that_of_the_rows():
    old, new = normal(30_000), normal(20_000, 0.1, 1)
    assert gap(old, new) == pytest.approx(scipy.stats.ks_2samp(old, new, method="asymp").statistic, abs=1e-3)


def test_frequent_value_beside_a_gap_is_no_shift():
    old = [0.0] * 900 + list(np.linspace(114, 9_000, 1_500))
    new = [0.0] * 900 + list(np.linspace(401, 9_000, 1_450))
    assert gap(old, new, Detail(100, 10)) == pytest.approx(scipy.stats.ks_2samp(old, new).statistic, abs=0.01)


def test_wasserstein_is_the_known_answer():
    draw = np.random.RandomState(1)
    old, new = draw.normal(0, 1, 10_000), draw.normal(1, 1, 1_000)
    assert wasserstein(binned(entry(old)), binned(entry(new))) == pytest.approx(1.011445, abs=2e-3)


@pytest.mark.parametrize(("n", "m", "distance"), [(8, 8, 0.625), (10, 7, 0.4), (100, 100, 0.08), (60, 100, 0.3)])
def test_exact_p_value_is_that_of_scipy(n, m, distance):
    pairs = [(i, j) for i in range(n + 1) for j in range(m + 1)]
    d = min((abs(i / n - j / m) for i, j in pairs), key=lambda one: abs(one - distance))
    old, new = next(samples for samples in _samples(n, m) if math.isclose(scipy.stats.ks_2samp(*samples).statistic, d))
    assert ks_p(d, n, m) == pytest.approx(scipy.stats.ks_2samp(old, new, method="exact").pvalue, rel=1e-6)


def _samples(n, m):
    """Yield pairs of samples whose distance takes every possible value: the second slides over the first."""
    for shift in np.linspace(-n, n, 8 * n * m + 1):
        yield np.arange(n) + 0.25, np.arange(m) * n / m + shift + 0.1


def test_exact_p_value_of_the_known_samples():
    old, new = scipy.stats.norm.rvs(size=100, random_state=0), scipy.stats.norm.rvs(size=100, random_state=1)
    assert gap(old, new) == pytest.approx(0.08)
    assert ks_p(0.08, 100, 100) == pytest.approx(0.908411, abs=1e-6)


@pytest.mark.parametrize(("rows", "critical"), [(1_000, 0.06074), (10_000, 0.01921), (1_000_000, 0.001921)])
def test_critical_distance_has_the_level(rows, critical):
    assert ks_p(critical, rows, rows) == pytest.approx(0.05, abs=2e-4)


def test_chi_square_is_the_known_answer():
    table = np.array([[16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]], float)
    assert chi_square(table)[1] == pytest.approx(0.898526, abs=1e-6)


@given(st.lists(st.tuples(st.integers(30, 500), st.integers(30, 500)), min_size=2, max_size=8))
def test_chi_square_is_that_of_scipy(counts):
    table = np.array(counts, float).T
    found = scipy.stats.chi2_contingency(table, correction=False)
    v, p = chi_square(table)
    total = table.sum()
    assert p == pytest.approx(found.pvalue, rel=1e-9)
    assert v == pytest.approx(math.sqrt(max(0, found.statistic / total - found.dof / (total - 1))))


def test_rare_categories_are_pooled():
    draw = np.random.default_rng(4)
    shares = 1 / np.arange(1, 501)
    false = sum(
        chi_square(draw.multinomial(2_000, shares / shares.sum(), 2).astype(float))[1] < 0.05 for _ in range(300)
    )
    assert 0.01 < false / 300 < 0.08


def test_categories_known_to_one_side_only_are_one_cell():
    old = {"rows": 10, "missing": 0, "categories": [{"value": "a", "count": 6}, {"value": "b", "count": 4}], "other": 0}
    new = {"rows": 10, "missing": 1, "categories": [{"value": "a", "count": 5}, {"value": "c", "count": 1}], "other": 3}
    assert contingency(old, new).tolist() == [[6, 0, 4], [5, 1, 3]]


def test_proportions_are_compared_by_the_pooled_z_test():
    pooled = 150 / 2_000
    z = (0.1 - 0.05) / math.sqrt(pooled * (1 - pooled) * 2 / 1_000)
    assert proportions_p((50, 100), (1_000, 1_000)) == pytest.approx(2 * scipy.stats.norm.sf(z))
    assert proportions_p((0, 0), (10, 10)) == proportions_p((10, 10), (10, 10)) == 1.0


def test_share_is_bounded_by_the_binomial():
    assert above_share_p(20, 1_000, 0.01) == pytest.approx(scipy.stats.binom.sf(19, 1_000, 0.01))
    assert above_share_p(0, 1_000, 0.01) == 1


@pytest.mark.parametrize(("shift", "expected"), [(0.25, 0.0603), (0.5, 0.2383)])
def test_psi_of_a_shifted_normal_is_that_of_ten_bins(shift, expected):
    grid = scipy.stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    shares = cells(binned(entry(grid)), binned(entry(grid + shift)))
    assert shares.shape == (2, 10)
    assert psi(shares, (10**9, 10**9)) == pytest.approx(expected, rel=0.03)


def test_psi_leaves_out_what_chance_alone_gives():
    found = [psi(cells(binned(entry(normal(1_000, seed=s))), binned(entry(normal(1_000, seed=s + 99)))), (1_000, 1_000))
             for s in range(40)]  # fmt: skip
    assert np.mean(found) < 0.006


def test_jensen_shannon_is_in_bits():
    assert jensen_shannon(np.array([[1.0, 0.0], [0.0, 1.0]])) == 1
    shares = np.array([[0.36, 0.48, 0.16], [0.30, 0.50, 0.20]])
    middle = shares.mean(axis=0)
    expected = math.sqrt(sum(scipy.stats.entropy(side, middle, base=2) for side in shares) / 2)
    assert jensen_shannon(shares) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values_are_those_of_the_definitions(values):
    ordered = sorted(values)
    n = len(values)
    for value, adjusted in zip(values, holm(values), strict=True):
        rank = ordered.index(value) if values.count(value) == 1 else max(i for i, v in enumerate(ordered) if v == value)
        least = max(min(1, (n - i) * v) for i, v in enumerate(ordered[: rank + 1]))
        assert adjusted == pytest.approx(least) or values.count(value) > 1
    if values:
        expected = scipy.stats.false_discovery_control(values)
        assert benjamini_hochberg(values) == pytest.approx(expected.tolist())


def test_large_samples_need_an_effect_and_small_ones_are_too_small():
    assert moved(normal(50_000), normal(50_000, 0.1, 1)).test("ks").answer == "same"
    assert moved(normal(50_000), normal(50_000, 0.1, 1)).test("ks").p < 1e-9
    assert moved(normal(5_000), normal(5_000, 0.4, 1)).test("ks").answer == "shifted"
    assert moved(normal(399), normal(399, 3, 1)).test("ks").answer == "not enough data"


def test_missing_values_have_a_test_of_their_own():
    holes = [None if at % 10 == 0 else value for at, value in enumerate(normal(5_000).tolist())]
    found = moved(normal(5_000), holes)
    assert [test.name for test in found.shifted] == ["missing"]
    assert found.missing == (0, 0.1)


def test_new_category_on_enough_rows_is_unseen():
    old, new = ["a", "b"] * 2_000, ["a", "b"] * 1_900 + ["c"] * 100
    found = moved(old, new, "string")
    assert found.unseen == ("c",)
    assert "unseen" in [test.name for test in found.shifted]
    assert "unseen" not in [t.name for t in moved(old, ["a", "b"] * 1_990 + ["c"] * 10, "string").shifted]


def test_rows_that_lean_on_their_neighbours_weaken_the_p_value():
    old, new = entry(normal(5_000)), entry(normal(5_000, 0.2, 1))
    lean = {**old, "effective": 200}
    weak, strong = (movements({"x": one}, {"x": new}, Rule())["x"].test("ks").p for one in (lean, old))
    assert weak > 0.01 > strong
    few = movements({"x": {**old, "effective": 99}}, {"x": new}, Rule())["x"].test("ks")
    assert few.answer == "not enough data"


def test_false_alarms_among_many_columns_are_held_down():
    draw = np.random.default_rng(5)
    columns = {f"c{i}": Column(type="float") for i in range(60)}
    old, new = (pl.DataFrame({name: draw.normal(size=800) for name in columns}) for _ in range(2))
    sides = [describe(frame.lazy(), columns, 800, Detail(101, 10)) for frame in (old, new)]
    found = movements(*sides, Rule(numbers=0.0))
    assert sum(bool(movement.shifted) for movement in found.values()) <= 1


def test_dates_and_texts_have_no_deviation_but_a_distance():
    days = pl.date_range(pl.date(2025, 1, 1), pl.date(2027, 1, 1), eager=True)
    found = moved(days, days.dt.offset_by("300d"), "date")
    assert found.test("ks").effect == pytest.approx(300 / len(days), abs=0.01)
    assert set(found.distances) == {"psi", "js"}


def test_profiles_of_version_1_can_still_be_compared():
    old = {"rows": 1_000, "missing": 0, "unique": 900, "edges": [0.0, 0.5, 1.0], "counts": [500, 500], "std": 0.29}
    new = {**old, "edges": [0.0, 0.75, 1.0]}
    assert movements({"x": old}, {"x": old}, Rule())["x"].test("ks").effect == 0
    assert movements({"x": old}, {"x": new}, Rule())["x"].test("ks").effect == 0.25


def test_column_without_values_has_only_a_missing_test():
    assert [test.name for test in moved([1.0] * 500, [None] * 500).tests] == ["missing"]
