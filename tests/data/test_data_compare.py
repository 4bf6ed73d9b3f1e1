from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data import compare as comparing
from mlops_runner.data.compare import compare
from mlops_runner.data.profile import Detail, describe
from mlops_runner.data.versions import Version, version_of_file, version_of_profile
from mlops_runner.errors import InvalidInput
from mlops_runner.specs.data import Column

ROWS = 2_000
TYPES = {
    pl.Int64: "int", pl.Float64: "float", pl.String: "string", pl.Boolean: "bool", pl.Date: "date",
}  # fmt: skip


def table(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "customer": np.arange(rows),
            "income": draw.lognormal(10, 1, rows).round(2),
            "age": draw.integers(18, 90, rows),
            "city": draw.choice(["Oslo", "Bergen", "Bodø"], rows),
            "bought": draw.random(rows) < 0.3,
        }
    )


def version(frame: pl.DataFrame, *, key: bool = True, name: str = "v", **columns: Column) -> Version:
    found = {n: columns.get(n, Column(type=TYPES[type(t)])) for n, t in frame.schema.items()}
    if key and "customer" in found:
        found["customer"] = Column(type="int", role="id")
    return Version(name, found, {"rows": len(frame)}, None, {"rows": frame.lazy()})


def profiled(frame: pl.DataFrame, name: str = "v", **columns: Column) -> Version:
    """A stored version whose rows are not here."""
    of = version(frame, **columns)
    described = describe(frame.lazy(), of.columns, len(frame), Detail(1_024, 1_000))
    return version_of_profile(name, {"rows": {"train": len(frame)}, "columns": described}, None)


def with_holes(frame: pl.DataFrame, name: str, share: float = 0.1) -> pl.DataFrame:
    holes = pl.Series(np.random.default_rng(9).random(len(frame)) < share)
    return frame.with_columns(pl.when(holes).then(None).otherwise(name).alias(name))


def without(frame: pl.DataFrame, share: float = 0.1) -> pl.DataFrame:
    return frame.filter(pl.Series(np.random.default_rng(8).random(len(frame)) > share))


def said(found) -> dict:
    """All that differs, and nothing that does not."""
    rows, schema = found.rows, found.schema
    counts = (
        {} if rows is None else {n: getattr(rows, n) for n in ("added", "removed", "changed", "moved", "reordered")}
    )
    fields = {n: getattr(schema, n) for n in ("added", "removed", "renamed", "retyped", "roles")}
    columns = {c.name: [t.name for t in c.movement.shifted] for c in found.columns if c.differs}
    named = {"rows": {k: v for k, v in counts.items() if v}, "schema": {k: v for k, v in fields.items() if v}}
    return {key: value for key, value in {**named, "columns": columns}.items() if value}


@pytest.mark.parametrize("key", [True, False], ids=["by key", "by values"])
class TestChanges:
    def test_identical_copy_has_no_difference(self, key):
        found = compare(version(table(), key=key), version(table(), key=key))
        assert not found
        assert said(found) == {}

    def test_rows_that_are_gone_are_counted(self, key):
        less = without(table())
        assert said(compare(version(table(), key=key), version(less, key=key))) == {
            "rows": {"removed": ROWS - len(less)}
        }
        assert said(compare(version(less, key=key), version(table(), key=key))) == {"rows": {"added": ROWS - len(less)}}

    @pytest.mark.parametrize("name", ["income", "city", "bought"])
    def test_renamed_column_is_the_same_column(self, key, name):
        found = compare(version(table(), key=key), version(table().rename({name: "other"}), key=key))
        assert said(found) == {"schema": {"renamed": ((name, "other"),)}}

    def test_shifted_column_is_named(self, key):
        found = compare(version(table(), key=key), version(table().with_columns(pl.col("age") + 10), key=key))
        assert said(found) == {"rows": {"changed": ROWS}, "columns": {"age": ["ks"]}}
        assert {c.name: c.cells for c in found.columns if c.cells} == {"age": ROWS}

    def test_missing_values_are_named(self, key):
        holes = with_holes(table(), "city")
        found = compare(version(table(), key=key), version(holes, key=key))
        assert said(found) == {"rows": {"changed": holes["city"].null_count()}, "columns": {"city": ["missing"]}}

    def test_everything_at_once_is_told_apart(self, key):
        new = without(with_holes(table().with_columns(pl.col("age") + 10), "city")).rename({"income": "salary"})
        assert said(compare(version(table(), key=key), version(new, key=key))) == {
            "rows": {"removed": ROWS - len(new), "changed": len(new)},
            "schema": {"renamed": (("income", "salary"),)},
            "columns": {"age": ["ks"], "city": ["missing"]},
        }

    def test_new_and_lost_columns_are_named(self, key):
        new = table().drop("age").with_columns(pl.col("income").sqrt().alias("root"))
        assert said(compare(version(table(), key=key), version(new, key=key))) == {
            "schema": {"added": ("root",), "removed": ("age",)}
        }

    def test_rows_in_another_order_are_the_same_rows(self, key):
        turned = table().reverse()
        assert said(compare(version(table(), key=key), version(turned, key=key))) == {"rows": {"reordered": True}}


def test_number_with_another_type_is_retyped_only():
    new = table().with_columns(pl.col("age").cast(pl.Float64))
    assert said(compare(version(table()), version(new))) == {"schema": {"retyped": (("age", "int", "float"),)}}


def test_number_that_became_text_is_retyped_only():
    new = table().with_columns(pl.col("age").cast(pl.String))
    assert said(compare(version(table()), version(new))) == {"schema": {"retyped": (("age", "int", "string"),)}}


