"""Run a command, and kill it with all that it started when one of them is about to change a file for the K-th time.

    python kill_at.py K COMMAND…

Writes are counted over all processes together, in the order in which they come (ptrace, with a filter of seccomp so
that nothing else stops). The K-th is not done, and nobody does anything after it: the kernel kills what is traced when
its tracer goes. With K = 0 nobody is killed. Says how many writes there were. Linux on x86-64 alone.
"""

import ctypes
import os
import platform
import signal
import sys

CALLS = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendfile": 40, "fsync": 74, "fdatasync": 75, "truncate": 76,
    "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90,
    "fchmod": 91, "utimensat": 280, "mkdirat": 258, "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266,
    "fchmodat": 268, "syncfs": 306, "renameat2": 316, "copy_file_range": 326,
}  # fmt: skip
OPENING = {2: 24, 257: 32}  # open and openat, and where their flags lie; those that make a file count

TRACEME, CONT, SETOPTIONS, WALL = 0, 7, 0x4200, 0x40000000
OPTIONS = 0b10011110 | 1 << 20  # forks, vforks, threads, programs, the filter; and kill all when the tracer goes
SECCOMP_STOP = 7
LOAD, EQUAL, SET, RETURN = 0x20, 0x15, 0x45, 0x06
TRACE, ALLOW = 0x7FF00000, 0x7FFF0000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class _Line(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("lines", ctypes.POINTER(_Line)))


def available() -> bool:
    """Say whether this machine can do it."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def main(last: int, command: list[str]) -> int:
    """Run the command; return its exit code."""
    child = os.fork()
    if child == 0:
        _checked(libc.ptrace(TRACEME, 0, None, None))
        os.kill(os.getpid(), signal.SIGSTOP)
        _stop_at_writes()
        os.execvp(command[0], command)
    os.waitpid(child, WALL)
    _checked(libc.ptrace(SETOPTIONS, child, None, OPTIONS))
    _checked(libc.ptrace(CONT, child, None, None))
    count, code, known = 0, 0, {child}
    while True:
        try:
            process, status = os.waitpid(-1, WALL)
        except ChildProcessError:
            break
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status) if process == child else code
            continue
        stopped, event = os.WSTOPSIG(status), status >> 16
        if event == SECCOMP_STOP:
            count += 1
            if count == last:
                os._exit(137)
        passed = 0 if event or (process not in known and stopped == signal.SIGSTOP) else stopped
        known.add(process)
        libc.ptrace(CONT, process, None, passed)  # it may be dead by now
    print(count)
    return code


def _stop_at_writes() -> None:
    lines = [(LOAD, 0, 0, 0)]
    for call, flags in OPENING.items():
        lines += [(EQUAL, 0, 4, call), (LOAD, 0, 0, flags), (SET, 0, 1, os.O_CREAT), (RETURN, 0, 0, TRACE)]
        lines += [(RETURN, 0, 0, ALLOW)]
    for call in CALLS.values():
        lines += [(EQUAL, 0, 1, call), (RETURN, 0, 0, TRACE)]
    lines += [(RETURN, 0, 0, ALLOW)]
    program = _Program(len(lines), (_Line * len(lines))(*lines))
    _checked(libc.prctl(38, 1, 0, 0, 0))  # no new privileges
    _checked(libc.prctl(22, 2, ctypes.byref(program), 0, 0))  # the filter


def _checked(answer: int) -> None:
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
