"""Limits of a fit: it runs in a process of its own, which is ended when it takes too long, and refused more memory."""

import os
import resource
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, StepFailed
from mlops_runner.execute.forks import fork, kill_group
from mlops_runner.execute.messages import Reply, decode_reply
from mlops_runner.specs.base import bytes_of, seconds

# What libraries say when they get no memory; each in its own words.
NO_MEMORY = ("bad_alloc", "cannot allocate", "unable to allocate", "out of memory", "memoryerror", "bad allocation")
ABORTED = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


@dataclass(frozen=True, slots=True)
class Limits:
    """Longest time in seconds, and most memory in bytes beyond what the process has when it starts."""

    timeout: float | None = None
    memory: int | None = None


def limits_of(access: Mapping[str, Any]) -> Limits:
    """Read the limits that the spec declares."""
    timeout, memory = access.get("timeout"), access.get("memory")
    return Limits(seconds(timeout) if timeout else None, bytes_of(memory) if memory else None)


def within(limits: Limits, who: str, call: Callable[[], Reply]) -> Reply:
    """Call, under the limits if there are any. Raises StepFailed for what does not keep to them."""
    if limits == Limits():
        return _spoken(who, limits, call)
    reading, writing = os.pipe()

    def answer() -> None:
        os.close(reading)
        limit_memory(limits)
        with os.fdopen(writing, "wb") as stream:
            stream.write(answered(who, limits, call).encode().encode())

    child = fork(answer)
    os.close(writing)
    text, in_time = _listen(reading, limits.timeout)
    if not in_time:
        kill_group(child)
    _, status = os.waitpid(child, 0)
    if not in_time:
        raise StepFailed(too_late(who, limits))
    if not text:
        raise StepFailed(how_it_ended(who, limits, os.waitstatus_to_exitcode(status)))
    reply = decode_reply(text)
    if reply.status != "done":
        raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](reply.diagnostics)
    return reply


def _listen(reading: int, timeout: float | None) -> tuple[str, bool]:
    """Read to the end of the pipe; say whether it came in time."""
    ends = None if timeout is None else time.monotonic() + timeout
    found = b""
    with open(reading, "rb", buffering=0) as stream:
        while True:
            left = None if ends is None else max(0.0, ends - time.monotonic())
            if not select.select([stream], [], [], left)[0]:
                return "", False
            chunk = stream.read(1 << 16)
            if not chunk:
                return found.decode(), True
            found += chunk


def answered(who: str, limits: Limits, call: Callable[[], Reply]) -> Reply:
    """Call; what it complains about becomes a reply."""
    try:
        return _spoken(who, limits, call)
    except InvalidInput as error:
        return Reply("invalid", diagnostics=error.diagnostics)
    except MlopsError as error:
        return Reply("failed", diagnostics=error.diagnostics)


def _spoken(who: str, limits: Limits, call: Callable[[], Reply]) -> Reply:
    """Call; where the memory is gone, say that and not what a library made of it."""
    try:
        return call()
    except MemoryError as error:
        raise StepFailed(no_memory(who, limits, str(error))) from error
    except StepFailed as error:
        text = error.diagnostics[0].message
        if any(words in text.lower() for words in NO_MEMORY):
            raise StepFailed(no_memory(who, limits, text)) from error
        raise


def limit_memory(limits: Limits) -> None:
    """Refuse this process more memory than it may take from here on."""
    if limits.memory is not None:
        most = _address_space() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def too_late(who: str, limits: Limits) -> Diagnostic:
    """Say that a process was ended for its time."""
    message = f"{who} took longer than its timeout of {limits.timeout:g} s and was ended"
    return Diagnostic("timed-out", message, hint="raise timeout, or give it less to do")


def no_memory(who: str, limits: Limits, text: str) -> Diagnostic:
    """Say that a process got no memory."""
    limit = "" if limits.memory is None else f" within its {limits.memory / 2**20:g} MiB"
    hint = "raise memory, or give it fewer rows or columns" if limit else "give it fewer rows or columns"
    said = " ".join(text.split())[:300]
    return Diagnostic("out-of-memory", f"{who} ran out of memory{limit}" + (f": {said}" if said else ""), hint=hint)


def how_it_ended(who: str, limits: Limits, code: int) -> Diagnostic:
    """Say what a process died of; a negative code is a signal."""
    if code >= 0:
        return Diagnostic("trainer-crashed", f"{who} ended with exit code {code}", hint="look at the step's log")
    name = signal.Signals(-code).name
    if -code in ABORTED and limits.memory is not None:
        return no_memory(who, limits, f"it was ended by {name}, as some libraries do when they get no memory")
    hint = "out of memory? or look at the step's log" if -code == signal.SIGKILL else "look at the step's log"
    return Diagnostic("trainer-crashed", f"{who} was ended by {name}", hint=hint)


def _address_space() -> int:
    """Return the size of this process's address space in bytes. Linux; elsewhere 0, so that the limit is absolute."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
