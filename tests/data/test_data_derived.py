"""Columns derived from the past of a series, against a definition written out row by row."""

import json
import math
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.derived.derive import derive
from mlops_runner.data.sources import parquet
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data

COLUMNS = {
    "day": {"type": "date", "role": "time"},
    "shop": {"type": "string", "role": "ignored"},
    "sales": {"type": "int", "role": "target"},
    "price": {"type": "float", "max_missing": 1},
}
SERIES = {"time": "day", "by": ["shop"], "every": "1d"}
LAG = {"kind": "lag", "columns": ["sales"], "steps": [1, 7]}
SPLIT = {"kind": "time", "time": "day", "validation": 0.2, "test": 0.2}
START = date(2024, 1, 1)
NOON = datetime.fromisoformat("2024-01-01T12:00:00")


def spec_of(derived, series=SERIES, columns=COLUMNS, **fields):
    fields.setdefault("split", {**SPLIT, "time": series["time"] if series else "day"})
    head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "shops", "source": {"kind": "csv", "path": "x.csv"}}
    document = {**head, "columns": columns, "series": series, "derived": derived, **fields}
    return Data.model_validate(document, strict=False)


def derived(rows, steps, series=SERIES, columns=COLUMNS):
    found = derive(spec_of(steps, series, columns), Table(rows, "x.csv"))
    return found, found.table.lazy.collect()


def shop(days, name="a", sales=None):
    values = list(range(len(days))) if sales is None else sales
    moments = [START + timedelta(days=day) for day in days]
    prices = [value / 4 for value in values]
    return pl.DataFrame({"day": moments, "shop": [name] * len(days), "sales": values, "price": prices})


def test_a_lag_is_the_value_of_the_same_series_some_steps_before():
    rows = pl.concat([shop(range(3), "a", [1, 2, 3]), shop(range(3), "b", [10, 20, 30])])
    _, found = derived(rows, [{"kind": "lag", "columns": ["sales"], "steps": [1, 2]}])
    assert found["sales_lag_1"].to_list() == [None, 1, 2, None, 10, 20]
    assert found["sales_lag_2"].to_list() == [None, None, 1, None, None, 10]
    assert found["sales_lag_1"].dtype == pl.Int64


def test_the_order_of_the_rows_neither_matters_nor_changes():
    rows = shop(range(6)).sample(fraction=1, shuffle=True, seed=3)
    _, found = derived(rows, [LAG])
    assert found.drop("sales_lag_1", "sales_lag_7").equals(rows)
    assert (found["sales"] - found["sales_lag_1"]).drop_nulls().to_list() == [1] * 5


def test_a_missing_step_is_a_missing_lag_and_not_the_row_before():
    _, found = derived(shop([0, 1, 3, 4]), [{"kind": "lag", "columns": ["sales"], "steps": [1, 2]}])
    assert found["sales_lag_1"].to_list() == [None, 0, None, 2]
    assert found["sales_lag_2"].to_list() == [None, None, 1, None]


def test_without_a_declared_step_the_row_before_counts_and_uneven_rows_are_warned_about():
    outcome, found = derived(shop([0, 1, 3, 4]), [LAG], {"time": "day", "by": ["shop"]})
    assert found["sales_lag_1"].to_list() == [None, 0, 1, 2]
    (said,) = outcome.said
    assert (said.code, said.severity, said.hint) == ("uneven-steps", "warning", "declare series.every")
    assert 'column "day": 1 row stands at another distance from the row before than most do' in said.message


def test_holes_of_all_series_are_counted():
    outcome, _ = derived(pl.concat([shop([0, 3], "a"), shop([0, 1, 5], "b")]), [LAG])
    assert (outcome.series, outcome.holes) == (2, 2 + 3)
    assert next(outcome.lines()) == "2 series, 5 moments missing between first and last"


