"""What the pipelines of one repository share: the cache, the remote, and how git merges their locks."""

import os
import subprocess
import sys
import time

import pytest

from tests.conftest import Sandbox

BELOW = """\
apiVersion: mlops/v1
kind: Pipeline
name: below
steps:
  copy:
    kind: command
    shell: cat data/rows.txt > out/rows.txt
    inputs: [data/rows.txt]
    outputs: [out/rows.txt]
  other:
    kind: command
    shell: cat data/other.txt > out/other.txt
    inputs: [data/other.txt]
    outputs: [out/other.txt]
"""


@pytest.fixture
def pair(sandbox_of):
    """Two pipelines below a third, all run and committed; both write the same rows."""
    top = "apiVersion: mlops/v1\nkind: Pipeline\nname: top\npipelines: [one, two]\n"
    files = {"pipeline.yaml": top, ".gitignore": ".mlops/\n"}
    for name in ("one", "two"):
        files |= {
            f"{name}/pipeline.yaml": BELOW,
            f"{name}/data/rows.txt": "rows\n",
            f"{name}/data/other.txt": f"{name}\n",
        }
    sandbox = sandbox_of(files)
    assert sandbox.call("run", "-P", "-q").code == 0
    sandbox.commit("run")
    return sandbox


def below(sandbox, name):
    return Sandbox(sandbox.root / name)


def dvc(folder, *arguments):
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_two_pipelines_write_alike_is_stored_once_and_one_pull_brings_all(pair, tmp_path):
    assert len(pair.objects()) == 3
    assert not (pair.root / "one/.dvc").exists()
    dvc(pair.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    dvc(pair.root, "push", "-q")
    pair.commit("remote")
    second = Sandbox(tmp_path / "second")
    subprocess.run(["git", "clone", "-q", pair.root, second.root], check=True)
    dvc(second.root, "pull", "-q")
    assert [second.read(f"{name}/out/other.txt") for name in ("one", "two")] == ["one\n", "two\n"]
    assert second.call("verify", "-P").code == 0
    assert "up to date" in dvc(second.root, "status")


def later(sandbox, *arguments):
    """Run a command long after, when nothing is young and no commit recent."""
    real = time.time
    time.time = lambda: real() + 100 * 86_400
    try:
        return sandbox.call(*arguments)
    finally:
        time.time = real


@pytest.mark.parametrize("place", [".", "one"])
@pytest.mark.parametrize("in_git", [True, False])
def test_gc_keeps_what_other_pipelines_name(pair, place, in_git):
    if not in_git:
        (pair.root / ".git").rename(pair.root.parent / "gone")
    pair.write("two/data/other.txt", "new\n")
    assert below(pair, "two").call("run", "-q").code == 0
    before = pair.objects()
    assert len(before) == 4
    assert later(below(pair, place), "gc", "--yes").code == 0
    assert pair.objects() == before, "the old result is among the last of the other's journal, or in a commit"
    assert later(below(pair, place), "gc", "--yes", "--results", "0").code == 0
    assert len(pair.objects()) == 4 - (not in_git)
    assert pair.call("verify", "-P").code == 0


def test_nothing_is_removed_while_another_pipeline_runs(pair):
    from mlops_runner.store.layout import Layout
    from mlops_runner.store.mutex import exclusive

    with exclusive(Layout(pair.root / "two").mutex, 0):
        assert below(pair, "one").call("gc", "--yes").code == 75
        answer = below(pair, "one").call("doctor", "--fix", "--json")
    assert "not looked at: another run is under way" in [finding["what"] for finding in answer.value]


def test_a_pipeline_that_is_started_below_uses_the_cache_above(pair):
    answer = pair.call("init", "three")
    assert answer.code == 0
    assert "to run it with the others: add three to pipelines: in " in answer.err
    pair.write("three/pipeline.yaml", BELOW)
    pair.write("three/data/rows.txt", "rows\n")
    pair.write("three/data/other.txt", "three\n")
    assert below(pair, "three").call("run", "-q").code == 0
    assert not (pair.root / "three/.dvc").exists()
    assert len(pair.objects()) == 4


def test_the_first_run_of_a_declared_pipeline_makes_the_cache_beside_the_one_that_declares_it(pair, tmp_path):
    first = Sandbox(tmp_path / "first")
    subprocess.run(["git", "clone", "-q", pair.root, first.root], check=True)
    first.git("rm", "-q", "-r", ".dvc", ".dvcignore")
    assert below(first, "one").call("run", "-q").code == 0
    assert (first.root / ".dvc/config").exists()
    assert not (first.root / "one/.dvc").exists()


def test_a_pipeline_that_nobody_declares_keeps_to_itself_and_so_does_a_repository_within_another(pair, tmp_path):
    alone = Sandbox(tmp_path / "alone")
    alone.write(".git/HEAD", "")
    alone.write("inner/pipeline.yaml", BELOW)
    from mlops_runner.store.repository import dvc_root

    assert dvc_root(alone.root / "inner") == alone.root / "inner"
    (pair.root / "one/.git").mkdir()
    assert dvc_root(pair.root / "one") == pair.root / "one"


def test_git_merges_the_locks_of_pipelines_below(pair):
    assert pair.call("doctor", "--fix", "-P").code == 0
    pair.commit("driver")
    for branch, file in (("theirs", "one/data/rows.txt"), ("ours", "one/data/other.txt")):
        pair.git("checkout", "-q", "-b", branch, "main")
        pair.write(file, branch)
        assert pair.call("run", "-P", "-q").code == 0
        pair.commit(branch)
    pair.git("merge", "-q", "-m", "both", "theirs")
    assert pair.git("status", "--porcelain") == ""
    assert below(pair, "one").to_do() == {}
    assert pair.call("run", "-P").code == 0
    assert pair.call("verify", "-P").code == 0


def test_doctor_sets_merging_up_once_for_all(pair):
    assert pair.call("doctor", "--fix", "-P").code == 0
    assert sorted(path.parent.name for path in pair.root.rglob(".gitattributes")) == [pair.root.name]
    assert "merge: mlops" in pair.git("check-attr", "merge", "one/pipeline.lock")
