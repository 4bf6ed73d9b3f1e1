"""A run with eight jobs, killed with all its processes when one of them is about to change a file: at each such moment.

The suite looks at a few moments, spread over the run. MLOPS_EVERY_KILL=1 looks at all.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kill_at
import pytest

from mlops_runner import journal
from mlops_runner.durable import leftovers

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: wide
params: {times: 1}
steps:
  grow:
    kind: command
    matrix: {axes: {size: [1, 2, 3, 4, 5, 6, 7, 8]}}
    shell: echo {size}{times} > out/grow-{size}
    outputs: ["out/grow-{size}"]
    params: {times: {param: times}}
  gather:
    kind: command
    shell: mkdir out/all; cat out/grow-* > out/all/sizes; cat data/words > out/all/words
    inputs: ["out/grow-*", data/words]
    outputs: [out/all]
"""

RUN = [sys.executable, "-m", "mlops_runner", "run", "--no-report", "--jobs", "8"]
MOMENTS = 5

pytestmark = pytest.mark.skipif(not kill_at.available(), reason="needs ptrace of Linux on x86-64")


@pytest.fixture
def wide(sandbox_of):
    """A pipeline that ran, and of which every step must run again."""
    project = sandbox_of({"pipeline.yaml": PIPELINE, "data/words": "some\n", ".gitignore": ".mlops/\n"})
    assert project.call("run", "--no-report").code == 0
    project.edit("pipeline.yaml", "times: 1", "times: 2")
    return project


def killed(project, moment):
    """Run until a moment; return how many there are, if none was meant."""
    command = [sys.executable, kill_at.__file__, str(moment), *RUN]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == (137 if moment else 0), done.stderr
    return int(done.stdout.split()[-1]) if not moment else 0


def finished(project):
    """Return the keys of the journal, and that each is there once."""
    keys = [done.key for done in journal._records(project.root / ".mlops/journal.jsonl")]
    assert len(keys) == len(set(keys)), "something was executed that had finished"
    return set(keys)


def test_a_run_may_be_killed_at_any_write_of_any_of_its_processes(wide):
    root, number = wide.root.parent, 0
    ideal = type(wide)(root / "ideal")
    shutil.copytree(wide.root, ideal.root)
    count = killed(ideal, 0)
    assert count > 300
    old, new, results = wide.read("pipeline.lock"), ideal.read("pipeline.lock"), ideal.content("out", "data")
    every = 1 if os.environ.get("MLOPS_EVERY_KILL") else count // MOMENTS
    for moment in range(every // 2 + 1, count - 5, every):
        hit = type(wide)(root / "hit")
        shutil.copytree(wide.root, hit.root)
        killed(hit, moment)
        assert hit.read("pipeline.lock") in {old, new}, moment
        before = finished(hit)
        answer = hit.call("--lock-timeout", "10", "run", "--no-report")
        assert answer.code == 0, f"{moment}: {answer.err}"
        assert before <= finished(hit), moment
        assert hit.read("pipeline.lock") == new, moment
        assert hit.content("out", "data") == results, moment
        assert hit.call("verify").code == 0, moment
        assert hit.to_do() == {}, moment
        assert leftovers(hit.root) == [], moment
        assert not (hit.root / ".mlops/work").exists(), moment
        shutil.rmtree(hit.root)
        number += 1
    assert number >= MOMENTS


def test_what_a_killed_run_left_is_cleared_by_the_next_one_and_nothing_else(wide):
    left = [".mlops-tmp-1", "out/.mlops-tmp-2", "out/all/.mlops-tmp-3", ".mlops/.mlops-tmp-4", ".dvc/.mlops-tmp-5"]
    for file in (*left, "data/.mlops-tmp-6"):
        wide.write(file, "torn")
    (wide.root / ".mlops/work/0").mkdir(parents=True)
    assert wide.call("run", "--no-report").code == 0
    assert [path for path in left if (wide.root / path).exists()] == []
    assert Path(wide.root, "data/.mlops-tmp-6").exists(), "no run writes there"
