"""The worker: imports what steps need, and forks a lane for each step that may run at a time; a lane forks its steps.

Its input is a socket. There it is told, once, what to import and when to fork lanes, and given their channels.
A lane is a copy of the worker that has run nothing. It speaks lines over its channel: `ready` when it is there, then
for each request, as JSON, `exit-code peak-KiB`, and what the step was ended for, if it had too much of it. It adopts
what its step leaves behind and kills it when the step ends, so that steps beside it are not touched. When the runner
closes a channel, or is killed, the lane ends its step, which has a moment to clean up, and leaves; when the worker's
input ends, the worker waits for the lanes, and kills what is left.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from mlops_runner.execute import descendants
from mlops_runner.execute.bounds import GRACE_SECONDS, Bounds, ask_to_end
from mlops_runner.execute.commands import become, command_of, no_program, spawn
from mlops_runner.execute.fence import enclose
from mlops_runner.execute.forks import fork, kill_group
from mlops_runner.execute.handlers import SHARED, handle
from mlops_runner.execute.messages import Over, Reply, Request, decode_request

MOST = 256  # open sockets that one message may bring


def main(*, light: bool = False) -> None:
    """Import what all steps need, hear what these steps are, import the rest by levels, and fork the lanes of each.

    Then wait for the end of the input. Lanes of an early level serve steps while the rest is still being imported.
    light: steps are programs alone, and nothing need be imported.
    """
    descendants.adopt()
    gc.disable()  # what is imported stays
    _import(() if light else SHARED)
    levels, channels = _told()
    for modules, lanes in levels:
        _import(modules)
        gc.freeze()  # otherwise the collector of every fork would touch, and so copy, all that was imported
        for channel in channels[:lanes]:
            if os.fork() == 0:
                _lane(channel)
            os.close(channel)
        del channels[:lanes]
    while os.read(0, 1):
        pass
    _wait_for_children(2 * GRACE_SECONDS)
    descendants.kill()
    os._exit(0)  # taking the interpreter apart with all that was imported takes longer than most steps


def _import(modules: Iterable[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):  # the step that needs it will say so
            importlib.import_module(module)


def _told() -> tuple[list[tuple[list[str], int]], list[int]]:
    """Return the modules and the number of lanes of each level, and the channels of all. Ends when no step is to run.

    They come as a line of JSON; with the spaces before it come the open channels.
    """
    line, channels = b"", list[int]()
    with socket.socket(fileno=os.dup(0)) as control:
        while not line.endswith(b"\n"):
            read, opened, _, _ = socket.recv_fds(control, 1 << 16, MOST)
            if not read:
                os._exit(0)
            line += read
            channels += opened
    return json.loads(line), channels


def _lane(channel: int) -> None:
    """Serve requests until the channel ends; never returns."""
    descendants.end_with_parent()
    descendants.adopt()
    os.dup2(channel, 0)
    os.dup2(channel, 1)
    os.closerange(3, 4096)
    gc.enable()
    woken = _wake_on_child_exit()
    os.write(1, b"ready\n")
    buffered = b""
    while True:
        chunk = os.read(0, 1 << 16)
        if not chunk:
            os._exit(0)
        buffered += chunk
        while b"\n" in buffered:
            line, _, buffered = buffered.partition(b"\n")
            os.write(1, " ".join(map(str, _serve(line.decode(), woken))).encode() + b"\n")


def _wake_on_child_exit() -> int:
    """Return a descriptor that becomes readable when a child ends, so that one select waits for child and input."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _serve(line: str, woken: int) -> tuple[int, int, Over]:
    """Start the step, wait for it or for the end of the input.

    Returns exit code, peak memory in KiB, and what it had too much of.
    """
    request = decode_request(line)
    child = _started(request)
    if child is None:
        return 0, 0, ""
    bounds = Bounds(request, child)
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if _runner_gone(woken, bounds.patience()):
            _leave(child, woken)
        bounds.hold()
    kill_group(child)  # what the step left behind
    descendants.kill()
    scale = 1024 if sys.platform == "darwin" else 1
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss // scale, bounds.over


def _leave(child: int, woken: int) -> NoReturn:
    """Ask a step to end, give it a moment, end what is left of it, and leave."""
    ask_to_end(child)
    until = time.monotonic() + GRACE_SECONDS
    while not os.waitpid(child, os.WNOHANG)[0] and (left := until - time.monotonic()) > 0:
        if select.select([woken], [], [], left)[0]:
            os.read(woken, 4096)
    kill_group(child)
    descendants.kill()
    os._exit(1)


def _wait_for_children(seconds: float) -> None:
    """Wait until this process has no children any more, but no longer than so many seconds."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    until = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):
        while (left := until - time.monotonic()) > 0:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            signal.sigtimedwait({signal.SIGCHLD}, left)


def _started(request: Request) -> int | None:
    """Start a step, and return its process; None if that failed, which the reply then says."""
    if request.kind != "command":
        return fork(lambda: _do_step(request))
    if request.fence is not None:
        return fork(lambda: _run_program(request))
    try:
        return spawn(request)
    except OSError as error:
        _say_no_program(request, error)
        return None


def _say_no_program(request: Request, error: OSError) -> None:
    reply = Reply("failed", diagnostics=(no_program(command_of(request)[0], error),))
    (Path(request.work) / "reply.json").write_text(reply.encode(), encoding="utf-8")


def _runner_gone(woken: int, seconds: float) -> bool:
    """Wait so long for a child to end or for the input; say whether the input has ended."""
    ready, _, _ = select.select([woken, 0], [], [], seconds)
    if woken in ready:
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        return False
    return 0 in ready and not os.read(0, 1)


def _run_program(request: Request) -> None:
    """Become the program of a step, behind its fence."""
    _redirect(Path(request.work) / "log.txt")
    enclose(request)
    try:
        become(request)
    except OSError as error:
        _say_no_program(request, error)


def _do_step(request: Request) -> None:
    sys.argv[:] = ["mlops"]
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    work = Path(request.work)
    _redirect(work / "log.txt")
    enclose(request)
    os.chdir(work)
    os.environ |= {"HOME": str(work), "TMPDIR": str(work)}
    sys.path.insert(0, request.code)
    reply = handle(request)
    (work / "reply.json").write_text(reply.encode(), encoding="utf-8")


def _redirect(log: Path) -> None:
    target = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.closerange(3, 4096)
