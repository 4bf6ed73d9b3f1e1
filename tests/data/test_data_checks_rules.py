from datetime import date, datetime

import polars as pl
import pytest
from checks_room import TARGET, Room, scanned
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.data.repeats import repeats, surplus
from mlops_runner.errors import InvalidInput, StepFailed


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


COLUMNS = {
    "i": {"type": "int", "max_missing": 1},
    "f": {"type": "float", "max_missing": 1},
    "s": {"type": "string", "max_missing": 1},
    "d": {"type": "date", "max_missing": 1},
    "y": TARGET,
}
TEXT = """i,f,s,d,y
1,2.0,AB12,2026-01-01,u
2,2.0,AB13,2026-01-02,v
5,0.0,ab14,2026-01-01,u
,,,,v
2,8.0,AB12,2026-02-01,u
"""

MASKS = [
    ({"kind": "range", "column": "i", "min": 2}, [2], "is below 2 (min)"),
    ({"kind": "range", "column": "i", "max": 1.5}, [3, 4, 6], "are above 1.5 (max)"),
    (
        {"kind": "range", "column": "d", "min": "2026-01-02", "max": "2026-01-31"},
        [2, 4, 6],
        "are outside 2026-01-02 to",
    ),
    ({"kind": "allowed", "column": "s", "values": ["AB12", "AB13"]}, [4], "holds another value than allowed"),
    ({"kind": "missing", "columns": ["f"]}, [5], "has no value"),
    ({"kind": "regex", "column": "s", "pattern": "[A-Z]{2}[0-9]{2}"}, [4], "does not match [A-Z]{2}[0-9]{2}"),
    ({"kind": "regex", "column": "s", "pattern": "AB|ab14"}, [2, 3, 6], "do not match AB|ab14"),
    ({"kind": "regex", "column": "s", "pattern": "(?i)ab.[2-4]"}, [], None),
    ({"kind": "unique", "columns": ["s"]}, [2, 6], "share their value with another row"),
    ({"kind": "unique", "columns": ["f", "d"]}, [], None),
    ({"kind": "unique", "columns": ["i", "f"]}, [], None),
    ({"kind": "monotone", "column": "i"}, [6], "is lower than the one before"),
    ({"kind": "monotone", "column": "f", "strict": True}, [3, 4], "are not higher than the one before"),
    ({"kind": "monotone", "column": "d", "by": ["f"]}, [], None),
    ({"kind": "monotone", "column": "i", "by": ["s"], "direction": "decreasing"}, [6], "of the same s"),
    ({"kind": "compare", "left": "i", "is": "<=", "right": "f"}, [4], "breaks i <= f"),
    ({"kind": "compare", "left": "i", "is": "==", "right": "f"}, [2, 4, 6], "break i == f"),
    ({"kind": "compare", "left": "i", "is": "!=", "right": "f"}, [3], "breaks i != f"),
    ({"kind": "sum", "columns": ["i", "f"], "equals": 4, "tolerance": 1}, [6], "does not add up to 4 within 1"),
    ({"kind": "sum", "columns": ["i", "i"], "equals": "f"}, [3, 4, 6], "do not add up to f"),
    ({"kind": "ratio", "numerator": "i", "denominator": "f", "min": 0.3, "max": 0.9}, [3, 4, 6], "at least 0.3 and at"),
]


@pytest.mark.parametrize(("rule", "lines", "says"), MASKS)
def test_rules_name_the_rows_that_break_them(room, rule, lines, says):
    found = room.only(TEXT, COLUMNS, rule)
    assert [sample.place for sample in found.sample] == [f"line {line}" for line in lines]
    assert (found.broken, found.answer) == (len(lines), "fail" if lines else "pass")
    assert says is None or says in found.says


