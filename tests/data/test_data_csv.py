import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.sources.base import read_source
from mlops_runner.data.sources.structure import Marks, Structure, scan

TARGET = {"y": {"type": "string", "role": "target"}}
MARKS = Marks(ord(","))
GOOD = "a,b,y\n1,2.5,u\n2,3,v\n"


@pytest.mark.parametrize(
    "raw",
    [
        GOOD.encode(),
        GOOD.rstrip("\n").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        b'"a","b","y"\n"1","2.5","u"\n2,3,v\n',
        b"y,b,a\nu,2.5,1\nv,3,2\n",
    ],
)
def test_same_rows_in_other_dress_are_the_same_table(stage, raw):
    stage.csv(raw)
    assert stage.side().rows() == [(1, 2.5, "u"), (2, 3.0, "v")]


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"", "empty-file", "is empty"),
        (b"\n\n", "empty-file", "is empty"),
        (b"\na,b,y\n1,2,u\n", "no-header", "line 1 is empty"),
        (b"a,b,y\n", "row-count", "0 rows < 1"),
        (b"a,b,y\n1,2,u\x00\n", "encoding", "NUL byte in line 2"),
        (GOOD.encode("utf-16"), "encoding", "UTF-16"),
        (GOOD.encode("utf-16-le"), "encoding", "NUL byte in line 1"),
        ("a,b,y\n1,2,u\n2,3,café\n".encode("latin-1"), "encoding", "0xe9 in line 3"),
        (GOOD.replace("\n", "\r").encode(), "malformed-csv", "carriage return"),
        (b'a,b,y\n1,2,"u\n2,3,v\n', "malformed-csv", "line 2: a quoted field is never closed"),
        (b'a,b,y\n1,2,5" pipe\n2,3,v"\n', "malformed-csv", "line 2: a quote stands inside"),
        (
            b'a,b,y\n1,2,"u\nx"z\n2,3,v\n',
            "malformed-csv",
            "line 3: text follows a closing quote; the field was opened in line 2",
        ),
        (b"a,b,y\n1,2,u\n1,2\n", "field-count", "1 row not: line 3 has 2"),
        (b"a,b,y\n1,2,u\n1,2,u,x\n2,3,v\n", "field-count", "1 row not: line 3 has 4"),
        (b"a,b,y\n1,2,u\n\n2,3,v\n", "field-count", "line 3 has 1"),
        (b'a,b,y\n1,2,"u\n,,"\n2,3\n', "field-count", "line 4 has 2"),
        (GOOD.replace(",", ";").encode(), "wrong-delimiter", "line 1 holds no ','"),
        (b'"a";"b";"y"\n1;2;"u"\n', "wrong-delimiter", "line 1 holds no ','"),
    ],
)
def test_broken_file_is_refused_with_its_place(only, raw, code, says):
    found = only(raw)
    assert found.code == code
    assert says in found.message
    assert found.message.startswith("loans.csv: ")


def test_a_field_too_many_in_every_row_is_seen(only):
    found = only("a,b,y\n1,2,u,\n2,3,v,\n")
    assert "2 rows not" in found.message
    assert "a delimiter at the end of the lines" in found.hint


@pytest.mark.parametrize("delimiter", ["é", "\n", '"', "\r"])
def test_character_that_cannot_delimit_is_refused(only, delimiter):
    assert only(GOOD, dialect={"delimiter": delimiter}).code == "invalid-delimiter"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_declared_delimiter_is_used(stage, delimiter):
    stage.csv(GOOD.replace(",", delimiter), dialect={"delimiter": delimiter})
    assert stage.side().rows() == [(1, 2.5, "u"), (2, 3.0, "v")]


def test_latin_1_is_read_when_declared(stage):
    stage.csv("a,b,y\n1,2,café\n2,3,v\n".encode("latin-1"), dialect={"encoding": "latin-1"})
    assert stage.side()["y"].to_list() == ["café", "v"]


def test_line_numbers_survive_quoted_line_breaks(only):
    assert 'line 4 "nope"' in only('a,b,y\n1,2,"u\nx,""z"\n2,nope,v\n').message


def test_quoted_text_keeps_its_quotes_delimiters_and_line_ends(stage):
    stage.csv('a,b,y\r\n1,2,"u, ""z""\r\nx"\r\n2,3,v\r\n')
    assert stage.side()["y"].to_list() == ['u, "z"\r\nx', "v"]


def test_only_declared_texts_are_missing(stage):
    columns = {"y": {"type": "string", "role": "target"}, "s": {"type": "string", "max_missing": 1}}
    stage.csv('y,s\nu,\nv,""\nu,NA\nv,"NA"\nu,null\n', columns, {"null_values": ["NA"]})
    assert stage.side()["s"].to_list() == ["", "", None, None, "null"]