def test_columns_in_another_order_are_the_same():
    assert not compare(version(table()), version(table().select(sorted(table().columns))))


def test_few_changed_values_are_counted_without_a_shift():
    new = table().with_columns(pl.when(pl.col("customer").is_in([3, 5])).then(99).otherwise("age").alias("age"))
    found = compare(version(table()), version(new))
    assert said(found) == {"rows": {"changed": 2}, "columns": {"age": []}}
    assert found.rows.examples == {"changed": ("3", "5")}


def test_values_in_other_rows_are_changed_rows():
    new = table().with_columns(pl.col("income").reverse())
    found = compare(version(table(), key=False), version(new, key=False))
    assert said(found)["rows"]["changed"] > ROWS * 0.99
    assert "income" in said(found)["columns"]


def test_rows_of_other_people_are_not_taken_for_changed_ones():
    other = table(seed=5).with_columns(pl.col("customer") + 10_000)
    found = compare(version(table(), key=False), version(other, key=False))
    assert (found.rows.removed, found.rows.added, found.rows.changed) == (ROWS, ROWS, 0)


def test_examples_hide_personal_keys():
    private = Column(type="int", role="id", tags=("pii",))
    sides = (replace(version(frame), columns={**version(frame).columns, "customer": private})
             for frame in (table(), without(table())))  # fmt: skip
    assert set(compare(*sides).rows.examples["removed"]) == {"***"}


def test_rows_on_another_side_of_the_split_are_counted():
    frame = table()
    sides = [
        replace(version(frame), counts={"train": cut, "test": ROWS - cut},
                sides={"train": frame.head(cut).lazy(), "test": frame.tail(ROWS - cut).lazy()})
        for cut in (1_500, 1_490)
    ]  # fmt: skip
    assert said(compare(*sides)) == {"rows": {"moved": 10}}


def test_given_key_may_be_several_columns():
    frame = table().with_columns(pl.col("customer") // 2, part=pl.col("customer") % 2)
    new = frame.with_columns(pl.col("age") + 10)
    found = compare(version(frame, key=False), version(new, key=False), ["customer", "part"])
    assert (found.key, said(found)["rows"]) == (("customer", "part"), {"changed": ROWS})


def test_key_that_tells_not_all_rows_apart_is_given_up_with_a_note():
    twice = pl.concat([table(), table().head(1)])
    found = compare(version(table()), version(twice))
    assert said(found) == {"rows": {"added": 1}}
    assert found.notes == ('"customer" does not tell all rows apart; rows are matched by their values',)


def test_key_that_is_no_column_is_refused():
    with pytest.raises(InvalidInput) as caught:
        compare(version(table()), version(table()), ["custmer"])
    assert caught.value.diagnostics[0].code == "unknown-column"
    assert 'did you mean "customer"' in (caught.value.diagnostics[0].hint or "")


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=25), st.data())
@settings(max_examples=60, deadline=None)
def test_rows_without_key_add_up(rows, data):
    kept = data.draw(st.lists(st.sampled_from(rows), max_size=20)) if rows else []
    frames = [pl.DataFrame(side, schema={"n": pl.Int64, "c": pl.String}, orient="row") for side in (rows, kept)]
    found = compare(*(version(frame) for frame in frames)).rows
    assert len(rows) - found.removed == len(kept) - found.added
    if sorted(rows) == sorted(kept):
        assert found.added == found.removed == found.changed == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frame: frame, {}),
        (lambda frame: frame.rename({"city": "town"}), {"schema": {"renamed": (("city", "town"),)}}),
        (lambda frame: frame.with_columns(pl.col("age") + 10), {"columns": {"age": ["ks"]}}),
        (lambda frame: with_holes(frame, "city"), {"columns": {"city": ["missing"]}}),
        (lambda frame: frame.drop("age"), {"schema": {"removed": ("age",)}}),
    ],
    ids=["copy", "renamed", "shifted", "missing", "gone"],
)
def test_profiles_alone_tell_what_happened(change, expected):
    found = compare(profiled(table()), profiled(change(table())))
    assert (found.basis, said(found)) == ("profiles", expected)
    assert bool(found) == bool(expected)


def test_profiles_that_differ_a_little_are_different():
    found = compare(profiled(table()), profiled(without(table(), 0.01)))
    assert bool(found)
    assert said(found) == {}


def test_personal_columns_of_a_profile_stay_personal():
    secret = Column(type="float", tags=("pii",))
    found = compare(profiled(table(), income=secret), profiled(table(), income=secret))
    assert found.new.columns["income"].tags == ("pii",)
    assert [t.name for t in next(c for c in found.columns if c.name == "income").movement.tests] == ["missing"]


def test_too_many_values_are_compared_by_profile(monkeypatch):
    monkeypatch.setattr(comparing, "MOST_CELLS", 100)
    sides = [replace(profiled(frame), sides={"train": frame.lazy()}) for frame in (table(), table())]
    found = compare(*sides)
    assert (found.basis, found.notes) == ("profiles", ("20,000 values are too many to compare one by one",))


def test_missing_numbers_of_a_frame_may_be_nan():
    frame = table().with_columns(pl.when(pl.col("age") > 80).then(float("nan")).otherwise("income").alias("income"))
    assert not compare(version(frame), version(frame))


def test_files_of_any_dialect_are_compared(tmp_path):
    frame = table()
    frame.write_csv(tmp_path / "old.csv", separator=";")
    frame.write_parquet(tmp_path / "new.parquet")
    old, new = (version_of_file(tmp_path / name, name) for name in ("old.csv", "new.parquet"))
    found = compare(old, new)
    assert (found.key, said(found)) == (("customer",), {})
