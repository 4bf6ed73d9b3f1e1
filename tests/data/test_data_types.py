from datetime import UTC, date, datetime

import polars as pl
import pytest

NEW_YEAR = datetime.fromisoformat("2025-01-01")

TARGET = {"y": {"type": "string", "role": "target"}}


def values_of(stage, kind, *texts, **column):
    rows = "".join(f"{text},{'uv'[index % 2]}\n" for index, text in enumerate(texts))
    stage.csv("x,y\n" + rows, {"x": {"type": kind, **column}, **TARGET})
    return stage.side()["x"].to_list()


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("int", ["1", "-2", "+3", "007", str(2**63 - 1), str(-(2**63))], [1, -2, 3, 7, 2**63 - 1, -(2**63)]),
        ("float", ["1", "-2.5", ".5", "5.", "1e-3", "1E5"], [1.0, -2.5, 0.5, 5.0, 0.001, 100000.0]),
        ("bool", ["true", "False", "TRUE", "0", "1"], [True, False, True, False, True]),
        ("string", [" a", "007", "nan"], [" a", "007", "nan"]),
        ("date", ["2025-12-31", "2024-02-29"], [date(2025, 12, 31), date(2024, 2, 29)]),
    ],
)
def test_text_is_read_as_the_declared_type(stage, kind, texts, values):
    assert values_of(stage, kind, *texts) == values


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-02T10:00:00", "2025-01-02T10:00:00"),
        ("2025-01-02 10:00", "2025-01-02T10:00:00"),
        ("2025-01-02", "2025-01-02T00:00:00"),
        ("2025-01-02T10:00:00Z", "2025-01-02T10:00:00"),
        ("2025-01-02T10:00:00+02:00", "2025-01-02T08:00:00"),
        ("2025-01-02T10:00-05:00", "2025-01-02T15:00:00"),
    ],
)
def test_moments_are_utc_unless_they_say_otherwise(stage, text, moment):
    assert values_of(stage, "datetime", text, "2000-01-01") == [
        datetime.fromisoformat(moment),
        datetime.fromisoformat("2000-01-01"),
    ]


def test_fractions_finer_than_microseconds_are_cut(stage):
    assert values_of(stage, "datetime", "2025-01-02T10:00:00.123456789", "2000-01-01")[0].microsecond == 123456


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "1.0"),
        ("int", "1e3"),
        ("int", "9223372036854775808"),
        ("int", "1_000"),
        ("int", "٣"),
        ("int", "abc"),
        ("float", "1e400"),
        ("float", "inf"),
        ("float", "-Infinity"),
        ("float", "NaN"),
        ("float", "1_000"),
        ("float", "0x10"),
        ("bool", "yes"),
        ("bool", "2"),
        ("date", "2025-02-30"),
        ("date", "2025-1-1"),
        ("date", "31.12.2025"),
        ("date", "2025-01-01T00:00:00"),
        ("datetime", "2025-01-01T24:00:00"),
        ("datetime", "2025-01-01T10"),
        ("datetime", "2025-13-01"),
    ],
)
def test_text_of_another_type_is_refused_with_line_and_value(only, kind, text):
    found = only(f"x,y\n{text},u\n,v\n", {"x": {"type": kind, "max_missing": 1}, **TARGET})
    assert found.code == "wrong-value"
    assert 'loans.csv: column "x": 1 value is not a' in found.message.replace("is not true", "is not a true")
    assert found.message.endswith(f': line 2 "{text}"')


def test_only_the_first_three_of_many_wrong_values_are_shown(only):
    found = only("x,y\n1,u\na,v\nb,u\nc,v\nd,u\n", {"x": {"type": "int"}, **TARGET})
    assert '4 values are not whole numbers of 64 bits: line 3 "a", line 4 "b", line 5 "c", …' in found.message


def test_long_values_are_cut_to_forty_characters(only):
    found = only(f"x,y\n{'z' * 100},u\n1,v\n", {"x": {"type": "int"}, **TARGET})
    assert found.message.endswith('"' + "z" * 39 + '…"')


