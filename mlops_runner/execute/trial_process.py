"""The process that fits trials. It is forked before anything is read: a library with running threads survives no fork.

It reads the rows itself, says how many folds there are, and then does fit after fit, each in a folder of its own.
"""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_runner.execute.forks import fork, kill_group
from mlops_runner.execute.messages import Reply
from mlops_runner.execute.stages.limits import Limits, answered, limit_memory
from mlops_runner.train.tuning.batch import Fit
from mlops_runner.train.tuning.bench import Bench


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every trial.

    read: makes the bench, in each process. who: the trainer, for messages. sign: 1 where more of the metric is better,
    else -1. work: folder below which each fit has one of its own. limits: of each fit.
    """

    read: Callable[[], Bench]
    who: str
    sign: int
    work: Path
    limits: Limits


@dataclass(slots=True)
class Hand:
    """A process that fits: who it is, how to speak with it, and what it does now."""

    process: int
    channel: socket.socket
    ready: bool = False
    fit: Fit | None = None
    started: float = 0.0
    heard: bytes = b""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self.channel.fileno()


def started(terms: Terms) -> Hand:
    """Start a process, which says when it is ready."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        ours.close()
        _speak(terms, theirs)

    child = fork(serve)
    theirs.close()
    return Hand(child, ours)


def end(hand: Hand) -> int:
    """Kill a process and what it has started, and return what it ended with."""
    hand.channel.close()
    kill_group(hand.process)
    return os.waitstatus_to_exitcode(os.waitpid(hand.process, 0)[1])


def _speak(terms: Terms, channel: socket.socket) -> None:
    """Say how many folds there are, then do what is asked until nobody does."""
    benches: list[Bench] = []

    def ready() -> Reply:
        benches.append(terms.read())
        return Reply("done", {"folds": benches[0].folds})

    channel.sendall(answered(terms.who, terms.limits, ready).encode().encode() + b"\n")
    for line in channel.makefile("rb"):
        task = json.loads(line)
        limit_memory(terms.limits)
        reply = answered(terms.who, terms.limits, lambda task=task: _tried(benches[0], task))  # type: ignore[misc]
        channel.sendall(reply.encode().encode() + b"\n")


def _tried(bench: Bench, task: dict[str, Any]) -> Reply:
    started = time.monotonic()
    with _inside(Path(task["folder"])):
        value = bench.value(task["params"], task["fold"])
    return Reply("done", {"value": value}, local={"seconds": time.monotonic() - started})


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder of one's own, which is removed afterwards."""
    before = Path.cwd()
    folder.mkdir()
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)
