"""What a step's process sees, how it may end, and what it leaves behind: one worker, one process a test."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops_runner.api import Project
from mlops_runner.errors import MlopsError
from mlops_runner.execute.isolation import Level, Room, Worker, environment
from mlops_runner.execute.process import Ground, run_step, work_folder

DATA = """\
apiVersion: mlops/v1
kind: Data
name: shop
source: {kind: python, callable: callables.table:load}
columns:
  minutes: {type: float}
  bought: {type: string, role: target}
split: {kind: random, seed: 3, validation: 0.25, test: 0.25}
"""

TABLE = """\
import ctypes, json, os, polars, subprocess, sys, time

def load():
    %s
    return polars.DataFrame({"minutes": [float(i) for i in range(40)], "bought": ["yes", "no"] * 20})
"""

LOOK = """
    fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) < 1000
           if os.path.exists(f"/proc/self/fd/{fd}")}
    print("facts", json.dumps({
        "env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv, "path": sys.path, "stdin": sys.stdin.read(),
        "flags": [sys.flags.hash_randomization, sys.flags.safe_path], "files": sorted(fds.values()),
        "leads": os.getpgid(0) == os.getpid(),
    }))
"""

SECRETS = {"AWS_SECRET_ACCESS_KEY": "hunter2", "PYTHONPATH": "/secret", "TZ": "Asia/Tokyo", "OMP_NUM_THREADS": "7"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker started by a parent with secrets in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        started = Worker(Room(1), tmp_path_factory.mktemp("home"))
    started.equip([Level(("mlops_runner.data.materialise",), 1)])
    yield started
    started.close()


@pytest.fixture
def execute(fresh, worker):
    """Run a data step whose callable has the given body; return what it wrote and its log."""

    def run(body):
        fresh.write("specs/data.yaml", DATA)
        fresh.write("callables/table.py", TABLE % body.strip())
        step = Project(fresh.root).compiled().steps[0]
        with work_folder(fresh.root / ".mlops/work") as work:
            ran = run_step(step, {}, worker, work, Ground(fresh.root, fresh.root))
            return ran, (work / "log.txt").read_text()

    return run


@pytest.fixture
def seen(execute):
    """What a step saw."""
    _, log = execute(LOOK)
    return json.loads(next(line for line in log.splitlines() if line.startswith("facts"))[5:])


def test_a_step_sees_only_declared_variables_and_fixed_values(seen):
    threads = {name for name in seen["env"] if name.endswith(("_NUM_THREADS", "_MAXIMUM_THREADS", "_MAX_THREADS"))}
    assert {seen["env"][name] for name in threads} == {"1"}
    declared = {
        "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
        "PYDANTIC_DISABLE_PLUGINS", "CUDA_VISIBLE_DEVICES", "OPENBLAS_CORETYPE",
    }  # fmt: skip
    by_libraries = {name for name in seen["env"] if name.startswith(("KMP_", "SKLEARN_", "_RJEM_"))}
    assert set(seen["env"]) - threads - by_libraries <= declared
    expected = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}
    assert {name: seen["env"][name] for name in expected} == expected
    assert seen["flags"] == [0, True]
    assert "hunter2" not in json.dumps(seen)
    assert "/secret" not in seen["path"]


def test_a_step_works_in_a_folder_of_its_own_with_no_file_of_the_runner_open(seen, fresh):
    assert Path(seen["cwd"]).parent == fresh.root / ".mlops/work"
    assert seen["env"]["HOME"] == seen["env"]["TMPDIR"] == seen["cwd"]
    assert [file for file in seen["files"] if not file.startswith((seen["cwd"], "/dev/null"))] == []
    assert (seen["stdin"], seen["leads"], seen["argv"]) == ("", True, ["mlops"])
    assert not Path(seen["cwd"]).exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('raise KeyError("no such shop")', "KeyError at callables/table.py:4: 'no such shop'"),
        ("sys.exit(9)", "SystemExit at callables/table.py:4"),
        ("raise MemoryError", "MemoryError"),
        ("bytearray(1 << 62)", "MemoryError"),
        ("import nosuch", "nosuch"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("ctypes.string_at(0)", "was killed by signal 11"),
        ("os._exit(3)", "ended with exit code 3"),
        ("os._exit(0)", "ended without an answer"),
        ('os._exit(os.write(2, b"last word") * 0 + 3)', "last word"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
def test_a_step_that_fails_is_named_with_what_it_said(execute, body, said):
    with pytest.raises(MlopsError) as caught:
        execute(body)
    assert said in str(caught.value)
    assert "data" in str(caught.value) or "callables" in str(caught.value)


def test_a_flood_of_output_is_in_the_log_and_only_its_end_in_the_message(execute):
    with pytest.raises(MlopsError) as caught:
        execute('print("x" * 50_000_000); print("last word", flush=True); os._exit(3)')
    assert "last word" in str(caught.value)
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize("session", [False, True])
def test_a_child_that_a_step_leaves_behind_is_killed(execute, session):
    line = f'[sys.executable, "-c", "import time; time.sleep(600)"], start_new_session={session}'
    _, log = execute(f'print("child", subprocess.Popen({line}).pid)')
    assert gone(int(log.partition("child ")[2].split()[0]))


def test_a_grandchild_that_has_lost_its_parent_is_killed_too(execute):
    body = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("child", os.getpid(), flush=True)
            time.sleep(600)
        os._exit(0)
    time.sleep(0.3)
    """
    _, log = execute(body)
    assert gone(int(log.partition("child ")[2].split()[0]))


def test_the_worker_serves_on_after_steps_that_died(execute):
    for _ in range(2):
        with pytest.raises(MlopsError):
            execute("os.kill(0, 9)")
    sides = {"train.parquet", "validation.parquet", "test.parquet"}
    assert set(execute("pass")[0].files) == {"profile.json", "quality.json", *sides}


def test_a_step_dies_with_its_worker_whatever_that_dies_of(fresh, tmp_path):
    fresh.write("specs/data.yaml", DATA)
    fresh.write("callables/table.py", TABLE % f'open("{tmp_path}/pid", "w").write(str(os.getpid())); time.sleep(600)')
    step = Project(fresh.root).compiled().steps[0]
    own = Worker(Room(1), tmp_path / "home")
    own.equip([Level((), 1)])
    with work_folder(tmp_path / "work") as work:
        killer = _kill_when_started(own._process.pid, tmp_path / "pid")
        with pytest.raises(MlopsError, match="the process that starts steps has died"):
            run_step(step, {}, own, work, Ground(fresh.root, fresh.root))
        killer.join()
    own.close()
    assert gone(int((tmp_path / "pid").read_text()))


def _kill_when_started(pid, sign):
    import threading

    def wait():
        while not (sign.exists() and sign.read_text()):
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def gone(pid, seconds=5.0):
    """Wait for a process to be gone, or to be a zombie that somebody else has to bury."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_the_kernel_that_steps_are_pinned_to_multiplies_tall_matrices(tmp_path):
    """One that some releases of NumPy bring ends the process over this very product."""
    code = "import numpy; print((numpy.ones((1000, 341)) @ numpy.ones((341, 6))).sum())"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment(Room(1), tmp_path), capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (0, "2046000.0\n")
