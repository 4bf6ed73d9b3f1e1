from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.sources.csv import parse
from mlops_runner.data.sources.structure import Marks, trimmed
from mlops_runner.data.types import convert
from mlops_runner.specs.data_sources import CsvSource

TARGET = {"y": {"type": "string", "role": "target"}}
GOOD = "a,b,y\n1,2.5,u\n2,3,v\n"
ROWS = [(1, 2.5, "u"), (2, 3.0, "v")]
TEXTS = {"s": {"type": "string", "max_missing": 1}, **TARGET}
NUMBER = {"x": {"type": "float", "max_missing": 1}, **TARGET}


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("'a','b',y\n'1',2.5,u\n2,3,'v'\n", {"quote": "single"}),
        ("1,2.5,u\n2,3,v\n", {"header": False}),
        ("# made by hand\n\"not closed\na,b,y\n1,2.5,u\n2,3,v\n", {"skip_lines": 2}),
        ("report\n1,2.5,u\n2,3,v\n", {"skip_lines": 1, "header": False}),
        (" a , b,y \n 1,2.5\t,u\n2, 3 ,v ", {"trim": True}),
        ('"a" , "b" , y\n1, "2.5" , u\n2 ,3 , "v"\n', {"trim": True}),
        ("a;b;y\n1;2,5;u\n2;3;v\n", {"delimiter": ";", "decimal": ","}),
        ("a b y\n\t1 2.5\t u\n2 3 v\t\n", {"delimiter": " ", "trim": True}),
    ],
)  # fmt: skip
def test_declared_dialect_is_read(stage, text, dialect):
    stage.csv(text, dialect=dialect)
    assert stage.side().rows() == ROWS


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("a,b,y\n1,2.5,ü\n".encode("utf-16"), "utf-16"),
        ("a,b,y\n1,2.5,ü\n".encode("utf-16-le"), "utf-16"),
        ("a,b,y\n1,2.5,ü\n".encode("utf-16-be"), "utf-16"),
        (b"\xfe\xff" + "a,b,y\n1,2.5,ü\n".encode("utf-16-be"), "utf-16"),
        ("a,b,y\n1,2.5,ü\n".encode("cp1252"), "windows-1252"),
        ("a,b,y\n1,2.5,ü\n".encode("latin-1"), "latin-1"),
        ("a,b,y\n1,2.5,ü\n".encode("utf-8-sig"), "latin-1"),
    ],
)
def test_declared_encoding_is_read(stage, raw, encoding):
    stage.csv(raw, dialect={"encoding": encoding}, columns={"a": {"type": "int"}, "y": {"type": "string"}, **target()},
              undeclared="ignore")  # fmt: skip
    assert stage.side()["y"].to_list() == ["ü"]


def target():
    return {"b": {"type": "float", "role": "target"}}


def test_euro_sign_of_windows_is_read(stage):
    stage.csv("s,y\n5 €,u\n6 €,v\n".encode("cp1252"), TEXTS, {"encoding": "windows-1252"})
    assert stage.side()["s"].to_list() == ["5 €", "6 €"]