@pytest.mark.parametrize(("rule", "lines", "_says"), MASKS)
def test_rules_see_in_a_scan_what_they_see_in_memory(room, rule, lines, _says):
    spec = room.spec(COLUMNS, [rule])
    table, _ = room.table(spec, TEXT)
    (found,) = room.ask(spec, scanned(room.folder, table.lazy.collect()))
    assert [sample.place for sample in found.sample] == [f"row {line - 1}" for line in lines]


def test_the_message_shows_the_values_of_all_columns_of_a_rule(room):
    rule = {"kind": "compare", "left": "i", "is": "<", "right": "f", "name": "paid before due"}
    assert room.message(TEXT, COLUMNS, rule) == (
        'loans.csv: paid before due: columns "i", "f": 2 rows break i < f: line 3 (i "2", f "2.0"), line 4 '
        '(i "5", f "0.0")'
    )


def test_missing_values_and_personal_data_are_said_without_the_value(room):
    columns = {**COLUMNS, "i": {"type": "int", "tags": ["pii"], "max_missing": 1}}
    rule = {"kind": "unique", "columns": ["y"], "name": "one each"}
    assert room.only(TEXT, columns, rule).sample[3].values == {"y": "v"}
    rule = {"kind": "sum", "columns": ["i", "f"], "equals": 3, "name": "whole"}
    assert "line 3 (i ***" in room.message(TEXT, columns, rule)
    assert room.only(TEXT, columns, rule).sample[0].values == {"i": "***", "f": 2.0}


def test_samples_stop_at_five_rows_and_messages_at_three(room):
    text = "i,y\n" + "7,u\n" * 9
    found = room.only(text, {"i": {"type": "int"}, "y": TARGET}, {"kind": "range", "column": "i", "max": 5})
    assert (found.broken, len(found.sample)) == (9, 5)
    assert room.said[-1].message.endswith('line 2 "7", line 3 "7", line 4 "7", …')


@pytest.mark.parametrize(
    ("tolerance", "answer", "says"),
    [
        ({"max_share": 0.2}, "pass", None),
        ({"max_share": 0.1}, "fail", "1 of 5 rows is below 2 (min), 0.2 > 0.1 (max_share)"),
        ({"max_count": 1}, "pass", None),
        ({"max_count": 0}, "fail", "1 row is below 2 (min)"),
        ({"severity": "warn"}, "warn", "1 row is below 2 (min)"),
    ],
)
def test_some_rows_may_break_a_rule(room, tolerance, answer, says):
    found = room.only(TEXT, COLUMNS, {"kind": "range", "column": "i", "min": 2, **tolerance})
    assert (found.answer, found.says, found.broken) == (answer, says, 1)
    assert [one.severity for one in room.said if one.code == "out-of-range"] == (
        [] if answer == "pass" else ["error" if answer == "fail" else "warning"]
    )


def test_a_missing_rule_looks_at_each_column_by_itself(room):
    found = room.run(TEXT, COLUMNS, {"kind": "missing", "columns": ["i", "y"], "name": "known"})
    assert [(one.check.name, one.answer) for one in found] == [("known (i)", "fail"), ("known (y)", "pass")]


def test_rules_are_reported_in_the_order_of_the_spec(room):
    rules = [
        {"kind": "sum", "columns": ["i"], "equals": "f", "name": "first"},
        {"kind": "range", "column": "i", "min": 0},
        {"kind": "unique", "columns": ["i", "f"]},
        {"kind": "missing", "columns": ["y"]},
    ]
    assert [one.check.name for one in room.run(TEXT, COLUMNS, *rules)] == [
        "first", "range i", "unique i, f", "missing y",
    ]  # fmt: skip


def test_complaints_name_the_field_that_asks_for_them(room):
    columns = {"i": {"type": "int", "max": 0}, "w": {"type": "int", "role": "id"}, "y": TARGET}
    rules = [{"kind": "missing", "columns": ["i"]}, {"kind": "range", "column": "i", "min": 5}]
    checks = {"rows": {"min": 3}, "duplicate_rows": "fail", "rules": rules}
    room.run("i,w,y\n1,2,u\n1,2,u\n", columns, fields={"checks": checks})
    assert [one.path for one in room.said] == [
        "checks.rows", "columns.i.max", "columns.w.role", "columns.y.role", "checks.duplicate_rows", "checks.rules.1",
    ]  # fmt: skip


