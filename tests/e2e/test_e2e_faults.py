"""A run that is hit in the middle: killed, or refused by the disk, at system calls chosen evenly from all of them.

Whatever happens, the lock is the old or the new one, the user's files stand, a plain re-run ends well, and what was
left behind can be collected.
"""

import collections
import os
import re
import shutil
import subprocess
import sys

import pytest

CALLS = "write,pwrite64,fsync,rename,unlink,unlinkat,mkdir,symlink,sendfile,copy_file_range,ftruncate"
RUN = [sys.executable, "-m", "mlops_runner", "run", "--no-report", "--jobs", "2"]
OWN = ("pipeline.lock", "artifacts/", "out/", ".dvc/", ".dvcignore", ".gitattributes")

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def traced(sandbox, *options):
    command = ["strace", "-qq", "-e", f"trace={CALLS}", *options, *RUN]
    return subprocess.run(command, cwd=sandbox.root, capture_output=True, timeout=120)


def points(sandbox, count):
    """Return pairs of system call and its number in the runner's own process, chosen evenly."""
    log = sandbox.root.parent / "trace"
    assert traced(sandbox, "-o", str(log)).returncode == 0
    seen = collections.Counter(re.findall(r"^(\w+)\(", log.read_text(errors="replace"), re.M))
    every = [(name, number) for name, times in sorted(seen.items()) for number in range(1, times + 1)]
    assert len(every) > count
    return every[:: len(every) // count]


def users_files(sandbox):
    return {file: digest for file, digest in sandbox.content().items() if not file.startswith(OWN)}


def copy(sandbox, name):
    root = sandbox.root.parent / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(sandbox.root, root, symlinks=True)
    return type(sandbox)(root)


def hit_everywhere(start, count, fault):
    """Break a run at `count` points; after each, hold the state against what it must be."""
    undisturbed = copy(start, "undisturbed")
    chosen = points(undisturbed, count)
    old, new = start.read("pipeline.lock"), undisturbed.read("pipeline.lock")
    results, mine = undisturbed.content("artifacts", "out"), users_files(start)
    for name, number in chosen:
        hit = copy(start, "hit")
        ended = traced(hit, "-o", os.devnull, "-e", f"inject={name}:{fault}:when={number}")
        where = f"{name} {number}: {ended.returncode} {ended.stderr.decode()[-300:]}"
        assert b"Traceback" not in ended.stderr, where
        assert hit.read("pipeline.lock") in {old, new}, where
        again = hit.call("run", "--no-report")
        assert again.code == 0, where + again.err
        assert hit.read("pipeline.lock") == new, where
        hit.call("doctor", "--fix")
        assert hit.content("artifacts", "out") == results, where
        assert users_files(hit) == mine, where
        assert hit.call("verify").code == 0, where
        assert not [*hit.root.rglob(".mlops-tmp-*"), *(hit.root / ".mlops").glob("work/*")], where


@pytest.fixture
def restoring(built):
    """A project whose run has to restore, to rename and to publish, but nothing to execute."""
    for file in built.content("artifacts"):
        if not file.endswith((".dvc", ".gitignore")):
            (built.root / file).unlink()
    built.edit("specs/training.yaml", "  boosted:\n", "  trees:\n")
    assert built.call("run", "--no-report").code == 0
    built.git("checkout", "-q", ".")
    return built


@needs_strace
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
def test_restoring_may_be_hit_anywhere(restoring, fault):
    hit_everywhere(restoring, 12, fault)


@needs_strace
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC"])
def test_executing_may_be_hit_anywhere(built, fault):
    built.edit("pipeline.yaml", "name: shop", "name: corner-shop")  # the package carries the name
    hit_everywhere(built, 3, fault)


BRANCHING = """\
apiVersion: mlops/v1
kind: Pipeline
name: branching
steps:
  grow:
    kind: command
    matrix: {axes: {size: [1, 2, 3]}}
    shell: echo {size} > out/grow-{size}
    outputs: ["out/grow-{size}"]
  weigh:
    kind: python
    callable: project.scales:weigh
    inputs: {grown: "out/grow-*"}
    outputs: {total: out/total}
    params: {factor: 1}
"""

SCALES = """\
def weigh(grown, total, *, factor):
    total.write_text(str(factor * sum(int(path.read_text()) for path in grown)))
    return {"files": len(grown)}
"""


@needs_strace
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC"])
def test_steps_that_run_side_by_side_may_be_hit_anywhere(sandbox_of, fault):
    files = {"pipeline.yaml": BRANCHING, "project/scales.py": SCALES, ".gitignore": ".mlops/\n__pycache__/\n"}
    project = sandbox_of(files)
    assert project.call("run").code == 0
    project.commit("run")
    project.edit("pipeline.yaml", "echo {size} >", "echo {size}0 >")
    project.edit("pipeline.yaml", "factor: 1", "factor: 2")
    hit_everywhere(project, 6, fault)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of little size."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("cannot mount here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_an_error_and_leaves_the_old_state(built, small_disk):
    full = type(built)(small_disk / "project")
    shutil.copytree(built.root, full.root, ignore=shutil.ignore_patterns(".git"))
    lock, mine = full.read("pipeline.lock"), users_files(full)
    full.edit("pipeline.yaml", "name: shop", "name: corner-shop")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    answer = full.mlops("run")
    assert answer.code == 1
    assert "No space left on device" in answer.err
    assert full.read("pipeline.lock") == lock
    assert {**users_files(full), "pipeline.yaml": ""} == {**mine, "pipeline.yaml": ""}
    filler.unlink()
    assert full.mlops("run", "--no-report").code == 0
    assert full.mlops("verify").code == 0


def test_leftovers_of_killed_runs_do_not_disturb_a_run(built):
    for folder in (".", "artifacts", "artifacts/model", ".mlops", ".mlops/work/abc/out"):
        built.write(f"{folder}/.mlops-tmp-0123456789abcdef", "torn")
    assert built.call("run").code == 0
    assert built.call("verify").code == 0
    assert built.to_do() == {}


@pytest.mark.parametrize("file", [".mlops/stats.json", ".mlops/compiled.json", ".mlops/journal.jsonl"])
@pytest.mark.parametrize("damage", [b"", b"{", b"\x00\xff", b"[]", b"null\n", b'{"version": 99}\n'])
def test_damaged_local_state_costs_time_and_nothing_else(built, file, damage):
    lock = built.read("pipeline.lock")
    (built.root / file).write_bytes(damage)
    assert built.to_do() == {}
    assert built.call("run").code == 0
    assert built.read("pipeline.lock") == lock