@pytest.mark.parametrize(
    ("every", "moments"),
    [
        ("1mo", [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29)]),
        ("1y", [date(2022, 1, 1), date(2023, 1, 31), date(2024, 1, 1)]),
        ("1w", [date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15)]),
        ("15m", [NOON, NOON + timedelta(minutes=15), NOON + timedelta(minutes=30)]),
        (5, [10, 15, 20]),
    ],
)
def test_a_step_is_of_the_calendar_of_the_clock_or_a_number(every, moments):
    kind = {date: "date", datetime: "datetime", int: "int"}[type(moments[0])]
    rows = pl.DataFrame({"at": moments, "y": [1.0, 2.0, 3.0]})
    columns = {"at": {"type": kind, "role": "time"}, "y": {"type": "float", "role": "target"}}
    steps = [{"kind": "lag", "columns": ["y"], "steps": [1]}]
    _, found = derived(rows, steps, {"time": "at", "every": every}, columns)
    assert found["y_lag_1"].to_list() == [None, 1.0, 2.0]


def test_statistics_of_a_window_end_some_steps_before_the_row():
    steps = {"kind": "rolling", "columns": ["sales"], "shift": 2, "windows": [3]}
    rows = shop(range(6), sales=[1, 2, 6, 4, 5, 9])
    _, found = derived(rows, [{**steps, "statistics": ["mean", "sum", "min", "max", "std"]}])
    last = found.row(5, named=True)
    assert [last[f"sales_{name}_2_3"] for name in ("mean", "sum", "min", "max")] == [4.0, 12.0, 2, 6]
    assert last["sales_std_2_3"] == 2.0
    assert found["sales_mean_2_3"].to_list() == [None] * 4 + [3.0, 4.0]


def test_a_window_may_do_with_fewer_values_and_a_difference_is_of_two_past_values():
    rolling = {"kind": "rolling", "columns": ["sales"], "shift": 1, "windows": [3], "min_values": 2}
    steps = [
        {**rolling, "statistics": ["mean"]},
        {"kind": "difference", "columns": ["sales"], "shift": 1, "steps": [2]},
    ]
    _, found = derived(shop(range(5), sales=[1, 2, 6, 4, 5]), steps)
    assert found["sales_mean_1_3"].to_list() == [None, None, 1.5, 3.0, 4.0]
    assert found["sales_diff_1_2"].to_list() == [None, None, None, 5.0, 2.0]


def test_rows_without_a_full_past_leave_when_the_step_says_so():
    outcome, found = derived(shop(range(9)), [{**LAG, "missing": "drop"}])
    assert found["sales"].to_list() == [7, 8]
    assert str(outcome.steps[0]) == (
        "lag: 2 columns, 8 values missing (sales_lag_1 1, sales_lag_7 7); 7 rows dropped, 2 left"
    )
    assert outcome.table.place(0) == "row 8"


def test_series_shorter_than_the_lag_are_an_error_where_no_row_is_left():
    outcome, _ = derived(shop(range(5)), [{**LAG, "missing": "drop"}])
    (said,) = outcome.said
    assert said.code == "short-series"
    assert "the longest series has 5 steps, and the derived columns reach 7 steps back" in said.message


def test_a_doubled_moment_names_its_rows():
    outcome, _ = derived(shop([0, 1, 1, 2]), [LAG], {"time": "day", "every": "1d"})
    (said,) = outcome.said
    assert said.code == "doubled-moment"
    assert said.message == 'x.csv: column "day": 1 row repeats a moment of the series: row 3 "2024-01-02"'
    assert "series.by" not in said.message
    assert said.hint == "drop duplicates, or name the columns that tell series apart: by: […]"


def test_a_moment_off_the_step_and_a_missing_one_name_their_rows():
    outcome, _ = derived(shop([0, 7, 15]), [LAG], {**SERIES, "every": "1w"})
    assert outcome.said[0].message == (
        'x.csv: column "day": 1 row is not a whole number of 1w after the first of the series: row 3 "2024-01-16"'
    )
    rows = shop([0, 1]).with_columns(day=pl.Series([START, None]))
    assert derived(rows, [LAG])[0].said[0].message == 'x.csv: column "day": 1 value is missing: row 2'