@pytest.mark.parametrize(
    ("raw", "dialect", "says", "hint"),
    [
        (b"a,b,y\n1,2,\x81\n", {"encoding": "windows-1252"}, "0x81 in line 2, which is not windows-1252", "latin-1"),
        (GOOD.encode("utf-16"), {}, "is UTF-16 text", "set encoding: utf-16"),
        (GOOD.encode(), {"encoding": "utf-16"}, "has no byte order mark", "set encoding: utf-8"),
        (GOOD.encode("utf-16") + b"x", {"encoding": "utf-16"}, "bytes in line 4 that are not UTF-16", "complete"),
        ("a,b,y\n1,2,\0\n".encode("utf-16"), {"encoding": "utf-16"}, "NUL byte in line 2", "is it a text file"),
        (b"\x1f\x8b\x08\0", {}, "is a gzip archive", "unpack it"),
        (b"PK\x03\x04\x14\0", {}, "is a zip archive or a workbook", "save the sheet as CSV"),
        (b"PAR1\x15\0", {}, "is a Parquet file", "set kind: parquet"),
        (b"a,b,y\n1,2,caf\xe9\n", {}, "0xe9 in line 2, which is not UTF-8", "set encoding: windows-1252"),
    ],
)
def test_wrong_bytes_are_refused_with_their_line(only, raw, dialect, says, hint):
    found = only(raw, dialect=dialect)
    assert found.code == "encoding"
    assert says in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("text", "dialect", "code", "says", "hint"),
    [
        ("1,2.5,u\n2,3,v\n", {}, "no-header", "line 1 holds values instead of the names", "header: false"),
        (GOOD, {"header": False}, "unexpected-header", "line 1 holds the names of the columns", "header: true"),
        ("1,2\n2,3\n", {"header": False}, "field-count", "3 columns are declared, 2 rows not: line 1 has 2", "fewer"),
        ("1,2,u\n2,3\n", {"header": False}, "field-count", "1 row not: line 2 has 2", "quote"),
        ("x\n" + GOOD + "3,4\n", {"skip_lines": 1}, "field-count", "line 5 has 2", "quote"),
        ('x\n"a,b,y\n', {"skip_lines": 1}, "malformed-csv", "line 2: a quoted field is never closed", "close"),
        ("x\ny\n", {"skip_lines": 2}, "empty-file", "nothing is below the 2 lines to skip", "lower skip_lines"),
        ("x\ny\n", {"skip_lines": 9}, "empty-file", "nothing is below the 9 lines to skip", "lower skip_lines"),
        (GOOD + "a,b,y\n3,4,u\n", {}, "repeated-header", "line 4 repeats the header", "remove the line"),
        (GOOD + "3,4,u\na,b,y", {}, "repeated-header", "line 5 repeats the header", "remove the line"),
        (f"{'z' * 200_000},b,y\n1,2,u\n", {}, "no-header", "more than 100 000 characters", "start with the names"),
        ("a,b,y\n1,2,it's\n", {"quote": "single"}, "malformed-csv", "a quote stands inside", "with quote"),
        (GOOD, {"delimiter": "'", "quote": "single"}, "invalid-delimiter", "cannot delimit", ""),
    ],
)  # fmt: skip
def test_broken_shape_is_refused_with_its_line(only, text, dialect, code, says, hint):
    found = only(text, dialect=dialect)
    assert found.code == code
    assert says in found.message
    assert hint in (found.hint or "")


def test_header_in_another_order_is_the_same_table(stage):
    stage.csv("y,a,b\nu,1,2.5\nv,2,3\n")
    assert stage.side().rows() == ROWS


def test_lines_may_end_in_several_ways(stage):
    stage.csv("a,b,y\r\n1,2.5,u\n2,3,v\r\n")
    assert stage.side().rows() == ROWS


def test_without_quotes_a_quote_is_text(stage):
    stage.csv('s,y\n5" pipe,u\n"x,v\n', TEXTS, {"quote": "none"})
    assert stage.side()["s"].to_list() == ['5" pipe', '"x']


def test_blanks_inside_quotes_and_words_stay(stage):
    stage.csv('s,y\n " x " ,u\n a  b ,v\n', TEXTS, {"trim": True})
    assert stage.side()["s"].to_list() == [" x ", "a  b"]


def test_trimmed_texts_are_compared_with_the_missing_ones(stage):
    stage.csv("s,y\n NA ,u\n  ,v\n", TEXTS, {"trim": True, "null_values": ["NA", ""]})
    assert stage.side()["s"].to_list() == [None, None]


@pytest.mark.parametrize(("text", "value"), [("1,5", 1.5), ("-2", -2.0), ("1e3", 1000.0), (",5", 0.5)])
def test_decimal_comma_is_read(stage, text, value):
    stage.csv(f"x;y\n{text};u\n;v\n", NUMBER, {"delimiter": ";", "decimal": ","})
    assert stage.side()["x"][0] == value


@pytest.mark.parametrize("text", ["1.5", "1.000,5", "1,000,5"])
def test_point_is_no_decimal_comma(only, text):
    found = only(f"x;y\n{text};u\n;v\n", NUMBER, {"delimiter": ";", "decimal": ","})
    assert found.message.endswith(f'1 value is not a finite number: line 2 "{text}"')
    assert found.hint == ("set decimal to '.'" if text == "1.5" else "for example 12,5 or 1e-3")


@pytest.mark.parametrize("text", ["inf", "-Infinity", "+INF"])
def test_an_infinite_number_is_refused_with_the_ways_out(only, text):
    found = only(f"x;y\n{text};u\n1;v\n", NUMBER, {"delimiter": ";"})
    assert found.message.endswith(f'1 value is not a finite number: line 2 "{text}"')
    assert found.hint == "no trainer can read it: list it under null_values, or mend the source"


