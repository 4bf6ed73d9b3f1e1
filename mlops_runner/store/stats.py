"""The stat cache: digests of files that have not changed since they were last read.

An entry counts only when inode, size, mtime and ctime are those recorded, and the file was old enough then that a
later change must have moved a time stamp. The cache is sealed: a wrong or missing one costs a second reading, never a
wrong answer.
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
        self._young: dict[str, FileDigest] = {}
        self._changed = False

    def digest(self, path: Path) -> FileDigest:
        """Return a file's digest, reading it only if it may have changed. Raises OSError."""
        before = path.stat()
        entry = self._entries.get(str(path))
        if entry and entry[:4] == _signature(before):
            return FileDigest(str(entry[4]), str(entry[5]), before.st_size)
        digest = digest_file(path)
        if _signature(path.stat()) == _signature(before) and self._is_old(before):
            self._remember(path, before, digest)
        return digest

    def record(self, path: Path, digest: FileDigest) -> None:
        """Remember a digest that was computed from the very bytes this process has just written to the path.

        The file is too young to be told from one that is changed at once: `save` reads it again, and remembers it if
        its bytes are still these.
        """
        self._young[str(path)] = digest

    def save(self) -> None:
        """Write the cache if something was added. Raises OSError."""
        self._settle_young()
        if self._changed:
            body = json.dumps({"version": VERSION, "files": self._entries}, separators=(",", ":"))
            write_bytes(self._file, seal(body.encode()))
            self._changed = False

    def _settle_young(self) -> None:
        if self._young:
            time.sleep(RACY_NS / 1e9)
        for path, written in self._young.items():
            with contextlib.suppress(OSError):  # it may be gone already
                if self.digest(Path(path)) != written:
                    self._entries.pop(path, None)
        self._young.clear()

    def _is_old(self, status: os.stat_result) -> bool:
        return self._clock() - max(status.st_mtime_ns, status.st_ctime_ns) > RACY_NS

    def _remember(self, path: Path, status: os.stat_result, digest: FileDigest) -> None:
        self._entries[str(path)] = [*_signature(status), digest.md5, digest.sha256]
        self._changed = True


def _signature(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read(file: Path) -> dict[str, Entry]:
    try:
        body = unseal(file.read_bytes())
    except OSError:
        return {}
    content = json.loads(body) if body else {}
    entries: dict[str, Entry] = content["files"] if content.get("version") == VERSION else {}
    return {path: entry for path, entry in entries.items() if path.startswith("/")}
