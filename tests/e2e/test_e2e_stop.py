"""A run that is stopped: nothing that had finished is lost, and nothing keeps running."""

import os
import signal
import time
from pathlib import Path

import pytest

WAIT = """
import os, time
from sklearn.dummy import DummyClassifier


def train(x, y, *, seed, strategy):
    while os.path.exists("{sign}/hold"):
        open("{sign}/pid", "w").write(str(os.getpid()))
        time.sleep(0.05)
    return DummyClassifier(strategy=strategy, random_state=seed).fit(x.to_numpy(), y)
"""


@pytest.fixture
def held(built, tmp_path):
    """A project whose baseline waits while a file is there, and whose data step has to run before it."""
    sign = tmp_path / "sign"
    sign.mkdir()
    (sign / "hold").touch()
    built.write("callables/rule.py", WAIT.format(sign=sign))
    built.edit("specs/data.yaml", "min: 100", "min: 90")
    return built, sign


def wait_for(path):
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(path.read_text())


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9), (signal.SIGHUP, None)]
)
def test_a_stopped_run_goes_on_where_it_was(held, sent, code):
    project, sign = held
    lock = project.read("pipeline.lock")
    process = project.start("run", "--no-report")
    step = wait_for(sign / "pid")
    worker = int(Path(f"/proc/{step}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(process.pid, sent)
    _, err = process.communicate(timeout=30)
    assert code is None or process.returncode == code, err
    assert b"Traceback" not in err
    deadline = time.monotonic() + 5
    while alive(step) or alive(worker):
        assert time.monotonic() < deadline, "the step outlived its runner"
        time.sleep(0.02)
    assert project.read("pipeline.lock") == lock
    assert project.executed()[6:] == ["data"]
    (sign / "hold").unlink()
    answer = project.mlops("run", "--no-report")
    assert answer.code == 0, answer.err
    assert project.executed()[6:] == ["data", "train.baseline"]
    assert project.call("verify").code == 0


def test_a_second_run_is_refused_or_waits_for_its_turn(held):
    project, sign = held
    first = project.start("run", "--no-report")
    wait_for(sign / "pid")
    refused = project.mlops("run")
    assert refused.code == 75
    assert "--lock-timeout" in refused.err
    assert project.mlops("run", "--lock-timeout", "0.2").code == 75
    assert project.mlops("plan").code == 0
    waiting = project.start("run", "--lock-timeout", "100")
    time.sleep(0.5)
    (sign / "hold").unlink()
    assert first.wait(timeout=60) == 0
    lock = project.read("pipeline.lock")
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    first.communicate()
    assert project.executed()[6:] == ["data", "train.baseline"]
    assert project.read("pipeline.lock") == lock
