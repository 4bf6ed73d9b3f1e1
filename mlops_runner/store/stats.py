"""The stat cache: digests of files that have not changed since they were last read.

An entry counts only when inode, size, mtime and ctime are those recorded, and the file was old enough then that a
later change must have moved a time stamp. A wrong or missing cache costs a second reading, never a wrong answer.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_file
from mlops_runner.durable import write_text

RACY_NS = 50_000_000
VERSION = 1


class StatCache:
    """Digests by path. `save` writes only when something was added; readers that must not write never call it."""

    def __init__(self, file: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self._clock = clock
        self._entries = _read(file)
        self._changed = False

    def digest(self, path: Path) -> FileDigest:
        """Return a file's digest, reading it only if it may have changed. Raises OSError."""
        status = path.stat()
        signature = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        entry = self._entries.get(str(path))
        if entry and entry[:4] == signature:
            return FileDigest(str(entry[4]), str(entry[5]), status.st_size)
        digest = digest_file(path)
        after = path.stat()
        unmoved = [after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns] == signature
        if unmoved and self._clock() - max(status.st_mtime_ns, status.st_ctime_ns) > RACY_NS:
            self._remember(path, signature, digest)
        return digest

    def record(self, path: Path, digest: FileDigest) -> None:
        """Remember a digest that was computed from the very bytes this process has just written to the path."""
        status = path.stat()
        self._remember(path, [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns], digest)

    def save(self) -> None:
        """Write the cache if something was added. Raises OSError."""
        if self._changed:
            write_text(self._file, json.dumps({"version": VERSION, "files": self._entries}, separators=(",", ":")))
            self._changed = False

    def _remember(self, path: Path, signature: list[int], digest: FileDigest) -> None:
        self._entries[str(path)] = [*signature, digest.md5, digest.sha256]
        self._changed = True


def _read(file: Path) -> dict[str, list[int | str]]:
    try:
        content = json.loads(file.read_bytes())
        entries = content["files"] if content["version"] == VERSION else {}
        return {path: entry for path, entry in entries.items() if len(entry) == 6 and os.path.isabs(path)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
