"""One runner at a time, held by real processes."""

import signal
import subprocess
import sys
import time

import pytest

from mlops_runner.errors import EXIT_BUSY, LockBusy
from mlops_runner.store.mutex import exclusive

HOLD = """
import sys, time
from pathlib import Path
from mlops_runner.store.mutex import exclusive
with exclusive(Path(sys.argv[1]), 0):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".mlops" / "runner.lock"


@pytest.fixture
def hold(path):
    """Start another process that holds the lock for some seconds."""
    started = []

    def start(seconds):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
        )
        assert holder.stdout.readline() == "held\n"
        started.append(holder)
        return holder

    yield start
    for holder in started:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def try_it(path, timeout=0.0):
    with exclusive(path, timeout):
        pass


def test_a_second_holder_is_refused_at_once(path, hold):
    hold(30)
    started = time.monotonic()
    with pytest.raises(LockBusy) as raised:
        try_it(path)
    assert time.monotonic() - started < 1
    assert raised.value.exit_code == EXIT_BUSY
    assert "--lock-timeout" in raised.value.diagnostics[0].hint


def test_a_second_holder_waits_as_long_as_it_may(path, hold):
    hold(30)
    with pytest.raises(LockBusy, match=r"waited 0\.3 s"):
        try_it(path, 0.3)


def test_a_second_holder_gets_it_when_the_first_is_done(path, hold):
    holder = hold(0.3)
    try_it(path, 10)
    assert holder.wait(timeout=10) == 0, "it was not waited for, but driven out"


def test_a_killed_holder_frees_it_at_once(path, hold):
    holder = hold(30)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    try_it(path)
    assert path.exists(), "the file of the lock is never removed"


def test_a_child_of_a_killed_holder_does_not_keep_it(path):
    code = HOLD.replace("time.sleep(", "import subprocess; subprocess.Popen(['sleep', '5'], stdout=2); time.sleep(")
    with subprocess.Popen([sys.executable, "-c", code, str(path), "30"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        time.sleep(0.2)
        holder.send_signal(signal.SIGKILL)
    try_it(path)


def test_it_is_free_after_an_error_in_the_block(path):
    with pytest.raises(ValueError, match="inside"), exclusive(path, 0):
        raise ValueError("inside")
    try_it(path)


def test_the_file_stays(path):
    try_it(path)
    assert path.exists()


def test_a_link_is_refused(path, tmp_path):
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        try_it(path)