def test_forgotten_decimal_comma_is_hinted_at(only):
    assert only("x;y\n1,5;u\n;v\n", NUMBER, {"delimiter": ";"}).hint == "set decimal to ','"


DAY = {"x": {"type": "date", "max_missing": 1, "format": ["%d.%m.%Y", "%Y-%m-%d", "%d %b %y"]}, **TARGET}


def test_dates_in_three_formats_are_read(stage):
    stage.csv("x,y\n31.12.2025,u\n2025-12-30,v\n29 Dec 25,u\n1.2.2025,v\n", DAY)
    assert stage.side()["x"].to_list() == [date(2025, 12, 31), date(2025, 12, 30), date(2025, 12, 29), date(2025, 2, 1)]


@pytest.mark.parametrize(
    "text", ["12/31/2025", "31.12.25", "32.12.2025", " 31.12.2025", "31.12.2025 10:00", "31.12.0x25"]
)
def test_date_in_no_declared_format_is_refused(only, text):
    found = only(f"x,y\n{text},u\n,v\n", DAY)
    assert found.message.endswith(f'1 value is not a date: line 2 "{text}"')


def test_formats_are_named_in_the_hint(only):
    assert "%d.%m.%Y, %Y-%m-%d, %d %b %y" in only("x,y\n12/31/2025,u\n,v\n", DAY).hint


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("%d.%m.%Y %H:%M", "31.12.2025 9:05", "2025-12-31T09:05"),
        ("%m/%d/%Y %I:%M %p", "12/31/2025 01:30 PM", "2025-12-31T13:30"),
        ("%d.%m.%Y %H:%M:%S.%f", "31.12.2025 10:00:00.5", "2025-12-31T10:00:00.500"),
        ("%d.%m.%Y %H:%M %z", "31.12.2025 10:00 +0200", "2025-12-31T08:00"),
        ("%d.%m.%Y %H:%M%z", "31.12.2025 10:00Z", "2025-12-31T10:00"),
        ("%d.%m.%Y", "31.12.2025", "2025-12-31T00:00"),
        ("%Y%j", "2025365", "2025-12-31T00:00"),
    ],
)
def test_times_are_read_in_their_format(stage, form, text, moment):
    stage.csv(f"x,y\n{text},u\n,v\n", {"x": {"type": "datetime", "format": [form], "max_missing": 1}, **TARGET})
    assert stage.side()["x"][0] == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("kind", "form", "says"),
    [
        ("date", "%d.%m", "it says no full day"),
        ("date", "%Y-%m-%d %H:%M", "a date has no time of day"),
        ("datetime", "%Y-%m-%d %H", "it says no hour and minute"),
        ("date", "%Q", "%Q is not known"),
        ("date", "%Y-%m-%d%", "% is not known"),
    ],
)
def test_format_that_cannot_be_read_is_refused_in_the_document(describe, kind, form, says):
    with pytest.raises(ValueError, match=says):
        describe({"kind": "csv", "path": "f"}, {"x": {"type": kind, "format": [form]}, **TARGET})


CAST = [{"kind": "cast", "columns": ["x"]}]


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("int", ["1", "many", "2.5"], [1, None, None]),
        ("float", ["1e400", "NaN", "2"], [None, None, 2.0]),
        ("date", ["2025-01-01", "soon", ""], [date(2025, 1, 1), None, None]),
    ],
)
def test_cast_makes_missing_what_cannot_be_read(stage, kind, texts, values):
    rows = "".join(f"{text},{'uv'[at % 2]}\n" for at, text in enumerate(texts))
    stage.csv("x,y\n" + rows, {"x": {"type": kind, "max_missing": 1}, **TARGET}, cleaning=CAST)
    assert stage.side()["x"].to_list() == values


def test_cast_counts_the_values_it_lost(describe):
    spec = describe({"kind": "csv", "path": "f"}, {"x": {"type": "int"}, "z": {"type": "int"}, **TARGET})
    table = parse(b"x,z,y\n1,2,u\nq,,v\nr,3,u\n", spec.source, spec, "f").table
    typed, problems, touched = convert(table, spec.columns, frozenset({"x", "z"}))
    assert (problems, touched) == ([], {"x": 2, "z": 0})
    assert typed.column("x").to_list() == [1, None, None]


