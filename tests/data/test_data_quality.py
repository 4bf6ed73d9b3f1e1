import json

import pytest
from checks_room import TARGET, Room

from mlops_runner.data.cleaning import clean
from mlops_runner.data.quality import quality
from mlops_runner.digest import canonical_json

COLUMNS = {
    "age": {"type": "int", "max_missing": 1},
    "name": {"type": "string", "tags": ["pii"]},
    "day": {"type": "date"},
    "y": TARGET,
}
TEXT = "age,name,day,y\n-1,Ada,2026-01-01,u\n,Bob,2026-01-02,v\n200,Eve,2026-01-03,u\n200,Eve,2026-01-03,u\n"
STEPS = [{"kind": "drop_duplicates"}, {"kind": "fill", "columns": ["age"], "value": 30}]
RULES = [
    {"kind": "range", "column": "age", "min": 0, "name": "plausible"},
    {"kind": "unique", "columns": ["name"], "severity": "warn"},
    {"kind": "regex", "column": "name", "pattern": "[A-Z]o.", "max_count": 5},
    {"kind": "freshness", "column": "day", "max_age": "9d", "severity": "warn"},
]


@pytest.fixture
def record(tmp_path):
    room = Room(tmp_path)
    spec = room.spec(COLUMNS, RULES, cleaning=STEPS)
    table, unread = room.table(spec, TEXT)
    cleaned = clean(spec, table, unread)
    return quality(table.height, cleaned.steps, room.ask(spec, cleaned.table))


def test_cleaning_is_recorded_step_by_step(record):
    assert record["rows"] == 4
    assert record["cleaning"] == [
        {"kind": "drop_duplicates", "cells": {}, "rows": 1, "left": 3},
        {"kind": "fill", "cells": {"age": 1}, "rows": 1, "left": 3},
    ]


def test_a_check_is_recorded_with_its_answer_and_rows_that_break_it(record):
    assert record["checks"][0] == {
        "name": "plausible", "kind": "range", "severity": "fail", "columns": ["age"], "answer": "fail",
        "says": "1 row is below 0 (min)", "broken": 1, "share": 0.333333333,
        "sample": [{"place": "line 2", "values": {"age": -1}}],
    }  # fmt: skip


def test_personal_data_is_recorded_nowhere(record):
    assert record["checks"][2]["answer"] == "pass"
    assert record["checks"][2]["broken"] == 2
    assert not {"Ada", "Bob", "Eve"} & set(json.dumps(record).replace('"', " ").split())


def test_an_answer_that_depends_on_the_moment_is_not_recorded(record):
    assert record["checks"][3] == {
        "name": "freshness day", "kind": "freshness", "severity": "warn", "columns": ["day"], "answer": None,
    }  # fmt: skip


def test_the_record_has_one_canonical_form(record):
    assert json.loads(canonical_json(record)) == record
    assert record["quality_version"] == 1