@pytest.mark.parametrize("kind", ["int", "float", "bool", "date", "datetime"])
def test_personal_data_is_never_shown(only, kind):
    found = only("x,y\nsecret,u\n,v\n", {"x": {"type": kind, "tags": ["pii"], "max_missing": 1}, **TARGET})
    assert "secret" not in str(found) + str(found.hint)
    assert found.message.endswith("line 2 ***")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (" 1", "only blanks around the values are in the way: set trim: true, or remove them"),
        ("NA", 'if "NA" means missing, add it to null_values'),
        ("1.5", "for example 12; declare the column as float if it has decimals"),
    ],
)
def test_hint_names_the_likely_cause(only, text, hint):
    assert only(f"x,y\n{text},u\n1,v\n", {"x": {"type": "int"}, **TARGET}).hint == hint


def test_columns_come_in_declared_order_with_declared_dtypes(stage):
    kinds = {"f": "float", "i": "int", "s": "string", "b": "bool", "d": "date", "t": "datetime"}
    stage.csv(
        "t,d,b,s,i,f,y\n2025-01-01,2025-01-01,1,x,1,1,u\n2025-01-01,2025-01-01,0,x,1,2,v\n",
        {**{name: {"type": kind} for name, kind in kinds.items()}, **TARGET},
    )
    written = [pl.Float64, pl.Int64, pl.String, pl.Boolean, pl.Date, pl.Datetime("us"), pl.String]
    assert list(stage.side().schema.items()) == list(zip([*kinds, "y"], written, strict=True))


@pytest.mark.parametrize(
    ("series", "kind", "value"),
    [
        (pl.Series([1, 2], dtype=pl.UInt8), "float", 1.0),
        (pl.Series([0.5, 2], dtype=pl.Float32), "float", 0.5),
        (pl.Series([7, 2], dtype=pl.UInt64), "int", 7),
        (pl.Series(["p", "q"], dtype=pl.Categorical), "string", "p"),
        (
            pl.Series([NEW_YEAR.replace(tzinfo=UTC)] * 2).dt.convert_time_zone("Asia/Tokyo"),
            "datetime",
            NEW_YEAR,
        ),
        (pl.Series([NEW_YEAR] * 2, dtype=pl.Datetime("ns")), "datetime", NEW_YEAR),
    ],
)
def test_stored_types_are_widened_to_the_declared_one(stage, series, kind, value):
    stage.frame(pl.DataFrame({"x": series, "y": ["u", "v"]}), {"x": {"type": kind}, **TARGET})
    assert stage.side()["x"][0] == value


@pytest.mark.parametrize(
    ("series", "kind"),
    [
        (pl.Series([1.0, 2.0]), "int"),
        (pl.Series(["1", "2"]), "int"),
        (pl.Series([1, 2]), "string"),
        (pl.Series([1, 0]), "bool"),
        (pl.Series([date(2025, 1, 1)] * 2), "datetime"),
        (pl.Series([[1], [2]]), "int"),
        (pl.Series([{"k": 1}, {"k": 2}]), "string"),
    ],
)
def test_stored_type_that_disagrees_is_refused(stage, series, kind):
    frame = pl.DataFrame({"x": series, "y": ["u", "v"]})
    (found,) = stage.complaints(stage.frame, frame, {"x": {"type": kind}, **TARGET})
    assert found.code == "wrong-type"
    assert f"declared as {kind}" in found.message


@pytest.mark.parametrize(
    ("series", "kind", "says"),
    [
        (pl.Series([1.0, float("nan")]), "float", 'not a finite number: row 2 "nan"'),
        (pl.Series([float("inf"), 1.0]), "float", 'not a finite number: row 1 "inf"'),
        (pl.Series([1, 2**63], dtype=pl.UInt64), "int", 'of 64 bits: row 2 "9223372036854775808"'),
    ],
)
def test_stored_values_that_do_not_fit_are_refused(stage, series, kind, says):
    frame = pl.DataFrame({"x": series, "y": ["u", "v"]})
    (found,) = stage.complaints(stage.frame, frame, {"x": {"type": kind}, **TARGET})
    assert says in found.message
