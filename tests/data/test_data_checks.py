import pytest

TARGET = {"y": {"type": "string", "role": "target"}}
TEN = "".join(f"{i},{'uv'[i % 2]}\n" for i in range(10))


@pytest.mark.parametrize(
    ("column", "code", "says"),
    [
        ({"type": "int", "min": 2}, "out-of-range", '2 rows are below 2 (min): line 2 "0", line 3 "1"'),
        ({"type": "float", "max": 8}, "out-of-range", '1 row is above 8 (max): line 11 "9.0"'),
        ({"type": "int", "min": 2, "tags": ["pii"]}, "out-of-range", "below 2 (min): line 2 ***, line 3 ***"),
        ({"type": "int", "allowed": [0, 1, 2, 3, 4, 5, 6, 7, 8]}, "not-allowed", 'line 11 "9"'),
        ({"type": "string", "allowed": ["0"]}, "not-allowed", '9 rows hold other values than allowed: line 3 "1"'),
    ],
)
def test_values_outside_the_limits_are_counted_and_shown(only, column, code, says):
    found = only("x,y\n" + TEN, {"x": column, **TARGET})
    assert found.code == code
    assert found.message.startswith('loans.csv: column "x": ')
    assert says in found.message


@pytest.mark.parametrize(
    ("kind", "text", "allowed"),
    [
        ("int", "1", [1]),
        ("float", "1", [1]),
        ("float", "0.5", [0.5]),
        ("bool", "true", [True]),
        ("date", "2025-01-01", ["2025-01-01"]),
        ("datetime", "2025-01-01T10:00:00", ["2025-01-01T11:00:00+01:00"]),
        ("string", "p", ["p", None]),
    ],
)
def test_allowed_values_are_compared_as_the_type_of_the_column(stage, kind, text, allowed):
    columns = {"x": {"type": kind, "allowed": allowed, "max_missing": 1}, **TARGET}
    assert stage.csv(f"x,y\n{text},u\n{text},v\n,v\n", columns).metrics["rows"] == 3


def test_missing_share_above_the_limit_is_refused_with_numbers(only):
    found = only("x,y\n1,u\n,v\n3,u\n,v\n", {"x": {"type": "int", "max_missing": 0.25}, **TARGET})
    assert found.message == (
        'loans.csv: column "x": 2 of 4 rows have no value, 0.5 > 0.25 (max_missing): line 3, line 5'
    )


def test_missing_share_at_the_limit_passes(stage):
    assert (
        stage.csv("x,y\n1,u\n,v\n3,u\n,v\n", {"x": {"type": "int", "max_missing": 0.5}, **TARGET}).metrics["rows"] == 4
    )


@pytest.mark.parametrize("column", [{"type": "int", "unique": True}, {"type": "int", "role": "id"}])
def test_unique_columns_and_ids_may_not_repeat(only, column):
    columns = {"x": column, "z": {"type": "int"}, **TARGET}
    assert (
        '2 rows share their value with another row: line 2 "1", line 4 "1"'
        in only("x,z,y\n1,1,u\n2,2,v\n1,3,u\n", columns).message
    )


def test_missing_values_are_not_equal_to_each_other(stage):
    columns = {"x": {"type": "int", "unique": True, "max_missing": 1}, **TARGET}
    assert stage.csv("x,y\n1,u\n,v\n,u\n", columns).metrics["rows"] == 3


def test_target_may_never_be_missing(only):
    columns = {"x": {"type": "int"}, "y": {"type": "string", "role": "target", "max_missing": 1}}
    assert only("x,y\n1,u\n2,\n3,v\n", columns).message == 'loans.csv: column "y": 1 row has no target: line 3'


@pytest.mark.parametrize(("kind", "text"), [("string", "u"), ("int", "1"), ("bool", "true")])
def test_target_with_one_value_is_refused(only, kind, text):
    columns = {"x": {"type": "int"}, "y": {"type": kind, "role": "target"}}
    assert only(f"x,y\n1,{text}\n2,{text}\n", columns).code == "constant-target"


def test_numeric_target_may_be_constant(stage):
    columns = {"x": {"type": "int"}, "y": {"type": "float", "role": "target"}}
    assert stage.csv("x,y\n1,2\n2,2\n", columns).metrics["rows"] == 2


def test_weights_below_zero_are_refused(only):
    columns = {"x": {"type": "float"}, "w": {"type": "float", "role": "weight"}, **TARGET}
    assert 'column "w": 1 row is below 0 (min): line 3 "-1.0"' in only("x,w,y\n1,1,u\n2,-1,v\n", columns).message


@pytest.mark.parametrize(("limits", "says"), [({"min": 3}, "2 rows < 3"), ({"max": 1}, "2 rows > 1")])
def test_row_count_outside_the_limits_is_refused(only, limits, says):
    assert says in only("a,b,y\n1,2,u\n2,3,v\n", checks={"rows": limits}).message


REPEATED = "a,b,y\n1,2,u\n2,3,v\n1,2,u\n1,2,u\n"


def test_repeated_rows_fail_when_asked(only):
    found = only(REPEATED, checks={"duplicate_rows": "fail"})
    assert (found.code, found.message) == ("duplicate-rows", "loans.csv: 2 rows equal an earlier row: line 4, line 5")


@pytest.mark.parametrize(("policy", "warnings"), [("warn", 1), ("allow", 0)])
def test_repeated_rows_are_counted_whatever_the_policy(stage, policy, warnings):
    done = stage.csv(REPEATED, checks={"duplicate_rows": policy})
    assert (done.metrics["duplicate_rows"], len(done.warnings)) == (2, warnings)


def test_all_failures_are_reported_at_once(stage):
    columns = {"x": {"type": "int", "max": 1}, "z": {"type": "int"}, **TARGET}
    found = stage.complaints(stage.csv, "x,z,y\n5,,u\n1,q,\n", columns, checks={"rows": {"min": 9}})
    assert {one.code for one in found} == {
        "wrong-value",
        "row-count",
        "out-of-range",
        "missing-target",
        "constant-target",
    }
