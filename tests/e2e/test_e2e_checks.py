"""Rules in a real pipeline: complaints at their lines, a locked record, a comparison with the previous version."""

import json

RULES = """\
  rules:
    - {kind: missing, columns: [bought], name: known}
    - {kind: range, column: minutes, RANGE}
    - {kind: distribution}
"""


def with_rules(project, limit):
    project.edit("specs/data.yaml", "split:", RULES.replace("RANGE", limit) + "split:")


def test_a_broken_rule_stops_the_run_at_its_line(fresh):
    with_rules(fresh, "max: 1")
    answer = fresh.mlops("run", "--no-report")
    line = fresh.read("specs/data.yaml").split("\n").index("    - {kind: range, column: minutes, max: 1}") + 1
    assert answer.code == 65
    assert "error[out-of-range]: " in answer.err
    assert f"--> specs/data.yaml:{line}:7" in answer.err


def test_the_record_of_a_run_is_locked_and_the_same_when_the_previous_version_is_there(fresh):
    with_rules(fresh, "max: 1, severity: warn")
    first = fresh.mlops("run", "--no-report")
    assert first.code == 0, first.err
    assert "could not be measured: no earlier version" in first.err
    record = fresh.read("artifacts/data/quality.json")
    assert "artifacts/data/quality.json" in fresh.read("pipeline.lock")
    answers = {check["name"]: check["answer"] for check in json.loads(record)["checks"]}
    assert (answers["known"], answers["range minutes"]) == ("pass", "warn")
    again = fresh.mlops("run", "--no-report", "--force")
    assert "no earlier version" not in again.err
    assert fresh.read("artifacts/data/quality.json") == record