def test_personal_data_stays_hidden_and_tags_go_with_the_derived_column():
    columns = {**COLUMNS, "day": {**COLUMNS["day"], "tags": ["pii"]}, "sales": {**COLUMNS["sales"], "tags": ["pii"]}}
    outcome, _ = derived(shop([0, 1, 1]), [LAG], columns=columns)
    assert '"2024' not in outcome.said[0].message
    assert spec_of([LAG], columns=columns).all_columns()["sales_lag_1"].tags == ("pii",)


ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.one_of(st.none(), st.floats(-1e6, 1e6))),
    unique_by=lambda row: row[:2],
    min_size=1,
)


@settings(deadline=None)
@given(rows=ROWS, shift=st.integers(0, 3), size=st.integers(2, 4), fewest=st.integers(2, 4))
def test_every_value_is_that_of_the_definition(rows, shift, size, fewest):
    known = {(name, day): value for name, day, value in rows}
    columns = {"day": {"type": "int"}, "shop": {"type": "string"}, "v": {"type": "float"}, "y": {"type": "int"}}
    columns["y"]["role"] = "target"
    frame = pl.DataFrame(
        {"day": [r[1] for r in rows], "shop": [r[0] for r in rows], "v": [r[2] for r in rows], "y": [0] * len(rows)},
        schema={"day": pl.Int64, "shop": pl.String, "v": pl.Float64, "y": pl.Int64},
    )
    fewest = min(fewest, size)
    names = ["mean", "sum", "min", "max", "std"]
    steps = [
        {"kind": "rolling", "columns": ["v"], "shift": shift, "windows": [size], "statistics": names,
         "min_values": fewest},
        {"kind": "lag", "columns": ["v"], "steps": [shift + 1]},
    ]  # fmt: skip
    _, found = derived(frame, steps, {"time": "day", "by": ["shop"], "every": 1}, columns)
    for row in found.to_dicts():
        past = [known.get((row["shop"], row["day"] - back)) for back in range(shift + size - 1, shift - 1, -1)]
        values = [value for value in past if value is not None]
        assert row[f"v_lag_{shift + 1}"] == known.get((row["shop"], row["day"] - shift - 1))
        if len(values) < fewest:
            assert [row[f"v_{name}_{shift}_{size}"] for name in names] == [None] * 5
            continue
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        assert row[f"v_sum_{shift}_{size}"] == sum(values)
        assert (row[f"v_mean_{shift}_{size}"], row[f"v_std_{shift}_{size}"]) == pytest.approx((mean, deviation))
        assert (row[f"v_min_{shift}_{size}"], row[f"v_max_{shift}_{size}"]) == (min(values), max(values))


@settings(deadline=None)
@given(rows=ROWS, more=st.integers(13, 40))
def test_what_comes_later_changes_no_row_before(rows, more):
    columns = {"day": {"type": "int"}, "shop": {"type": "string"}, "v": {"type": "float", "role": "target"}}
    steps = [{"kind": "rolling", "columns": ["v"], "shift": 1, "windows": [3], "statistics": ["mean", "std"]}]
    series = {"time": "day", "by": ["shop"], "every": 1}
    schema = {"shop": pl.String, "day": pl.Int64, "v": pl.Float64}
    short = derived(pl.DataFrame(rows, schema, orient="row"), steps, series, columns)[1]
    longer = derived(pl.DataFrame([*rows, ("a", more, 1.5)], schema, orient="row"), steps, series, columns)[1]
    assert longer.head(len(rows)).equals(short)


