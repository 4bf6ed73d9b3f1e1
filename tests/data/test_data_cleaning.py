import polars as pl
import pytest
from checks_room import TARGET, Room, scanned
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.cleaning import clean
from mlops_runner.errors import InvalidInput


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


COLUMNS = {"a": {"type": "int", "max_missing": 1}, "s": {"type": "string", "max_missing": 1}, "y": TARGET}
TEXT = "a,s,y\n1, x  y ,u\n,X,v\n3,,u\n-999,x y,v\n1, x  y ,u\n"


def values(cleaned, name):
    return cleaned.table.column(name).to_list()


@pytest.mark.parametrize(
    ("step", "column", "after", "cells"),
    [
        ({"kind": "fill", "columns": ["a"], "value": 0}, "a", [1, 0, 3, -999, 1], 1),
        ({"kind": "fill", "columns": ["s"], "value": "?"}, "s", [" x  y ", "X", "?", "x y", " x  y "], 1),
        ({"kind": "replace", "column": "a", "values": {"-999": None}}, "a", [1, None, 3, None, 1], 1),
        ({"kind": "replace", "column": "a", "values": {"1": 3, "3": 1}}, "a", [3, None, 1, -999, 3], 3),
        ({"kind": "replace", "column": "s", "values": {"X": "x"}}, "s", [" x  y ", "x", None, "x y", " x  y "], 1),
        ({"kind": "text", "columns": ["s"]}, "s", ["x  y", "X", None, "x y", "x  y"], 2),
        ({"kind": "text", "columns": ["s"], "collapse": True}, "s", ["x y", "X", None, "x y", "x y"], 2),
        ({"kind": "text", "columns": ["s"], "case": "upper"}, "s", ["X  Y", "X", None, "X Y", "X  Y"], 3),
        ({"kind": "clip", "columns": ["a"], "min": 0, "max": 2}, "a", [1, None, 2, 0, 1], 2),
        ({"kind": "cast", "columns": ["a"]}, "a", [1, None, 3, -999, 1], 0),
    ],
)
def test_a_step_changes_values_and_counts_the_cells(room, step, column, after, cells):
    done = room.cleaned(TEXT, COLUMNS, [step])
    assert values(done, column) == after
    assert [(one.kind, dict(one.cells), one.rows, one.left) for one in done.steps] == [
        (step["kind"], {column: cells}, cells, 5)
    ]


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        ({"kind": "drop_duplicates"}, [2, 3, 4, 5]),
        ({"kind": "drop_duplicates", "keep": "last"}, [3, 4, 5, 6]),
        ({"kind": "drop_duplicates", "columns": ["y"]}, [2, 3]),
        ({"kind": "filter", "where": {"column": "a", "min": 1}}, [2, 4, 6]),
        ({"kind": "filter", "where": {"column": "a", "min": 1}, "keep": "others"}, [3, 5]),
        ({"kind": "filter", "where": {"column": "a", "min": 1, "max": 2}}, [2, 6]),
        ({"kind": "filter", "where": {"column": "s", "missing": True}}, [4]),
        ({"kind": "filter", "where": {"column": "s", "missing": False}}, [2, 3, 5, 6]),
        ({"kind": "filter", "where": {"column": "s", "matches": "^[xX]"}}, [3, 5]),
        ({"kind": "filter", "where": {"column": "s", "equals": "X"}}, [3]),
        ({"kind": "filter", "where": {"column": "s", "one_of": ["X", "x y", None]}}, [3, 5]),
    ],
)
def test_rows_that_are_left_know_their_lines(room, step, lines):
    done = room.cleaned(TEXT, COLUMNS, [step])
    assert [done.table.place(row) for row in range(done.table.height)] == [f"line {line}" for line in lines]
    assert [(one.rows, one.left, dict(one.cells)) for one in done.steps] == [(5 - len(lines), len(lines), {})]


def test_lines_survive_several_steps_and_reach_the_messages_of_checks(room):
    steps = [
        {"kind": "filter", "where": {"column": "a", "missing": False}},
        {"kind": "text", "columns": ["s"], "collapse": True},
        {"kind": "drop_duplicates", "columns": ["s", "a"]},
        {"kind": "filter", "where": {"column": "s", "missing": False}},
    ]
    spec = room.spec(COLUMNS, [{"kind": "range", "column": "a", "min": 0}], cleaning=steps)
    done = clean(spec, *room.table(spec, TEXT))
    assert [done.table.place(row) for row in range(2)] == ["line 2", "line 5"]
    (outcome,) = room.ask(spec, done.table)
    assert room.said[-1].message == 'loans.csv: column "a": 1 row is below 0 (min): line 5 "-999"'
    assert outcome.sample[0].place == "line 5"


def test_steps_are_done_in_order_and_count_only_rows_that_are_left(room):
    steps = [
        {"kind": "replace", "column": "a", "values": {"-999": None}},
        {"kind": "filter", "where": {"column": "y", "equals": "v"}},
        {"kind": "fill", "columns": ["a"], "value": 7},
    ]
    done = room.cleaned(TEXT, COLUMNS, steps)
    assert values(done, "a") == [7, 7]
    assert [(one.rows, one.left) for one in done.steps] == [(1, 5), (3, 2), (2, 2)]