def test_rules_about_columns_that_could_not_be_read_are_left_out(room):
    spec = room.spec(COLUMNS, [{"kind": "range", "column": "i", "min": 2}, {"kind": "missing", "columns": ["f"]}])
    table, _ = room.table(spec, TEXT)
    assert [one.check.name for one in room.ask(spec, table.derive(table.lazy.drop("i")))] == ["missing f"]


def test_no_rows_break_no_row_rule(room):
    rules = [rule for rule, _, _ in MASKS]
    assert {one.answer for one in room.run("i,f,s,d,y\n", COLUMNS, *rules)} == {"pass"}


def test_a_pattern_that_is_none_is_refused_at_its_place(room):
    rules = [{"kind": "missing", "columns": ["y"]}, {"kind": "regex", "column": "s", "pattern": "("}]
    assert room.refusal(TEXT, COLUMNS, *rules) == "checks.rules.1.pattern: (: unclosed group"


def test_large_whole_numbers_are_compared_exactly(room):
    text = f"i,y\n{2**53},u\n{2**53 + 1},v\n"
    rule = {"kind": "range", "column": "i", "max": float(2**53)}
    assert room.only(text, {"i": {"type": "int"}, "y": TARGET}, rule).broken == 1


REFERENCE = {"kind": "reference", "columns": ["s"], "file": "codes.csv", "file_columns": ["code"]}
FRESHNESS = {"kind": "freshness", "column": "d", "max_age": "7d"}


class TestReference:
    def file(self, room, text, name="codes.csv"):
        path = room.folder / name
        path.write_text(text)
        return {"inputs": {"checks.rules.0": path}}

    def test_values_that_the_file_lacks_are_named(self, room):
        given = self.file(room, "label,code\nx,AB12\ny,AB13\n")
        assert room.message(TEXT, COLUMNS, REFERENCE, **given) == (
            'loans.csv: column "s": 1 row is not in codes.csv: line 4 "ab14"'
        )

    def test_combinations_are_looked_up_as_a_whole_with_the_types_of_our_columns(self, room):
        rule = {"kind": "reference", "columns": ["i", "d"], "file": "codes.csv"}
        given = self.file(room, "i,d\n1,2026-01-01\n2,2026-01-02\n5,2026-01-02\n2,2026-02-01\n")
        found = room.only(TEXT, COLUMNS, rule, **given)
        assert [(one.place, one.values) for one in found.sample] == [("line 4", {"i": 5, "d": "2026-01-01"})]

    def test_parquet_files_are_read_too_and_repetitions_in_them_do_not_count(self, room):
        path = room.folder / "codes.parquet"
        pl.DataFrame({"code": ["AB12", "AB12", "AB13", None]}).write_parquet(path)
        rule = {**REFERENCE, "file": "codes.parquet"}
        found = room.only(TEXT, COLUMNS, rule, inputs={"checks.rules.0": path})
        assert (found.broken, found.sample[0].place) == (1, "line 4")

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("label,cod\nx,AB12\n", 'codes.csv: has no column "code"'),
            ("", "codes.csv: cannot be read: "),
            ("code\nAB12,too,many\n", "codes.csv: cannot be read: "),
        ],
    )
    def test_a_file_that_cannot_be_compared_with_is_refused(self, room, text, says):
        assert room.refusal(TEXT, COLUMNS, REFERENCE, **self.file(room, text)).startswith(says)

    def test_a_file_with_values_of_another_type_is_refused_with_its_line(self, room):
        rule = {"kind": "reference", "columns": ["i"], "file": "codes.csv"}
        given = self.file(room, "i\n1\nmany\n")
        assert 'codes.csv: column "i": 1 value is not a whole number' in room.refusal(TEXT, COLUMNS, rule, **given)


