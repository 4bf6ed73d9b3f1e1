"""Workers, schedulers and runners that die under a step: it is made elsewhere, or the run says why not."""

import os
import signal

import psutil
from dask_cluster import cluster, wait_until

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: held
steps:
  first:
    kind: command
    shell: wc -c < in.txt > first.txt
    inputs: [in.txt]
    outputs: [first.txt]
  held:
    kind: command
    command: [python, held.py, SIGN]
    code: [held.py]
    inputs: [first.txt]
    outputs: [held.txt]
"""

# It leaves its process id as a sign, with one that left its group beside it, and waits while it is to be held.
HELD = """\
import os, subprocess, sys, time
from pathlib import Path

target, folder = Path("held.txt"), Path(sys.argv[1])
target.write_text("half")
beside = subprocess.Popen(["sleep", "1000"], start_new_session=True)
(folder / f"try-{os.getpid()}").write_text(f"{os.getpid()} {beside.pid}")
while (folder / "hold").exists():
    time.sleep(0.02)
target.write_text(Path("first.txt").read_text())
"""


def held_in(sandbox_of, tmp_path):
    sign = tmp_path / "sign"
    sign.mkdir()
    (sign / "hold").touch()
    files = {"pipeline.yaml": PIPELINE.replace("SIGN", str(sign)), "held.py": HELD, "in.txt": "12345"}
    return sandbox_of({**files, ".gitignore": ".mlops/\n"}), sign


def next_try(sign, seen):
    """Wait for a step to begin, and return the processes of it."""
    wait_until(lambda: any(path.read_text() for path in set(sign.glob("try-*")) - seen))
    path = next(path for path in set(sign.glob("try-*")) - seen if path.read_text())
    seen.add(path)
    return [psutil.Process(int(number)) for number in path.read_text().split()]


def worker_of(dask, process):
    above = {parent.pid for parent in process.parents()}
    return next(worker for worker in dask.workers if worker.pid in above)


def test_what_dies_under_a_step_leaves_nothing_half_done(sandbox_of, tmp_path):
    held, sign = held_in(sandbox_of, tmp_path)
    seen, everything = set(), []
    with cluster(2) as dask:
        away = ("run", "--executor", "dask", "--scheduler", dask.address)

        # A worker dies once: the other one makes the step anew.
        running = held.start(*away)
        processes = next_try(sign, seen)
        worker_of(dask, processes[0]).kill()
        again = next_try(sign, seen)
        assert not psutil.wait_procs(processes, timeout=20)[1]
        (sign / "hold").unlink()
        _, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert held.read("held.txt") == "5\n"
        lock = held.read("pipeline.lock")
        everything += again

        # Every worker dies of it: that is said, and what finished before is kept.
        (sign / "hold").touch()
        dask.add_worker()
        held.edit("held.py", "time.sleep(0.02)", "time.sleep(0.01)")
        running = held.start(*away)
        for _ in range(2):
            processes = next_try(sign, seen)
            everything += processes
            worker_of(dask, processes[0]).kill()
        _, err = running.communicate(timeout=60)
        assert running.returncode == 1
        assert b"the workers that it ran on were lost, one after the other" in err
        assert held.read("pipeline.lock") == lock
        assert held.read("held.txt") == "5\n"

        # Ctrl-C, and then a runner that is killed: the worker ends the step by itself.
        dask.add_worker()
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            running = held.start(*away)
            processes = next_try(sign, seen)
            os.kill(running.pid, number)
            running.communicate(timeout=60)
            assert running.returncode == code
            assert not psutil.wait_procs(processes, timeout=20)[1]
        assert held.call("verify").code == 4

        # The scheduler dies.
        running = held.start(*away)
        everything += next_try(sign, seen)
        dask.scheduler.kill()
        _, err = running.communicate(timeout=60)
        assert running.returncode == 1
        assert err.count(b"error[") == 1
        assert b"error[scheduler-lost]" in err
        assert b"Traceback" not in err
        assert not psutil.wait_procs(everything, timeout=20)[1]
    assert held.read("pipeline.lock") == lock
    (sign / "hold").unlink()
    assert held.call("run").code == 0
    assert held.executed().count("first") == 1