def test_a_step_over_several_columns_counts_each_cell_and_each_row_once(room):
    columns = {"a": {"type": "float", "max_missing": 1}, "b": {"type": "float", "max_missing": 1}, "y": TARGET}
    done = room.cleaned("a,b,y\n,,u\n1,,v\n", columns, [{"kind": "fill", "columns": ["a", "b"], "value": 0}])
    assert [(dict(one.cells), one.rows) for one in done.steps] == [({"a": 1, "b": 2}, 2)]


def test_cast_reports_what_could_not_be_read(room):
    columns = {"a": {"type": "int", "max_missing": 1}, "d": {"type": "date", "max_missing": 1}, "y": TARGET}
    text = "a,d,y\nx,2025-01-01,u\n2,soon,v\n"
    steps = [{"kind": "cast", "columns": ["a"]}, {"kind": "cast", "columns": ["d", "a"]}]
    done = room.cleaned(text, columns, steps)
    assert [(dict(one.cells), one.rows) for one in done.steps] == [({"a": 1}, 1), ({"d": 1, "a": 1}, None)]


@pytest.mark.parametrize(
    ("kind", "text", "step", "after"),
    [
        ("date", "2025-01-02", {"kind": "replace", "values": {"2025-01-02": "2025-01-03"}}, "2025-01-03"),
        ("bool", "true", {"kind": "replace", "values": {"true": False}}, "False"),
        ("float", "1e3", {"kind": "replace", "values": {"1000": 1}}, "1.0"),
        ("float", "7", {"kind": "clip", "max": 2.5}, "2.5"),
        ("datetime", "2025-01-01T00:00:00", {"kind": "replace", "values": {"2025-01-01T01:00:00+01:00": None}}, "None"),
    ],
)
def test_values_of_every_type_can_be_replaced(room, kind, text, step, after):
    names = {"column": "x"} if step["kind"] == "replace" else {"columns": ["x"]}
    done = room.cleaned(f"x,y\n{text},u\n", {"x": {"type": kind}, "y": TARGET}, [{**step, **names}])
    assert str(values(done, "x")[0]) == after


def test_a_pattern_that_is_none_is_refused_at_its_place(room):
    step = {"kind": "filter", "where": {"column": "s", "matches": "(?=x)"}}
    with pytest.raises(InvalidInput) as caught:
        room.cleaned(TEXT, COLUMNS, [{"kind": "drop_duplicates"}, step])
    (found,) = caught.value.diagnostics
    assert found.message.startswith("cleaning.1.where.matches: (?=x): look-around")


def test_filters_may_leave_nothing(room):
    done = room.cleaned(TEXT, COLUMNS, [{"kind": "filter", "where": {"column": "a", "min": 10**9}}])
    assert (done.table.height, done.steps[0].rows) == (0, 5)


def test_without_steps_the_table_is_the_same(room):
    spec = room.spec(COLUMNS)
    table, unread = room.table(spec, TEXT)
    assert clean(spec, table, unread).table is table


ROWS = st.lists(st.tuples(st.sampled_from([1, 2, 3, None]), st.sampled_from(["a ", "a", "B", None])), max_size=30)
STEPS = st.lists(
    st.sampled_from(
        [
            {"kind": "drop_duplicates"},
            {"kind": "drop_duplicates", "columns": ["a"], "keep": "last"},
            {"kind": "fill", "columns": ["a"], "value": 2},
            {"kind": "text", "columns": ["s"], "case": "lower"},
            {"kind": "filter", "where": {"column": "a", "max": 2}},
            {"kind": "filter", "where": {"column": "s", "missing": True}, "keep": "others"},
        ]
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(ROWS, STEPS)
def test_a_scan_is_cleaned_like_rows_in_memory(tmp_path_factory, rows, steps):
    folder = tmp_path_factory.mktemp("scan")
    room, schema = Room(folder), {"a": pl.Int64, "s": pl.String, "y": pl.String}
    frame = pl.DataFrame([(a, s, "u") for a, s in rows], schema=schema, orient="row")
    scan, spec = scanned(folder, frame), room.spec(COLUMNS, cleaning=steps)
    held = clean(spec, scan.hold(scan.names), {})
    read = clean(spec, scan, {})
    assert read.steps == held.steps
    assert read.table.lazy.collect().equals(held.table.lazy.collect())
    assert read.table.height == held.table.height
    assert [read.table.place(row) for row in range(read.table.height)] == [
        held.table.place(row) for row in range(held.table.height)
    ]


def test_a_step_says_what_it_did(room):
    steps = [
        {"kind": "drop_duplicates"},
        {"kind": "fill", "columns": ["a"], "value": 7},
        {"kind": "clip", "columns": ["a"], "min": -1000},
    ]
    assert [str(one) for one in room.cleaned(TEXT, COLUMNS, steps).steps] == [
        "drop_duplicates: 1 row dropped, 4 left", "fill: 1 cell (a 1)", "clip: 0 cells",
    ]  # fmt: skip
