"""Carries bytes between the runner and a worker, in chunks, by calls that pass through the scheduler."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from distributed import Client

from mlops_runner.execute.cluster import site
from mlops_runner.execute.cluster.folder import Entry
from mlops_runner.execute.cluster.parcel import CHUNK, Piece
from mlops_runner.execute.mirror import MIRROR


class DamagedError(Exception):
    """What arrived is not what was sent."""


class Courier:
    """Speaks with the workers about one run. Every call may raise OSError: a worker is gone, or the scheduler."""

    def __init__(self, client: Client, run: str) -> None:
        self._client = client
        self._run = run

    def send(self, address: str, name: str, source: Path) -> None:
        """Send an object. Raises DamagedError when the file is not any more what it is named by."""
        transfer = uuid.uuid4().hex
        with source.open("rb") as stream:
            for data, last in _chunks(stream):
                well = self._call(site.receive, address, name, transfer, (data, last))
        if not well:
            raise DamagedError(f"{source} has changed since it was read")

    def take(self, address: str, token: str, work: Path, pieces: dict[str, Piece]) -> None:
        """Make the folder of a step what it has become on the worker."""
        entries: Sequence[Entry] = self._call(site.look, address, token)
        _make_room(work, entries, pieces)
        for parts in _batches([entry for entry in entries if entry.kind == "file"]):
            asked = [(entry.path, first, count) for entry, first, count in parts]
            chunks: Sequence[bytes] = self._call(site.read, address, token, asked)
            for (entry, first, count), data in zip(parts, chunks, strict=True):
                _write(work / entry.path, first, data, count)
        for entry in entries:
            if entry.kind == "file":
                _settle(work / entry.path, entry)

    def leave(self, address: str, token: str) -> None:
        """Let the worker forget a step."""
        self._call(site.leave, address, token)

    def _call(self, function: Callable[..., Any], address: str, *arguments: Any) -> Any:
        try:
            return self._client.run(function, self._run, *arguments, workers=[address])[address]
        except KeyError as error:  # the worker knows nothing of it: it is another one by now
            raise OSError(f"{address} does not know {error}") from None


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    data = stream.read(CHUNK)
    while True:
        following = stream.read(CHUNK)
        yield data, not following
        if not following:
            return
        data = following


def _batches(entries: Sequence[Entry]) -> Iterator[list[tuple[Entry, int, int]]]:
    """Cut files into parts, and yield as many at a time as one message takes."""
    batch, room = list[tuple[Entry, int, int]](), CHUNK
    for entry in entries:
        first = 0
        while first < entry.size or not entry.size:
            count = min(room, entry.size - first)
            batch.append((entry, first, count))
            first, room = first + count, room - count
            if not room:
                yield batch
                batch, room = [], CHUNK
            if not entry.size:
                break
    if batch:
        yield batch


def _make_room(work: Path, entries: Sequence[Entry], pieces: dict[str, Piece]) -> None:
    """Remove what the step removed or replaced, and make its folders. Raises DamagedError for a path that leads out."""
    for entry in entries:
        if entry.path.startswith("/") or ".." in entry.path.split("/"):
            raise DamagedError(f"a worker sent the path {entry.path}")
    kinds = {entry.path: entry.kind for entry in entries}
    for path in pieces:
        if path.startswith(f"{MIRROR}/") and kinds.get(path) != "same":
            (work / path).unlink(missing_ok=True)
    for path, kind in kinds.items():  # in order: a folder comes before what is in it
        if kind == "folder":
            (work / path).mkdir(exist_ok=True)
        elif kind == "odd":
            (work / path).symlink_to("nowhere")  # it is refused for not being a plain file
        elif kind == "file":
            (work / path).unlink(missing_ok=True)  # of a try before


def _write(path: Path, first: int, data: bytes, count: int) -> None:
    if len(data) != count:
        raise DamagedError(f"{path.name} came back short")
    flags = os.O_WRONLY | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if first == 0 else 0)
    with os.fdopen(os.open(path, flags, 0o644), "wb") as stream:
        stream.seek(first)
        stream.write(data)


def _settle(path: Path, entry: Entry) -> None:
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256:
            raise DamagedError(f"{path.name} was damaged on its way back")
    if entry.executable:
        path.chmod(0o755)
