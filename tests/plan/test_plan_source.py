"""A source that lies outside becomes a step of its own: what is in its key, and what never is."""

from dataclasses import replace

import pytest
from plan_values import FACTS
from small_project import compiled

from mlops_runner.errors import InvalidInput
from mlops_runner.lock.model import Environment, Lock, Output, Stage
from mlops_runner.plan.build import build_plan, refuse_unpinned
from mlops_runner.plan.codec import compiled_from_json, compiled_json, plan_json
from mlops_runner.plan.key import Resolved, step_key

DATA = "specs/data.yaml"
CSV = "  kind: csv\n  path: data/loans.csv\n"
PIN = f"sha256:{'1' * 64}"
SQL = f"""\
  kind: sql
  url: {{secret: WAREHOUSE}}
  query: SELECT * FROM loans WHERE granted < :as_of
  as_of: "2026-01-01T00:00:00Z"
  order_by: [id]
  digest: {PIN}
"""
HTTP = f"""\
  kind: http
  url: https://example.org/loans.csv
  format: {{kind: csv, delimiter: ";"}}
  headers: {{Accept: text/csv, Authorization: {{secret: TOKEN}}}}
  max_bytes: 1000000
  digest: {PIN}
"""
FETCHING = replace(FACTS, code={"rules:train": {}})


def steps_of(root, source, *edits):
    """Return the steps by name, with (old, new) edits of the source or of the rest of the document."""
    inside = [edit for edit in edits if edit[0] in source]
    for old, new in inside:
        source = source.replace(old, new)
    rest = [(DATA, old, new) for old, new in edits if (old, new) not in inside]
    return {step.name: step for step in compiled(root, (DATA, CSV, source), *rest).steps}


def key_of(step, environment="e1:any"):
    return step_key(step, Resolved({}, {}), {}, environment)


@pytest.mark.parametrize(("source", "file"), [(SQL, "snapshot.parquet"), (HTTP, "snapshot.csv")])
def test_the_data_step_reads_the_snapshot_of_the_source_step(tmp_path, source, file):
    steps = steps_of(tmp_path, source)
    assert next(iter(steps)) == "source"
    assert steps["source"].output == "artifacts/source"
    assert steps["source"].inputs == ()
    item = steps["data"].inputs[0]
    assert (item.name, item.path, item.producer) == ("source", f"artifacts/source/{file}", "source")


def test_the_data_step_knows_how_the_snapshot_is_written_and_nothing_of_where_it_came_from(tmp_path):
    assert steps_of(tmp_path, SQL)["data"].config["source"] == {"kind": "parquet"}
    data = steps_of(tmp_path, HTTP)["data"]
    assert data.config["source"] == {"kind": "csv", "delimiter": ";"}
    assert data.params["source.delimiter"] == ";"
    assert str(data.place("source.delimiter")) == f"{DATA}:7:34"


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (SQL, "FROM loans", "FROM lones"),
        (SQL, "2026-01-01", "2026-02-01"),
        (SQL, "order_by: [id]", "order_by: [id, name]"),
        (SQL, PIN, PIN.replace("1", "2")),
        (SQL, "{secret: WAREHOUSE}", "sqlite:///data/loans.db"),
        (SQL, "income: {type: float", "income: {type: int"),
        (HTTP, "example.org", "example.com"),
        (HTTP, "text/csv", "text/plain"),
        (HTTP, PIN, PIN.replace("1", "2")),
    ],
)
def test_what_decides_the_content_is_in_the_key(tmp_path, source, old, new):
    before, after = steps_of(tmp_path / "a", source), steps_of(tmp_path / "b", source, (old, new))
    assert key_of(before["source"]) != key_of(after["source"])


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (SQL, "WAREHOUSE", "OTHER_WAREHOUSE"),
        (SQL, "tags: [pii]", "tags: []"),
        (SQL, "min: 0", "min: 1"),
        (HTTP, "TOKEN", "OTHER_TOKEN"),
        (HTTP, "1000000", "2000000"),
        (HTTP, 'delimiter: ";"', 'delimiter: "|"'),
    ],
)
def test_what_does_not_is_in_no_key(tmp_path, source, old, new):
    before, after = steps_of(tmp_path / "a", source), steps_of(tmp_path / "b", source, (old, new))
    assert key_of(before["source"]) == key_of(after["source"])


def test_no_environment_changes_what_a_digest_pins(tmp_path):
    step = steps_of(tmp_path, SQL)["source"]
    key = key_of(step)
    assert key_of(step, "e1:other") == key
    output = {"artifacts/source/snapshot.parquet": Output("1" * 32, "2" * 64)}
    stage = Stage(key, step.spec, outputs=output, params=step.params)
    lock = Lock({"default": Environment("e1:other", "3.9")}, {"source": stage})
    assert build_plan("p", [step], lock, FETCHING).steps[0].action == "unchanged"


@pytest.mark.parametrize(("source", "names"), [(SQL, {"WAREHOUSE"}), (HTTP, {"TOKEN"})])
def test_a_secret_is_known_by_name_to_the_step_alone(tmp_path, source, names):
    steps = steps_of(tmp_path, source)
    step = steps["source"]
    assert set(step.secrets) == names
    assert not any(name in str((step.config, step.params, steps["data"])) for name in names)
    assert str(next(iter(step.secrets.values()))).startswith(DATA)


def test_what_is_not_pinned_is_unresolved_in_a_plan_and_refused_by_a_run(tmp_path):
    steps = [*steps_of(tmp_path, SQL, (f"  digest: {PIN}\n", "")).values()]
    found = plan_json(build_plan("p", steps, Lock(), FETCHING))
    assert [(step["name"], step["action"]) for step in found["steps"]][:2] == [
        ("source", "unresolved"),
        ("data", "add"),
    ]
    assert found["steps"][0]["reasons"][0]["code"] == "not-pinned"
    with pytest.raises(InvalidInput) as caught:
        refuse_unpinned(steps)
    assert caught.value.diagnostics[0].hint == "run: mlops data refresh"
    refuse_unpinned([*steps_of(tmp_path, SQL).values()])


@pytest.mark.parametrize("source", [SQL, HTTP])
def test_the_cache_gives_back_the_same_steps(tmp_path, source):
    steps_of(tmp_path, source)
    from small_project import compiled_of

    whole = compiled_of(tmp_path)
    assert compiled_from_json(compiled_json(whole)) == whole