def test_the_stage_writes_derived_columns_with_lags_from_the_side_before(stage):
    rows = pl.concat([shop(range(20), "a"), shop(range(20), "b")])
    fields = {"split": SPLIT, "series": SERIES, "derived": [LAG]}
    done = stage.frame(rows, COLUMNS, **fields)
    assert stage.side("test").filter(shop="a")["sales_lag_7"].to_list() == [9, 10, 11, 12]
    assert done.metrics["columns"] == 6
    assert "derived: lag: 2 columns, 16 values missing (sales_lag_1 2, sales_lag_7 14)" in stage.said
    profile = json.loads((stage.out / "profile.json").read_text())
    assert profile["columns"]["sales_lag_7"]["missing"] == 14
    quality = json.loads((stage.out / "quality.json").read_text())
    assert quality["derived"] == {
        "series": 2, "holes": 0,
        "steps": [{"kind": "lag", "missing": {"sales_lag_1": 2, "sales_lag_7": 14}, "dropped": 0, "left": 40}],
    }  # fmt: skip


def test_a_scan_that_does_not_fit_in_memory_gives_the_same_bytes(stage, monkeypatch):
    rows = pl.concat([shop(range(30), "a"), shop([*range(20), *range(22, 30)], "b")]).sample(fraction=1, seed=2)
    clean = [{"kind": "filter", "where": {"column": "sales", "min": 1}}]
    steps = [LAG, {"kind": "lag", "columns": ["price"], "steps": [2], "missing": "drop"}]
    fields = {"split": SPLIT, "series": SERIES, "derived": steps, "cleaning": clean}
    written = []
    for held in (parquet.MOST_HELD, -1):
        monkeypatch.setattr(parquet, "MOST_HELD", held)
        stage.frame(rows, COLUMNS, **fields)
        written.append({file.name: file.read_bytes() for file in sorted(stage.out.iterdir())})
    assert written[0] == written[1]
    sides = sum(stage.side(name).height for name in ("train", "validation", "test"))
    assert sides == json.loads(written[0]["quality.json"])["derived"]["steps"][1]["left"] == 50


def test_rules_may_look_at_derived_columns_and_their_missing_values_are_no_fault(stage):
    rule = {"kind": "range", "column": "sales_lag_1", "max": 10}
    fields = {"split": SPLIT, "series": SERIES, "derived": [LAG], "checks": {"rules": [rule]}}
    (said,) = stage.complaints(stage.frame, shop(range(20)), COLUMNS, **fields)
    assert 'column "sales_lag_1"' in said.message


def test_a_time_column_that_is_not_there_or_cannot_be_read_is_one_complaint(stage):
    fields = {"split": SPLIT, "series": SERIES, "derived": [LAG]}
    (said,) = stage.complaints(stage.frame, shop(range(9)).drop("day"), COLUMNS, **fields)
    assert (said.code, 'column "day" is declared but not there' in said.message) == ("missing-column", True)
    text = "day,shop,sales,price\n2024-01-01,a,1,1\nsoon,a,2,2\n"
    (said,) = stage.complaints(stage.csv, text, COLUMNS, **fields)
    assert 'line 3 "soon"' in said.message


def test_doubled_moments_are_told_together_with_what_else_is_wrong(stage):
    rows = shop([0, 1, 1, 2]).with_columns(price=pl.Series([None, 1.0, 1.0, 1.0]))
    columns = {**COLUMNS, "price": {"type": "float"}}
    said = stage.complaints(stage.frame, rows, columns, split=SPLIT, series=SERIES, derived=[LAG])
    assert {one.code for one in said} >= {"doubled-moment", "missing-values"}


