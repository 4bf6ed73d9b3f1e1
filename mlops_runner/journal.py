"""The run journal: what finished here, by key, appended at once so that a kill loses nothing finished.

One sealed JSON object a line. A torn last line (a kill during the write) is ignored and closed off by the next
append; a damaged line is left out. The journal is local: it makes restoring and expected durations possible, never
what a lock says.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_runner.digest import FileDigest
from mlops_runner.durable import make_folder, seal, sync_folder, unseal

VERSION = 2


@dataclass(frozen=True, slots=True)
class Finished:
    """One finished step: its key, what it wrote (path below its output folder → digest), metrics, gates, seconds.

    `local` holds numbers that are true of this machine alone; they are in no lock.
    """

    key: str
    step: str
    outputs: Mapping[str, FileDigest]
    metrics: Mapping[str, float | int | None] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    local: Mapping[str, float] = field(default_factory=dict)


def append(path: Path, finished: Finished) -> None:
    """Append a record; it survives a kill, and after `durable.sync_everything` a power cut. Raises OSError."""
    append_line(path, json.dumps(_encode(finished), sort_keys=True).encode(), durable=False)


def append_line(path: Path, body: bytes, *, durable: bool = True) -> None:
    """Append one sealed line; if durable, it is on disk when this returns. Raises OSError."""
    new = not path.exists()
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "r+b") as stream:
        torn = b"\n" if _ends_torn(descriptor) else b""
        stream.write(torn + seal(body) + b"\n")
        stream.flush()
        if durable:
            os.fsync(descriptor)
    if new:
        sync_folder(path.parent)


def read(path: Path) -> dict[str, Finished]:
    """Return what finished here, by key; of several records of one key the last. A missing journal is empty."""
    return {finished.key: finished for finished in _records(path)}


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the bodies of the whole, undamaged lines. A missing file has none."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines[:-1]:  # what follows the last line end is torn
        if (body := unseal(line)) is not None:  # a damaged line costs a rerun, never an answer
            yield body


def _records(path: Path) -> Iterator[Finished]:
    for body in read_lines(path):
        try:
            record = json.loads(body)
            if record["version"] == VERSION:
                yield _decode(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _ends_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _encode(finished: Finished) -> dict[str, Any]:
    outputs = {path: [d.md5, d.sha256, d.size] for path, d in finished.outputs.items()}
    return {
        "version": VERSION,
        "key": finished.key,
        "step": finished.step,
        "outputs": outputs,
        "metrics": dict(finished.metrics),
        "gates": dict(finished.gates),
        "seconds": round(finished.seconds, 3),
        "local": dict(finished.local),
    }


def _decode(record: Mapping[str, Any]) -> Finished:
    outputs = {path: FileDigest(str(md5), str(sha), int(size)) for path, (md5, sha, size) in record["outputs"].items()}
    return Finished(
        str(record["key"]),
        str(record["step"]),
        outputs,
        dict(record["metrics"]),
        dict(record["gates"]),
        float(record["seconds"]),
        dict(record.get("local", {})),
    )
