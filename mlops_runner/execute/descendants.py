"""Processes that a step has started and that outlive it, also those that left its process group. Linux only.

Elsewhere the process group alone is killed.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of every orphan below this process, so that `kill` finds it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, whatever the parent dies of."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill() -> None:
    """Kill all children of this process, and what they leave behind in turn, until there are none."""
    if sys.platform != "linux":
        return
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def below(process: int) -> list[int]:
    """Return all processes below another one, nearest first; of this process also what it has adopted."""
    parents = _parents()
    found = [process]
    for above in found:
        found += [child for child, parent in parents.items() if parent == above]
    return found[1:]


def _children() -> list[int]:
    """List the children of this process: where it has any, by the table of all processes."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    me = os.getpid()
    return [child for child, parent in _parents().items() if parent == me]


def _parents() -> dict[int, int]:
    """Read the table of all processes: process → parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (folder / "stat").read_text(errors="replace")
                found[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
