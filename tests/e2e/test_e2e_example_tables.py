"""The example of three tables and four models: thirty-three steps, as somebody would run them."""

import json
import re

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")


def files_of(sandbox):
    """What steps have written: path → bytes, with the pointers and what git ignores of it."""
    names = ("raw", "profiles", "prepared", "predictions", "scores", "summary.csv", "summary.csv.dvc")
    paths = [path for name in names for path in (sandbox.root / name, *sandbox.root.glob(f"{name}/**/*"))]
    return {path.relative_to(sandbox.root).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def lock_of(sandbox):
    """The lock, but for the report's stage."""
    return re.sub(r"\n  report:(\n    .*)*", "", sandbox.read("pipeline.lock"))


def test_the_tables_run_at_once_as_one_by_one_and_leave_nothing_to_do(example):
    tables = example("tables", {})
    answer = tables.call("run", "--jobs", "2")
    assert answer.code == 0, answer.err
    assert len(tables.executed()) == 33
    assert tables.to_do() == {}
    report = tables.read("report.ipynb")
    assert "Best on average: logistic" in json.loads(report)["cells"][-1]["outputs"][0]["data"]["text/plain"][0]
    at_once = files_of(tables), lock_of(tables)
    tables.git("clean", "-qfdx")
    answer = tables.call("run", "--jobs", "1", "--to", "summary", "--to", "describe")  # beside the report runs nothing
    assert answer.code == 0, answer.err
    assert len(tables.executed()) == 32
    assert files_of(tables) == at_once[0]
    assert lock_of(tables) == at_once[1]
