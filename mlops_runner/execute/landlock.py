"""Landlock, by its system calls: a process gives up what it may do to files, for itself and all that it starts.

Linux 5.13 and newer, for any user. It knows permissions only, no refusals: what is not granted is refused. A grant on a
folder is one on all below it.
"""

import os
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from enum import IntFlag
from functools import cache
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_CREATE_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38


class Access(IntFlag):
    """What can be granted: linux/landlock.h."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13  # since its version 2: links and renames between folders
    TRUNCATE = 1 << 14  # since its version 3


READ = Access.EXECUTE | Access.READ_FILE | Access.READ_DIR
EVERYTHING = Access((1 << 15) - 1)
_OF_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE
_NEWER = {2: Access.REFER, 3: Access.TRUNCATE}


@cache
def version() -> int:
    """Return the version of Landlock that this kernel has; 0 for none."""
    return max(0, _call(_CREATE_RULESET, None, 0, _CREATE_VERSION)[0]) if sys.platform == "linux" else 0


def restrict(grants: Iterable[tuple[str, Access]]) -> None:
    """Leave this process, and all that it starts, what is granted by path. What cannot be granted is passed over.

    A link grants what it leads to. There is no way back. Raises OSError.
    """
    handled = EVERYTHING
    for since, access in _NEWER.items():
        if version() < since:
            handled &= ~access
    ruleset = _checked(_CREATE_RULESET, struct.pack("=Q", handled), 8, 0)
    try:
        for path, access in grants:
            with suppress(OSError):
                _grant(ruleset, path, access & handled)
        _checked(None, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, access: Access) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _OF_FILES
        _checked(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)


def around(closed: Iterable[str]) -> list[str]:
    """Return what lies beside some folders and beside the folders above them: all there is, but these.

    The paths are real ones, without links.
    """
    shut = {Path(path) for path in closed}
    above = {folder for path in shut for folder in path.parents}
    found = []
    for folder in above:
        if shut.isdisjoint((folder, *folder.parents)):
            with suppress(OSError), os.scandir(folder) as entries:
                found += [e.path for e in entries if Path(e.path) not in shut | above and not e.is_symlink()]
    return found


def _checked(call: int | None, *arguments: int | bytes | None) -> int:
    found, error = _call(call, *arguments)
    if found < 0:
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return found


def _call(call: int | None, *arguments: int | bytes | None) -> tuple[int, int]:
    """Make a system call by its number, or prctl; return its answer and errno."""
    import ctypes  # few runs need it

    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    found = libc.prctl(*given) if call is None else libc.syscall(ctypes.c_long(call), *given)
    return int(found), ctypes.get_errno()
