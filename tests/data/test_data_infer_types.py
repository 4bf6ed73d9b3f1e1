"""Types of columns: every row counts, not only the first ones."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from infer_files import LABELS, NUMBERS, column, proposal, table

DAYS = [date(2024, 1, 1) + timedelta(days=i) for i in range(200)]


def typed(tmp_path, values, name="k"):
    return column(proposal(tmp_path, table({name: values})), name)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([i % 50 for i in range(200)], "int"),
        ([-i for i in range(200)], "int"),
        ([f"{i}.5" for i in range(200)], "float"),
        ([f"{i}e-3" for i in range(200)], "float"),
        (["true", "False"] * 100, "bool"),
        (["yes", "no"] * 100, "string"),
        (["" if i % 3 else i for i in range(200)], "int"),
        ([f"{day:%Y-%m-%d}" for day in DAYS], "date"),
        ([f"{day:%Y-%m-%d} 10:00:00" for day in DAYS], "datetime"),
        ([f"{day:%Y-%m-%d}T10:00:00.250Z" for day in DAYS], "datetime"),
        (["99999999999999999999"] * 100 + ["1"] * 100, "float"),
    ],
)
def test_a_type_is_found(tmp_path, values, kind):
    assert typed(tmp_path, values).facts.type == kind


def test_the_last_row_decides_as_much_as_the_first(tmp_path):
    assert typed(tmp_path, [*range(199), "0.5"]).facts.type == "float"
    assert typed(tmp_path, [*("01234",), *range(10000, 10199)]).facts.type == "string"


def test_a_row_that_no_sample_holds_is_still_read(tmp_path):
    values = [i % 100 for i in range(3000)]
    values[1501] = "0.25"
    text = "k,x,y\n" + "".join(f"{value},{i},{LABELS[i % 200]}\n" for i, value in enumerate(values))
    assert column(proposal(tmp_path, text), "k").facts.type == "float"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%d.%m.%Y", "%d.%m.%Y"),
        ("%m/%d/%Y", "%m/%d/%Y"),
        ("%d/%m/%Y", "%d/%m/%Y"),
        ("%m/%d/%y", "%m/%d/%y"),
        ("%d-%b-%Y", "%d-%b-%Y"),
        ("%d.%m.%Y 07:30", "%d.%m.%Y %H:%M"),
        ("%m/%d/%Y 07:30 PM", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_the_format_of_dates_is_found(tmp_path, form, expected):
    found = typed(tmp_path, [f"{day:{form}}" for day in DAYS])
    assert found.facts.typing.format == (expected,)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y"])
def test_day_and_month_are_told_apart_by_the_order_of_the_rows(tmp_path, form):
    days = [date(2023 + i // 144, i // 12 % 12 + 1, i % 12 + 1) for i in range(200)]
    found = typed(tmp_path, [f"{day:{form}}" for day in days], "seen_on")
    assert found.facts.typing.format == (form,)
    assert "other way round" in found.why


@pytest.mark.parametrize(("form", "expected"), [("%m/%d/%Y %I:%M %p", "%m/%d"), ("%d/%m/%Y %H:%M", "%d/%m")])
def test_who_writes_am_and_pm_writes_the_month_first(tmp_path, form, expected):
    moments = [datetime(2025, 3, 1 + i // 24, i % 24, tzinfo=UTC) for i in range(200)]
    found = typed(tmp_path, [f"{moment:{form}}" for moment in moments], "seen")
    assert found.facts.typing.format[0].startswith(expected)
    assert "please check" in found.why


def test_dates_in_three_formats_are_read_by_three(tmp_path):
    forms = ["%d.%m.%Y", "%Y-%m-%d", "%d %b %Y"]
    found = typed(tmp_path, [f"{day:{forms[i % 3]}}" for i, day in enumerate(DAYS)])
    assert found.facts.type == "date"
    assert set(found.facts.typing.format) == set(forms)


def test_dates_with_day_and_month_both_ways_are_text(tmp_path):
    values = [f"{day:%d/%m/%Y}" if i % 2 else f"{day:%m/%d/%Y}" for i, day in enumerate(DAYS)]
    assert typed(tmp_path, values).facts.type == "string"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("zip", [10000 + i * 13 for i in range(200)]),
        ("shop_id", [i % 4 for i in range(200)]),
        ("phone", [49300000 + i for i in range(200)]),
        ("k", [f"{i:04d}" for i in range(200)]),
    ],
)
def test_codes_stay_text(tmp_path, name, values):
    assert typed(tmp_path, values, name).facts.type == "string"


def test_a_word_in_a_column_of_numbers_is_made_missing_and_said(tmp_path):
    found = proposal(tmp_path, table({"k": [*range(150), "12k", *range(151, 200)]}))
    guess = column(found, "k")
    assert guess.facts.type == "int"
    assert '1 value is no int ("12k")' in guess.why
    assert found.cleaning[0][0] == {"kind": "cast", "columns": ["k"]}
    assert guess.max_missing == 0.01


def test_a_personal_value_is_not_shown_in_a_comment(tmp_path):
    values = [f"19{i % 90 + 10}-01-01" for i in range(199)] + ["Jane Doe"]
    assert "Jane" not in typed(tmp_path, values, "birth_date").why


def test_types_of_parquet_are_kept_and_what_has_none_is_left_out(tmp_path):
    frame = pl.DataFrame({"x": NUMBERS, "d": DAYS, "s": [f"{d:%d.%m.%Y}" for d in DAYS], "l": [[1]] * 200, "y": LABELS})
    frame.write_parquet(tmp_path / "t.parquet")
    found = proposal(tmp_path, (tmp_path / "t.parquet").read_bytes(), file="t.parquet")
    assert {g.name: g.facts.type for g in found.columns} == {"x": "float", "d": "date", "s": "date", "y": "string"}
    assert "List(Int64)" in found.skipped["l"]


def test_a_folder_of_partitions_is_one_table(tmp_path):
    for year in (2024, 2025):
        (tmp_path / f"t/year={year}").mkdir(parents=True)
        pl.DataFrame({"x": NUMBERS, "y": LABELS}).write_parquet(tmp_path / f"t/year={year}/p.parquet")
    from mlops_runner.data.infer.propose import propose
    from mlops_runner.data.infer.reading import File
    from mlops_runner.data.infer.values import Wishes

    found = propose(File(tmp_path / "t", "t", tmp_path), Wishes("y"))
    assert found.source == {"kind": "parquet", "path": "t", "partitions": "hive"}
    assert (found.rows, column(found, "year").facts.distinct) == (400, 2)