def test_ten_thousand_columns_are_read(describe):
    names = [f"c{at}" for at in range(10_000)]
    text = f"{','.join(names)},y\n{','.join(map(str, range(10_000)))},u\n"
    spec = describe({"kind": "csv", "path": "f"}, {name: {"type": "int"} for name in names} | TARGET)
    typed, problems, _ = convert(parse(text.encode(), spec.source, spec, "f").table, spec.columns)
    assert (problems, typed.lazy.collect().row(0)) == ([], (*range(10_000), "u"))


def test_words_in_thousands_of_columns_are_summed_up(stage):
    names = [f"c{at}" for at in range(1000)]
    columns = {name: {"type": "int"} for name in names} | TARGET
    found = stage.complaints(stage.csv, f"{','.join(names)},y\n{','.join(['q'] * 1000)},u\n", columns)
    wrong = [one for one in found if one.code == "wrong-value"]
    assert (len(wrong), wrong[-1].message) == (21, "loans.csv: 980 more columns hold values that are not of their type")


def test_one_row_is_a_table(stage):
    assert stage.csv("a,b,y\n1,2.5,u\n", {"a": {"type": "int"}, "b": {"type": "float", "role": "target"}},
                     undeclared="ignore").metrics["rows"] == 1  # fmt: skip


def test_file_of_a_header_without_rows_is_refused(only):
    assert only("a,b,y\n").message == "loans.csv: 0 rows < 1 (checks.rows.min)"


def test_one_word_among_many_numbers_is_found(only):
    text = "x,y\n" + "".join(f"{at},{'uv'[at % 2]}\n" for at in range(20_000))
    found = only(text.replace("\n17321,", "\nmany,"), NUMBER)
    assert found.message == 'loans.csv: column "x": 1 value is not a finite number: line 17323 "many"'


def test_a_hundred_thousand_categories_are_read(stage):
    text = "s,y\n" + "".join(f"word{at},{'uv'[at % 2]}\n" for at in range(100_000))
    stage.csv(text, TEXTS)
    assert stage.side()["s"].n_unique() == 100_000


def test_wrong_personal_values_are_masked_in_every_dialect(only):
    columns = {"x": {"type": "float", "tags": ["pii"], "max_missing": 1}, **TARGET}
    found = only("x;y\nsecret;u\n;v\n", columns, {"delimiter": ";", "decimal": ","})
    assert "secret" not in found.message + found.hint


moments = st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2100-01-01"))
zones = st.sampled_from(["", "Z", "+00:00", "+05:30", "-08:00"])


@settings(deadline=None)
@given(st.lists(st.tuples(moments, st.sampled_from([" ", "T"]), st.sampled_from([0, 3, 6]), zones), min_size=1))
def test_every_iso_form_of_a_moment_is_read(describe, given_moments):
    spells = {0: "seconds", 3: "milliseconds", 6: "microseconds"}
    written = [moment.isoformat(gap, spells[digits]) + zone for moment, gap, digits, zone in given_moments]
    spec = describe({"kind": "csv", "path": "f"}, {"x": {"type": "datetime"}, **TARGET}, undeclared="ignore")
    table = parse(("x,y\n" + "".join(f"{text},u\n" for text in written)).encode(), spec.source, spec, "f").table
    typed, problems, _ = convert(table, {"x": spec.columns["x"]})
    stamps = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in written]
    expected = [one.replace(tzinfo=None) - (one.utcoffset() or datetime.resolution * 0) for one in stamps]
    assert (problems, typed.column("x").to_list()) == ([], expected)


fields = st.text(st.sampled_from("x, \t\"'é"), max_size=6)


@settings(deadline=None)
@given(st.lists(st.lists(fields, min_size=2, max_size=2), min_size=1, max_size=5))
def test_trimming_takes_blanks_around_quoted_fields_only(rows):
    quoted = [['"' + field.replace('"', '""') + '"' for field in row] for row in rows]
    padded = "".join(" " + " ,\t ".join(row) + "\t\n" for row in quoted)
    plain = "".join(",".join(row) + "\n" for row in quoted)
    assert trimmed(padded.encode(), Marks(ord(","))).decode() == plain


def test_source_of_a_dialect_needs_no_path_to_be_read(describe):
    spec = describe({"kind": "csv", "path": "f"}, {"x": {"type": "int"}, **TARGET})
    reading = parse(b"x,y\n1,u\n", CsvSource(kind="csv", path="other.csv"), spec, "https://example.org/f.csv")
    assert reading.table.origin == "https://example.org/f.csv"