def test_empty_text_is_missing_unless_said_otherwise(stage):
    columns = {"y": {"type": "string", "role": "target"}, "s": {"type": "string", "max_missing": 1}}
    stage.csv('y,s\nu,\nv,""\nu,NA\n', columns)
    assert stage.side()["s"].to_list() == [None, None, "NA"]


def test_no_text_is_missing_when_none_is_declared(stage):
    columns = {"y": {"type": "string", "role": "target"}, "s": {"type": "string"}}
    stage.csv("y,s\nu,\nv,NA\n", columns, {"null_values": []})
    assert stage.side()["s"].to_list() == ["", "NA"]


def test_header_problems_are_reported_together_with_nearest_names(stage):
    found = stage.complaints(stage.csv, "a,a,bb,z\n1,2,3,4\n")
    assert [(one.code, one.hint) for one in found] == [
        ("duplicate-column", "rename it where the data is written"),
        ("missing-column", 'did you mean "bb"?'),
        ("missing-column", "add it where the data is written, or take it out of columns"),
        ("undeclared-column", 'did you mean "b"?'),
        ("undeclared-column", "declare it under columns, or set undeclared: ignore"),
    ]


def test_undeclared_columns_are_dropped_when_ignored(stage):
    stage.csv("z,a,b,y\nq,1,2,u\nq,2,3,v\n", undeclared="ignore")
    assert stage.side().columns == ["a", "b", "y"]


def test_value_and_header_problems_are_reported_in_one_go(stage):
    found = stage.complaints(stage.csv, "a,y,z\nx,u,1\n2,,2\n")
    assert [one.code for one in found] == [
        "missing-column",
        "undeclared-column",
        "wrong-value",
        "missing-target",
        "constant-target",
    ]


def test_ten_thousand_unknown_columns_are_summed_up(stage):
    names = ",".join(f"c{i}" for i in range(10_000))
    found = stage.complaints(stage.csv, f"{names}\n{names}\n", undeclared="error")
    assert len(found) < 50
    assert "loans.csv: 9980 more columns are not declared" in [one.message for one in found]


@pytest.mark.parametrize("name", ["^", "*a", "a.b", "größe", "x y", "a_duplicated_0", ""])
def test_column_may_have_any_name(stage, name):
    columns = {name: {"type": "int", "min": 0, "unique": True, "allowed": [1, 2]}, "a": {"type": "int"}, **TARGET}
    stage.csv(f'"{name}",a,y\n1,3,u\n2,4,v\n', columns, {"null_values": ["NA"]})
    assert stage.side().rows() == [(1, 3, "u"), (2, 4, "v")]
    assert stage.side().columns == [name, "a", "y"]


@pytest.mark.parametrize("name", ["*", "^a.*$"])
def test_column_with_the_name_of_a_pattern_is_refused_only_when_declared(stage, only, name):
    text = f"{name},a,y\n1,3,u\n2,4,v\n"
    assert only(text, {name: {"type": "int"}, **TARGET}).code == "unusable-name"
    stage.csv(text, {"a": {"type": "int"}, **TARGET}, {"null_values": []}, undeclared="ignore")
    assert stage.side()["a"].to_list() == [3, 4]


def test_absent_file_is_named(stage):
    spec = stage.describe({"kind": "csv", "path": "gone.csv"})
    (found,) = stage.complaints(stage.run, spec, {"source": stage.folder / "gone.csv"})
    assert found.code == "missing-input"


texts = st.text(st.sampled_from(',;"\n x1é'), max_size=5)


@settings(deadline=None)
@given(
    rows=st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1))
)
def test_structure_agrees_with_what_a_csv_writer_wrote(rows):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    found = scan(file.getvalue().encode(), MARKS)
    assert isinstance(found, Structure)
    assert found.fields.tolist() == [len(row) for row in rows]
    breaks = [sum(text.count("\n") for text in row) + 1 for row in rows]
    assert found.lines.tolist() == [1 + sum(breaks[:index]) for index in range(len(rows))]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(texts, texts, texts), min_size=1))
def test_values_agree_with_what_a_csv_writer_wrote(describe, tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("written") / "loans.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("a", "b", "y"), *rows])
    source = {"kind": "csv", "path": "loans.csv", "null_values": ["1"]}
    spec = describe(source, {"a": {"type": "string"}, "b": {"type": "string"}, **TARGET})
    reading = read_source(spec, file.parent, {"source": file})
    assert reading.table.lazy.collect().rows() == [tuple(None if text == "1" else text for text in row) for row in rows]


def test_structure_is_the_same_across_chunk_borders(monkeypatch):
    text = b'a,b\n"x\n,""y",2\n3,"4"\n5,6'
    whole = scan(text, MARKS)
    for size in range(1, len(text)):
        monkeypatch.setattr("mlops_runner.data.sources.structure.CHUNK", size)
        found = scan(text, MARKS)
        assert isinstance(found, Structure)
        assert isinstance(whole, Structure)
        assert (found.ends.tolist(), found.fields.tolist()) == (whole.ends.tolist(), whole.fields.tolist())