class TestFreshness:
    @pytest.mark.parametrize(
        ("age", "answer"), [("28d", "fail"), ("28.5d", "pass"), ("29d", "pass"), ("4w", "fail"), ("99w", "pass")]
    )
    def test_age_is_measured_from_the_moment_of_the_run(self, room, age, answer):
        found = room.only(TEXT, COLUMNS, {**FRESHNESS, "max_age": age})
        assert found.answer == answer
        assert not found.check.lasting

    def test_the_newest_value_is_named_and_hidden_when_it_is_personal(self, room):
        assert 'the newest value "2026-02-01" is more than 7d before the moment of the run' in room.message(
            TEXT, COLUMNS, FRESHNESS
        )
        columns = {**COLUMNS, "d": {"type": "date", "tags": ["pii"], "max_missing": 1}}
        assert "the newest value *** is more" in room.message(TEXT, columns, FRESHNESS)

    def test_a_column_without_dates_is_not_fresh(self, room):
        columns = {"i": {"type": "int"}, "d": COLUMNS["d"], "y": TARGET}
        assert "there is no date" in room.message("i,d,y\n1,,u\n", columns, FRESHNESS)

    def test_age_is_measured_from_as_of_where_the_source_has_it(self, room):
        source = {
            "kind": "sql", "url": "sqlite:///x.db", "query": "SELECT 1 WHERE :as_of", "order_by": ["d"],
            "as_of": "2026-02-05T00:00:00+01:00",
        }  # fmt: skip
        table, _ = room.table(room.spec(COLUMNS), TEXT)
        (found,) = room.ask(room.spec(COLUMNS, [FRESHNESS], source=source), table)
        assert (found.answer, found.check.lasting) == ("pass", True)
        (found,) = room.ask(room.spec(COLUMNS, [{**FRESHNESS, "max_age": "2d"}], source=source), table)
        assert found.says.endswith("is more than 2d before 2026-02-05T00:00:00+01:00 (max_age)")


FUNCTIONS = """
import numpy as np
import polars as pl

def large(rows, limit=3):
    return rows["i"] > limit

def as_list(rows):
    return [value == 5 for value in rows["i"]]

def as_array(rows):
    return np.arange(rows.height) == 2

def short(rows):
    return [True]

def number(rows):
    return 3

def values(rows):
    return rows["i"]

def broken(rows):
    return rows["absent"]
"""


class TestPython:
    @pytest.fixture
    def module(self, room, monkeypatch, request):
        name = f"rules_{abs(hash(request.node.nodeid))}"
        (room.folder / f"{name}.py").write_text(FUNCTIONS)
        monkeypatch.syspath_prepend(room.folder)
        return name

    @pytest.mark.parametrize("function", ["large", "as_list", "as_array"])
    def test_a_function_marks_the_rows_that_break_the_rule(self, room, module, function):
        rule = {"kind": "python", "callable": f"{module}:{function}", "columns": ["i"]}
        found = room.only(TEXT, COLUMNS, rule)
        assert [(one.place, one.values) for one in found.sample] == [("line 4", {"i": 5})]
        assert found.says == f"1 row breaks {module}:{function}"

    def test_params_are_keyword_arguments_and_null_marks_nothing(self, room, module):
        rule = {"kind": "python", "callable": f"{module}:large", "params": {"limit": 1}, "max_count": 3}
        assert room.only(TEXT, COLUMNS, rule).broken == 3

    @pytest.mark.parametrize(
        ("function", "says"),
        [
            ("short", "returned list of 1 booleans, not a mask over the 5 rows"),
            ("number", "returned int, not a mask over the 5 rows"),
            ("values", "returned polars.series.series.Series, not a mask"),
            ("absent", 'the module has no function "absent"'),
        ],
    )
    def test_a_function_that_returns_no_mask_is_refused(self, room, module, function, says):
        rule = {"kind": "python", "callable": f"{module}:{function}"}
        assert says in room.refusal(TEXT, COLUMNS, rule)

    def test_params_that_the_function_does_not_take_are_refused(self, room, module):
        rule = {"kind": "python", "callable": f"{module}:large", "params": {"most": 1}}
        assert "cannot be called with the table, most" in room.refusal(TEXT, COLUMNS, rule)

    def test_a_function_that_raises_fails_the_step_at_its_line(self, room, module):
        spec = room.spec(COLUMNS, [{"kind": "python", "callable": f"{module}:broken"}])
        with pytest.raises(StepFailed) as caught:
            room.ask(spec, room.table(spec, TEXT)[0])
        (found,) = caught.value.diagnostics
        assert (found.place.file, found.place.line) == (f"{module}.py", 24)


