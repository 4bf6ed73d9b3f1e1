import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data import split as split_module
from mlops_runner.data.draws import draw_sides, random_order
from mlops_runner.data.row_digest import row_digests
from mlops_runner.data.split import divide
from mlops_runner.data.table import Table

COLUMNS = {
    "k": {"type": "int"}, "name": {"type": "string", "max_missing": 1}, "y": {"type": "string", "role": "target"},
}  # fmt: skip
SOURCE = {"kind": "parquet", "path": "rows.parquet"}
KEYS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | st.text(max_size=20)), min_size=1, unique=True)


def frame(rows: list[tuple[int, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"k": pl.Int64, "name": pl.String}, orient="row").with_columns(y=pl.lit("a"))


@pytest.fixture(scope="session")
def hashed(describe):
    def sides(rows: pl.DataFrame, **options) -> list[int]:
        spec = describe(SOURCE, COLUMNS, split={"kind": "hash", "columns": ["k", "name"], **options})
        return divide(spec, Table(rows, "rows")).sides.tolist()

    return sides


def test_digest_of_a_row_is_the_one_that_the_words_describe():
    def mix(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    def absorb(state, *words):
        for word in words:
            state = mix(((state ^ word) + 0x9E3779B97F4A7C15) % 2**64)
        return state

    text = "Grüße, Welt".encode()
    expected = [
        absorb(0, 7, 1, 2**64 - 3, 3 + 4 * 13, int.from_bytes(text[:8], "little"), int.from_bytes(text[8:], "little")),
        absorb(0, 7, 2**64 - 1, 0, 2**64 - 1, 0),
        absorb(0, 7, 1, 5, 3),
    ]
    assert row_digests([pl.Series([-3, None, 5]), pl.Series(["Grüße, Welt", None, ""])], 7).tolist() == expected


def test_digests_never_change_between_releases():
    rows = [pl.Series([1.5, -0.0, None]), pl.Series([True, False, None]), pl.Series(["x" * 8, "", "né"])]
    assert row_digests(rows).tolist() == [9307311838483711043, 7034315916028213782, 3820352500034768781]


def test_number_has_one_digest_whatever_its_type():
    whole, real, small = pl.Series([1, -7, 0]), pl.Series([1.0, -7.0, -0.0]), pl.Series([1, -7, 0], dtype=pl.Int8)
    assert row_digests([whole]).tolist() == row_digests([real]).tolist() == row_digests([small]).tolist()


def test_date_and_its_first_moment_in_any_unit_of_time():
    moments = pl.Series(["2025-03-01T12:00:00"]).str.to_datetime()
    digests = {row_digests([moments.dt.cast_time_unit(unit)])[0] for unit in ("ms", "us", "ns")}
    assert len(digests) == 1


def test_texts_of_many_lengths_do_not_meet():
    texts = pl.Series([letter * n for n in range(100) for letter in "ab"] + ["\0" * n for n in range(1, 30)])
    assert len(set(row_digests([texts]).tolist())) == texts.n_unique()


@given(KEYS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_row_keeps_its_side_when_rows_are_added_removed_or_reordered(hashed, rows, random):
    before = dict(zip(rows, hashed(frame(rows)), strict=True))
    kept = random.sample(rows, random.randint(1, len(rows)))
    after = dict(zip(kept, hashed(frame(kept)), strict=True))
    assert all(before[row] == side for row, side in after.items())


def test_hash_split_holds_its_shares_roughly(hashed):
    sides = np.bincount(hashed(frame([(k, f"n{k}") for k in range(20_000)]), validation=0.3, test=0.1))
    assert np.abs(sides / 20_000 - [0.6, 0.3, 0.1]).max() < 0.01


def test_larger_test_share_keeps_the_rows_that_were_there(hashed):
    rows = frame([(k, None) for k in range(2_000)])
    small, large = hashed(rows, test=0.1), hashed(rows, test=0.3)
    assert all(new == 2 for old, new in zip(small, large, strict=True) if old == 2)


def test_seed_goes_into_the_digest(hashed):
    rows = frame([(k, None) for k in range(200)])
    assert hashed(rows, seed=1) == hashed(rows, seed=1) != hashed(rows, seed=2)


def test_hash_split_that_leaves_a_side_empty_is_refused(describe):
    spec = describe(SOURCE, COLUMNS, split={"kind": "hash", "columns": ["k"], "validation": 0.4, "test": 0.3})
    found = divide(spec, Table(frame([(1, "a")] * 9), "rows.parquet")).problems
    assert {one.code for one in found} == {"empty-side"}
    assert len(found) == 2


@given(st.integers(1, 5), st.integers(0, 3), st.data())
@settings(max_examples=60, deadline=None)
def test_many_rows_are_drawn_exactly(classes, seed, data):
    sizes = np.array(data.draw(st.lists(st.tuples(*[st.integers(0, 40)] * 3), min_size=classes, max_size=classes)))
    codes = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes), sizes.sum(axis=1))).astype(np.int32)
    if not len(codes):
        return
    sides = draw_sides(codes, sizes, len(codes), seed)
    assert np.array_equal([np.bincount(sides[codes == c], minlength=3) for c in range(classes)], sizes)


def test_drawn_sides_are_the_order_of_the_raw_words(monkeypatch):
    keys = np.random.PCG64(9).random_raw(10_000)
    expected = np.empty(10_000, np.int8)
    expected[np.argsort(keys, kind="stable")] = np.repeat([0, 1, 2], [6_000, 3_000, 1_000])
    monkeypatch.setattr("mlops_runner.data.draws.CHUNK", 777)
    monkeypatch.setattr("mlops_runner.data.draws.MOST_CELLS", 64)
    assert np.array_equal(draw_sides(None, np.array([[6_000, 3_000, 1_000]]), 10_000, 9), expected)


def test_table_with_very_many_rows_is_split_by_the_words(describe, monkeypatch):
    monkeypatch.setattr(split_module, "MOST_SHUFFLED", 99)
    spec = describe(
        SOURCE, COLUMNS, split={"kind": "random", "seed": 1, "validation": 0.2, "test": 0.1, "stratify": "y"}
    )
    rows = frame([(k, None) for k in range(100)]).with_columns(y=pl.Series(["a", "b", "b", "b", "b"] * 20))
    sides = divide(spec, Table(rows, "rows")).sides
    assert np.bincount(sides[rows["y"].to_numpy() == "a"]).tolist() == [14, 4, 2]
    assert np.bincount(sides).tolist() == [70, 20, 10]


def test_orders_of_other_seeds_differ():
    assert sorted(random_order(50, 1, 0).tolist()) == list(range(50))
    assert random_order(50, 1, 0).tolist() != random_order(50, 1, 1).tolist()
