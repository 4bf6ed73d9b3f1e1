"""The stat cache: digests of files that have not changed since they were last read.

An entry counts only when inode, size, mtime and ctime are those recorded, and a later change must have moved one of
them: the file was old when it was read, or this process wrote it and dated it back. The cache is sealed: a wrong or
missing one costs a second reading, never a wrong answer.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_file
from mlops_runner.durable import seal, unseal, write_bytes

RACY_NS = 50_000_000
VERSION = 2

Entry = list[int | str]  # inode, size, mtime, ctime, md5, sha256


class StatCache:
    """Digests by path. `save` writes only when something was added; readers that must not write never call it."""

    def __init__(self, file: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self._clock = clock
        self._entries = _read(file)
        self._changed = False

    def digest(self, path: str | Path, status: os.stat_result | None = None) -> FileDigest:
        """Return a file's digest, reading it only if it may have changed. Raises OSError.

        status: what the caller has just found there, links followed.
        """
        name = os.fspath(path)
        before = status or os.stat(name)  # noqa: PTH116 (names are faster than paths)
        entry = self._entries.get(name)
        if entry and entry[:4] == _signature(before):
            return FileDigest(str(entry[4]), str(entry[5]), before.st_size)
        digest = digest_file(file := Path(name))
        if _signature(file.stat()) == _signature(before) and self._is_old(before):
            self._remember(file, before, digest)
        return digest

    def record(self, path: Path, digest: FileDigest, written: os.stat_result) -> None:
        """Remember a digest of bytes that this process has just written to the path.

        `written` is the status that `durable.settle` returned. A file that is another one by now, or one whose time
        could stay as it is when it is changed at once, is not remembered.
        """
        with contextlib.suppress(OSError):  # it may be gone already
            now = path.stat()
            if _content(now) == _content(written) and now.st_ctime_ns - now.st_mtime_ns > RACY_NS:
                self._remember(path, now, digest)

    def save(self) -> None:
        """Write the cache if something was added. Raises OSError."""
        if self._changed:
            body = json.dumps({"version": VERSION, "files": self._entries}, separators=(",", ":"))
            write_bytes(self._file, seal(body.encode()))
            self._changed = False

    def _is_old(self, status: os.stat_result) -> bool:
        return self._clock() - max(status.st_mtime_ns, status.st_ctime_ns) > RACY_NS

    def _remember(self, path: Path, status: os.stat_result, digest: FileDigest) -> None:
        self._entries[str(path)] = [*_signature(status), digest.md5, digest.sha256]
        self._changed = True


def _signature(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _content(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(file: Path) -> dict[str, Entry]:
    try:
        body = unseal(file.read_bytes())
    except OSError:
        return {}
    content = json.loads(body) if body else {}
    entries: dict[str, Entry] = content["files"] if content.get("version") == VERSION else {}
    return {path: entry for path, entry in entries.items() if path.startswith("/")}
