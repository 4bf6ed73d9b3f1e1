import pytest
from pydantic import ValidationError

from mlops_runner.specs.complaints import complaints
from mlops_runner.specs.data import Data
from mlops_runner.specs.locations import Document

COLUMNS = {
    "f": {"type": "float"},
    "i": {"type": "int"},
    "s": {"type": "string"},
    "b": {"type": "bool"},
    "d": {"type": "date"},
    "t": {"type": "datetime"},
    "y": {"type": "string", "role": "target"},
}


def found(**fields):
    head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "loans", "columns": COLUMNS}
    source = {"kind": "csv", "path": "loans.csv"}
    value = {**head, "source": source, "split": {"kind": "random", "seed": 1}, **fields}
    try:
        Data.model_validate(value, strict=False)
    except ValidationError as error:
        return [(one.code, one.message) for one in complaints(error, Document("x.yaml", "", value, {}), Data)]
    return []


@pytest.mark.parametrize(
    "step",
    [
        {"kind": "fill", "columns": ["i"], "value": 0},
        {"kind": "fill", "columns": ["f"], "value": 0},
        {"kind": "fill", "columns": ["d"], "value": "2025-01-31"},
        {"kind": "replace", "column": "s", "values": {"N/A": None, "m": "male"}},
        {"kind": "replace", "column": "i", "values": {"-999": None}},
        {"kind": "replace", "column": "b", "values": {"true": False}},
        {"kind": "text", "columns": ["s"]},
        {"kind": "clip", "columns": ["i", "f"], "min": 0},
        {"kind": "filter", "where": {"column": "t", "min": "2025-01-01T00:00:00Z"}},
        {"kind": "filter", "where": {"column": "s", "one_of": ["a", None], "matches": "a+"}},
        {"kind": "filter", "where": {"column": "b", "equals": False}},
    ],
)
def test_steps_that_fit_pass(step):
    assert found(cleaning=[step]) == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"kind": "fill", "columns": ["i"], "value": 0.5}, "0.5 is not of type int"),
        ({"kind": "fill", "columns": ["i"], "value": True}, "true is not of type int"),
        ({"kind": "fill", "columns": ["s"], "value": 0}, "0 is not of type string"),
        ({"kind": "fill", "columns": ["d"], "value": "31.01.2025"}, '"31.01.2025" is not of type date'),
        (
            {"kind": "replace", "column": "i", "values": {"none": 0}},
            'column "i" is int, so no value can be "none"',
        ),
        ({"kind": "replace", "column": "i", "values": {"0": "none"}}, '"none" is not of type int'),
        ({"kind": "text", "columns": ["i"]}, 'text cleans text, column "i" is int'),
        ({"kind": "text", "columns": ["s"], "strip": False}, "the step changes nothing"),
        ({"kind": "clip", "columns": ["s"], "max": 1}, 'clip moves numbers, column "s" is string'),
        ({"kind": "clip", "columns": ["i"], "max": 1.5}, 'column "i" is int, so it cannot hold 1.5'),
        ({"kind": "filter", "where": {"column": "i", "equals": "1"}}, '"1" is not of type int'),
        ({"kind": "filter", "where": {"column": "i", "one_of": [1, "2"]}}, '"2" is not of type int'),
        ({"kind": "filter", "where": {"column": "i", "matches": "1"}}, 'matches looks at text, column "i" is int'),
        ({"kind": "filter", "where": {"column": "s", "min": 1}}, "a range needs numbers, dates or times"),
        ({"kind": "filter", "where": {"column": "f", "min": 2, "max": 1}}, "min 2 is above max 1"),
        ({"kind": "filter", "where": {"column": "f", "min": 2, "missing": True}}, "a missing value meets no other"),
        ({"kind": "fill", "columns": ["zz"], "value": 1}, 'names the column "zz", which is not declared'),
    ],
)
def test_steps_that_do_not_fit_their_columns_are_refused_at_their_place(step, says):
    ((_, message),) = found(cleaning=[{"kind": "drop_duplicates"}, step])
    assert says in message


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "range", "column": "d", "min": "2025-01-01", "max": "2025-12-31"},
        {"kind": "range", "column": "i", "min": 0.5},
        {"kind": "allowed", "column": "t", "values": ["2025-01-01T00:00:00"]},
        {"kind": "monotone", "column": "s"},
        {"kind": "compare", "left": "i", "is": "<", "right": "f"},
        {"kind": "compare", "left": "d", "is": "<=", "right": "t"},
        {"kind": "sum", "columns": ["i", "f"], "equals": 100},
        {"kind": "ratio", "numerator": "i", "denominator": "f", "max": 1},
        {"kind": "reference", "columns": ["s"], "file": "data/s.csv", "file_columns": ["code"]},
        {"kind": "freshness", "column": "d", "max_age": "7d"},
        {"kind": "distribution", "against": "reference/profile.json"},
    ],
)
def test_rules_that_fit_pass(rule):
    assert found(checks={"rules": [rule]}) == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"kind": "range", "column": "s", "min": 1}, 'a range needs numbers, dates or times, column "s" is string'),
        ({"kind": "range", "column": "d", "min": 1}, "1 is not of type date"),
        ({"kind": "range", "column": "f", "max": "1"}, '"1" is not of type float'),
        ({"kind": "range", "column": "d", "min": "2025-02-01", "max": "2025-01-01"}, "is above max"),
        ({"kind": "allowed", "column": "b", "values": ["true"]}, '"true" is not of type bool'),
        ({"kind": "regex", "column": "i", "pattern": "[0-9]"}, 'regex looks at text, column "i" is int'),
        ({"kind": "monotone", "column": "b"}, "monotone needs values in an order"),
        ({"kind": "compare", "left": "s", "is": "<", "right": "f"}, 'column "s" holds text, column "f" numbers'),
        ({"kind": "sum", "columns": ["i", "s"], "equals": 1}, 'sum adds numbers, column "s" is string'),
        ({"kind": "sum", "columns": ["i"], "equals": "s"}, 'sum adds numbers, column "s" is string'),
        ({"kind": "ratio", "numerator": "i", "denominator": "d", "max": 1}, "ratio divides numbers"),
        ({"kind": "ratio", "numerator": "i", "denominator": "f", "min": 2, "max": 1}, "min 2 is above max 1"),
        ({"kind": "reference", "columns": ["s"], "file": "s.xlsx"}, '"s.xlsx" is neither csv nor parquet'),
        (
            {"kind": "reference", "columns": ["s"], "file": "s.csv", "file_columns": ["a", "b"]},
            "1 columns are compared with 2 of the file",
        ),
        ({"kind": "freshness", "column": "i", "max_age": "7d"}, "freshness needs dates or times"),
        ({"kind": "distribution", "against": "main"}, '"main" is not a profile'),
        (
            {"kind": "missing", "columns": ["s"], "max_share": 0.1, "max_count": 3},
            "max_share and max_count are both given",
        ),
    ],
)
def test_rules_that_do_not_fit_their_columns_are_refused(rule, says):
    ((_, message),) = found(checks={"rules": [rule]})
    assert says in message


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"type": "string", "allowed": ["a", 3]}, "3 is not of type string"),
        ({"type": "int", "allowed": [2**80]}, "is not of type int"),
    ],
)
def test_allowed_values_of_another_type_are_refused(column, says):
    ((code, message),) = found(columns={"x": column, "y": COLUMNS["y"]})
    assert code == "type-mismatch"
    assert says in message
