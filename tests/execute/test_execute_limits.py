"""A fit that hangs, crashes, takes all the memory or writes elsewhere gets a clear answer."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.execute.messages import Reply
from mlops_runner.execute.stages.limits import Limits, limits_of, within
from mlops_runner.train.outside import watching

HUGE = 2**36
ROOMY, SHORT = Limits(timeout=60), Limits(timeout=0.2)
SMALL = Limits(memory=64 * 2**20)


def hang() -> Reply:
    time.sleep(60)
    return Reply("done")


def grab(size: int = 2**28) -> Reply:
    return Reply("done", {"sum": float(np.ones(size, dtype=np.uint8).sum())})


def die() -> Reply:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Reply("done")


def abort() -> Reply:
    os.abort()


def complain() -> Reply:
    raise InvalidInput(Diagnostic("wrong", "the data is wrong"))


def swallow() -> Reply:
    """What a library makes of memory it did not get."""
    raise StepFailed(Diagnostic("trainer-refused", "xgboost: std::bad_alloc"))


def test_limits_are_read_as_they_are_written() -> None:
    assert limits_of({"timeout": "2m", "memory": "3GiB"}) == Limits(120, 3 * 2**30)
    assert limits_of({}) == Limits()


@pytest.mark.parametrize("limits", [Limits(), ROOMY, Limits(memory=2**30)])
def test_a_fit_within_its_limits_answers_as_without(limits: Limits) -> None:
    assert within(limits, "it", lambda: grab(1000)) == Reply("done", {"sum": 1000.0})


@pytest.mark.parametrize("limits", [Limits(), ROOMY])
def test_complaints_pass_through(limits: Limits) -> None:
    with pytest.raises(InvalidInput, match="the data is wrong"):
        within(limits, "it", complain)


def test_a_fit_that_hangs_is_ended() -> None:
    with pytest.raises(StepFailed, match=r"callables\.slow:train took longer than its timeout of 0\.2 s"):
        within(SHORT, "callables.slow:train", hang)


def test_what_a_hanging_fit_has_started_is_ended_with_it(tmp_path: Path) -> None:
    def start() -> Reply:
        if (child := os.fork()) == 0:
            time.sleep(60)
            os._exit(0)
        (tmp_path / "child").write_text(str(child))
        return hang()

    with pytest.raises(StepFailed, match="took longer"):
        within(Limits(timeout=1), "it", start)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or ") Z " in state.read_text():
            return
        time.sleep(0.05)
    pytest.fail("it lives on")


def test_a_fit_that_takes_too_much_memory_is_refused_it() -> None:
    with pytest.raises(StepFailed, match="ran out of memory within its 64 MiB: Unable to allocate 256"):
        within(SMALL, "it", grab)


def test_memory_that_no_machine_has_is_not_a_bug() -> None:
    with pytest.raises(StepFailed, match="it ran out of memory: Unable to allocate") as caught:
        within(Limits(), "it", lambda: grab(2**46))
    assert caught.value.diagnostics[0].hint == "give it fewer rows or columns"


def test_what_libraries_make_of_it_is_recognised() -> None:
    with pytest.raises(StepFailed, match="it ran out of memory within its 64 MiB: xgboost: std::bad_alloc"):
        within(SMALL, "it", swallow)
    with pytest.raises(StepFailed, match="ran out of memory within its 64 MiB: it was ended by SIGABRT"):
        within(SMALL, "it", abort)


def test_a_crash_names_the_signal() -> None:
    with pytest.raises(StepFailed, match="it was ended by SIGSEGV"):
        within(ROOMY, "it", die)


def test_a_bug_is_told_apart_from_a_complaint(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepFailed, match="it ended with exit code 1"):
        within(ROOMY, "it", lambda: Reply("done", {"x": 1 // 0}))
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_files_written_elsewhere_are_noticed(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "there").write_text("x")
    with watching(own) as found:
        (own / "mine").write_text("x")
        (own / "link").symlink_to(other / "there")
        (own / "link").read_text()
        (other / "there").read_bytes()
        (other / "new").write_text("x")
        (own / "link").write_text("y")
        (other / "new").rename(other / "newer")
    assert found == [str(other / name) for name in ("new", "there", "newer")]
    with watching(own) as found:
        pass
    (other / "later").write_text("x")
    assert found == []
