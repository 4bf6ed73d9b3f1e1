"""What a step has said: cleared of secrets, shortened in its middle where it is endless, and kept."""

import os
from collections.abc import Mapping
from pathlib import Path

from mlops_runner.execute.executed import FAILED
from mlops_runner.execute.secrets import scrub
from mlops_runner.plan.notebook import SUFFIX as NOTEBOOK
from mlops_runner.plan.steps import Step

LOG = "log.txt"  # below the folder of a step
MOST_BYTES, HEAD_BYTES = 8 << 20, 1 << 20
TAIL_LINES = 15
TAIL_BYTES = 1 << 16
COLUMNS = 400


def finish_log(work: Path, values: Mapping[str, str]) -> None:
    """Make the log of a step that has ended fit to be kept and shown. It is not left behind with secrets in it."""
    log = work / LOG
    try:
        _shorten(log)
        scrub(log, values)
    except OSError:  # as on a full disk
        log.unlink(missing_ok=True)


def keep_log(logs: Path, step: Step, work: Path) -> None:
    """Keep what a step said: the log of its last execution, and of a notebook that failed how far it came.

    They are moved: on a full disk there is no room for copies. Raises OSError.
    """
    log, failed = work / LOG, logs / f"{step.file_name}{NOTEBOOK}"
    if log.exists():
        logs.mkdir(parents=True, exist_ok=True)
        log.replace(log_of(logs, step))
    if (work / FAILED).exists():
        (work / FAILED).replace(failed)
    elif step.kind == "notebook":
        failed.unlink(missing_ok=True)


def log_of(logs: Path, step: Step) -> Path:
    """Return where the log of a step is kept."""
    return logs / f"{step.file_name}.log"


def log_tail(work: Path) -> str:
    """Return the last lines of a log, indented; empty when there is none."""
    try:
        with (work / LOG).open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:COLUMNS]}" for line in lines[-TAIL_LINES:])


def _shorten(log: Path) -> None:
    """Leave the first and the last lines of a log that is too long to be kept."""
    if not log.exists() or (size := log.stat().st_size) <= MOST_BYTES:
        return
    with log.open("r+b") as stream:
        head = _whole_lines(stream.read(HEAD_BYTES), first=True)
        stream.seek(size - (MOST_BYTES - HEAD_BYTES))
        tail = _whole_lines(stream.read(), first=False)
        stream.truncate(len(head))
        stream.seek(0, os.SEEK_END)
        stream.write(f"… {size - len(head) - len(tail)} bytes are left out here …\n".encode() + tail)


def _whole_lines(data: bytes, *, first: bool) -> bytes:
    """Drop the line that was cut: half a secret would not be recognised. What has no lines is dropped."""
    return data[: data.rfind(b"\n") + 1] if first else data.partition(b"\n")[2]
