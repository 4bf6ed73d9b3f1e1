"""The worker that is started before it is certain that a step will run."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_runner.api.sources import Sources
from mlops_runner.errors import StepFailed
from mlops_runner.execute import ahead
from mlops_runner.execute.ahead import Workers, workers_in
from mlops_runner.execute.isolation import Level, Room, Worker

TRAINING = "specs/training.yaml"


@pytest.fixture
def started(monkeypatch):
    """The workers that this process starts, in order."""
    found = []

    class Noted(Worker):
        def __init__(self, room, home):
            super().__init__(room, home)
            found.append(self)

    monkeypatch.setattr(ahead, "Worker", Noted)
    return found


def over(worker):
    """Say whether a worker's process has ended and was waited for."""
    return worker._process.returncode is not None


def test_a_remark_starts_a_worker_that_is_gone_when_nothing_has_to_run(built, started):
    built.write(TRAINING, "# a remark\n" + built.read(TRAINING))
    before = built.executed()
    assert built.call("run").code == 0
    assert built.executed() == before
    assert [over(worker) for worker in started] == [True]
    assert not (built.root / ".mlops/work").exists()


def test_documents_as_they_were_start_no_worker(built, started):
    assert built.call("run").code == 0
    assert started == []


def test_a_changed_parameter_needs_no_second_worker(built, started):
    built.edit(TRAINING, "seed: 11", "seed: 12")
    assert built.call("run", "--no-report").code == 0
    assert [worker._process.returncode for worker in started] == [0]
    assert not (built.root / ".mlops/work").exists()


def test_force_starts_the_worker_before_the_plan_is_made(built, started, monkeypatch):
    def planned(*_):
        assert len(started) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops_runner.api.running.build_plan", planned)
    assert built.call("run", "--force").code == 130
    assert over(started[0])


def test_other_threads_than_expected_get_another_worker(built, started):
    built.edit(TRAINING, "seed: 11", "seed: 11\nthreads: 2")
    assert built.call("run", "--no-report").code == 0
    assert [worker.room for worker in started] == [Room(1), Room(2)]
    assert all(over(worker) for worker in started)


def test_invalid_documents_leave_no_worker_behind(built, started):
    built.edit(TRAINING, "seed: 11", "sead: 11")
    assert built.call("run").code == 65
    assert [over(worker) for worker in started] == [True]


def test_an_interrupt_while_documents_are_read_ends_the_worker(built, started, monkeypatch):
    def interrupted(_):
        assert not over(started[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(Sources, "_compile", interrupted)
    built.write(TRAINING, "# a remark\n" + built.read(TRAINING))
    assert built.call("run").code == 130
    assert over(started[0])


@pytest.mark.parametrize(("old", "new", "code"), [("seed: 11", "seed: 12", 1), ("seed: 11", "seed: 11  # as ever", 0)])
def test_a_worker_that_died_while_it_was_waiting_matters_only_to_steps(built, monkeypatch, old, new, code):
    def killed(self, room):
        self._ahead = Worker(room, self._home)
        os.kill(self._ahead._process.pid, signal.SIGKILL)
        self._ahead._process.wait()

    monkeypatch.setattr(Workers, "expect", killed)
    built.edit(TRAINING, old, new)
    answer = built.call("run")
    assert answer.code == code
    assert ("the process that starts steps has died" in answer.err) == (code == 1)


def test_a_worker_ends_when_the_runner_is_killed_before_it_says_what_to_do(tmp_path):
    program = f"""
import time
from pathlib import Path
from mlops_runner.execute.ahead import Workers
from mlops_runner.execute.isolation import Room
workers = Workers(Path({str(tmp_path)!r}))
workers.expect(Room(1))
print(workers._ahead._process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as runner:
        worker = os.pidfd_open(int(runner.stdout.readline()))
        runner.kill()
    assert select.select([worker], [], [], 20)[0] == [worker]
    os.close(worker)


def test_more_lanes_than_one_message_can_open_get_ready(tmp_path):
    with workers_in(tmp_path / "work") as workers:
        worker = workers.take(Room(1))
        worker.equip([Level((), 1, frozenset({"data"})), Level((), 70)])
        while not all(lane.idle for lane in worker.lanes):
            worker.wait()
        assert (len(worker.lanes), worker.lanes[1].serves("train"), worker.lanes[0].serves("train")) == (
            71,
            True,
            False,
        )
        worker.close()
    assert not Path(tmp_path / "work").exists()


def test_a_worker_that_still_imports_is_not_waited_for(tmp_path):
    worker = Worker(Room(1), tmp_path)
    worker.equip([Level(("mlops_runner.train.fit", "sklearn.impute"), 1)])
    worker.close()
    assert worker._process.returncode == -signal.SIGKILL


def test_a_worker_that_cannot_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("mlops_runner.execute.isolation._BOOTSTRAP", "raise SystemExit('no such luck')")
    worker = Worker(Room(1), tmp_path)
    worker._process.wait()
    with pytest.raises(StepFailed, match=r"(?s)has died.*no such luck"):
        worker.equip([Level((), 1)])
    worker.close()