def test_a_rule_that_cannot_be_asked_is_said_with_all_others(room):
    rules = [{"kind": "regex", "column": "s", "pattern": pattern} for pattern in ("(", "[")]
    spec = room.spec(COLUMNS, rules)
    with pytest.raises(InvalidInput) as caught:
        room.ask(spec, room.table(spec, TEXT)[0])
    assert len(caught.value.diagnostics) == 2


SMALL = st.lists(
    st.tuples(
        st.sampled_from([None, 0.5, 1.0]), st.sampled_from([None, "a", "b"]), st.integers(0, 1), st.sampled_from([1, 2])
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    SMALL,
    st.sampled_from([(), ("a",), ("b", "c"), ("d", "c", "b", "a")]),
    st.sampled_from(["first", "last"]),
    st.sampled_from([3, 1000]),
)
def test_repetitions_are_those_that_a_walk_over_the_rows_finds(tmp_path_factory, rows, columns, keep, part_rows):
    schema = {"a": pl.Float64, "b": pl.String, "c": pl.Int64, "d": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    table = scanned(tmp_path_factory.mktemp("scan"), frame)
    wanted = [schema_name for schema_name in schema if schema_name in columns or not columns]
    seen, again = set(), []
    for row in frame.select(wanted).rows() if keep == "first" else reversed(frame.select(wanted).rows()):
        again.append(row in seen)
        seen.add(row)
    expected = again if keep == "first" else again[::-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_runner.data.repeats.PART_ROWS", part_rows)
        assert repeats(table, columns, keep).to_list() == expected
        assert repeats(table.hold(table.names), columns, keep).to_list() == expected
        known = frame.select(wanted).drop_nulls()
        assert surplus(table, wanted) == known.height - known.unique().height


def test_dates_are_compared_with_times(room):
    columns = {"d": {"type": "date"}, "t": {"type": "datetime"}, "y": TARGET}
    text = "d,t,y\n2026-01-02,2026-01-02T00:00:00,u\n2026-01-02,2026-01-01T23:59:59,v\n"
    found = room.only(text, columns, {"kind": "compare", "left": "d", "is": "<=", "right": "t"})
    assert [one.place for one in found.sample] == ["line 3"]


def test_values_of_a_sample_are_ready_for_json(room):
    columns = {**COLUMNS, "t": {"type": "datetime"}, "s": {"type": "string"}}
    spec = room.spec(columns, [{"kind": "unique", "columns": ["d", "t", "s", "f"]}])
    row = {"i": 1, "f": 0.5, "s": "x" * 300, "d": date(2026, 1, 1), "t": datetime(2026, 1, 1, 5), "y": "u"}  # noqa: DTZ001
    frame = pl.DataFrame([row, row], schema_overrides={"t": pl.Datetime("us")})
    (found,) = room.ask(spec, scanned(room.folder, frame))
    assert found.sample[0].values == {
        "d": "2026-01-01", "t": "2026-01-01 05:00:00", "s": "x" * 199 + "…", "f": 0.5,
    }  # fmt: skip