@pytest.mark.parametrize(
    ("series", "steps", "code", "path"),
    [
        (None, [LAG], "no-series", "derived"),
        ({**SERIES, "time": "dai"}, [LAG], "unknown-column", "series.time"),
        ({**SERIES, "time": "shop"}, [LAG], "type-mismatch", "series.time"),
        ({**SERIES, "every": "1h"}, [LAG], "type-mismatch", "series.every"),
        ({**SERIES, "every": 7}, [LAG], "type-mismatch", "series.every"),
        ({**SERIES, "every": "1fortnight"}, [LAG], "invalid-step", "series.every"),
        (SERIES, [{**LAG, "columns": ["sale"]}], "unknown-column", "derived.0.columns.0"),
        (SERIES, [{**LAG, "steps": [0]}], "greater_than_equal", "derived.0.lag.steps.0"),
        (SERIES, [LAG, LAG], "duplicate-column", "derived.1.steps.0"),
        (
            SERIES,
            [{"kind": "difference", "columns": ["sales"], "shift": 0, "steps": [1]}],
            "target-leak",
            "derived.0.columns.0",
        ),
        (
            SERIES,
            [{"kind": "difference", "columns": ["shop"], "shift": 1, "steps": [1]}],
            "type-mismatch",
            "derived.0.columns.0",
        ),
        (
            SERIES,
            [{"kind": "rolling", "columns": ["price"], "shift": 1, "windows": [1], "statistics": ["std"]}],
            "short-window",
            "derived.0.rolling",
        ),
    ],
)
def test_a_wrong_step_is_refused_where_it_is_written(series, steps, code, path):
    with pytest.raises(ValueError, match="validation error") as caught:
        spec_of(steps, series)
    found = [(error["type"], ".".join(map(str, error["loc"]))) for error in caught.value.errors()]
    assert any(kind == code and place.startswith(path) for kind, place in found), found


def test_lags_over_groups_that_are_no_series_are_refused():
    columns = {**COLUMNS, "shop": {"type": "string", "role": "group"}}
    with pytest.raises(ValueError, match="all groups would be one series"):
        spec_of([LAG], {"time": "day"}, columns)


RANDOM = {"kind": "random", "seed": 1}
HOURS = {"at": {"type": "datetime", "role": "time"}, "rides": {"type": "int", "role": "target"}}
CLOCK = {
    "kind": "calendar",
    "columns": ["at"],
    "parts": ["year", "month", "day", "weekday", "day_of_year", "hour", "minute"],
}


def test_parts_of_the_calendar_need_no_series_and_look_at_each_row_alone():
    rows = pl.DataFrame({"at": [datetime.fromisoformat("2024-12-31T23:59:59.999999"), None], "rides": [1, 2]})
    spec = spec_of([CLOCK], None, HOURS, split=RANDOM)
    found = derive(spec, Table(rows, "x.csv"))
    table = found.table.lazy.collect()
    assert table.row(0) == (rows["at"][0], 1, 2024, 12, 31, 2, 366, 23, 59)
    assert table.row(1)[2:] == (None,) * 7
    assert str(found.steps[0]).startswith("calendar: 7 columns, 7 values missing (at_year 1,")
    assert [spec.all_columns()[name].type for name in spec.with_role("feature")] == ["int"] * 7


def test_parts_of_a_date_before_1970_and_in_another_zone_are_those_of_utc():
    moments = pl.Series("at", ["1969-12-31 23:30:00"]).str.to_datetime().dt.replace_time_zone("America/New_York")
    rows = pl.DataFrame({"at": moments, "rides": [1]})
    steps = [{"kind": "calendar", "columns": ["at"], "parts": ["year", "hour"]}]
    table = derive(spec_of(steps, None, HOURS, split=RANDOM), Table(rows, "x.csv")).table.lazy.collect()
    assert table.row(0)[2:] == (1970, 4)


@pytest.mark.parametrize(
    ("column", "parts", "message"),
    [
        ("sales", ["month"], 'the calendar is for dates and times, column "sales" is int'),
        ("day", ["weekday", "hour"], 'column "day" is a date, which has no hour'),
        ("dy", ["month"], 'derived names the column "dy", which is not declared'),
    ],
)
def test_a_calendar_that_does_not_fit_its_column_is_refused(column, parts, message):
    with pytest.raises(ValueError, match=message):
        spec_of([{"kind": "calendar", "columns": [column], "parts": parts}], None)


def test_only_the_past_needs_series():
    with pytest.raises(ValueError, match="lag needs to know how rows follow each other"):
        spec_of([{"kind": "calendar", "columns": ["day"], "parts": ["month"]}, LAG], None)
