"""Forks of this process: each does one thing, in a process group of its own, and ends with the one that forked it."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from mlops_runner.execute import descendants


def fork(work: Callable[[], None]) -> int:
    """Fork, and return the process that does the work; it ends with 0, or with 1 and the traceback on stderr."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _become(work)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)  # both sides set it, so that it holds whichever runs first
    return child


def kill_group(child: int) -> None:
    """Kill a fork, and what it has started unless that left the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _become(work: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        descendants.end_with_parent()
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
