"""The bytes that a worker of a cluster was sent, by their digest: whole and verified, or not there."""

import hashlib
import threading
import time
from collections.abc import Collection
from pathlib import Path

from mlops_runner.execute.cluster.parcel import Piece

QUIET_SECONDS = 10.0  # what was asked for and does not arrive is asked for again


class Objects:
    """A folder of objects, filled in chunks while steps wait for them. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._whole: dict[str, tuple[int, int]] = {}
        self._hashes: dict[str, hashlib._Hash] = {}  # by transfer
        self._asked: dict[str, float] = {}
        folder.mkdir(parents=True)

    def path(self, piece: Piece) -> Path:
        """Return where the content of a piece is."""
        return self._folder / piece.object

    def lacking(self, pieces: Collection[Piece]) -> list[str]:
        """Return the names of objects that are not here as they were sent."""
        with self._changed:
            return sorted({piece.object for piece in pieces if not self._holds(piece.object)})

    def to_ask(self, names: Collection[str]) -> list[str]:
        """Return those of the names that nobody has asked for, or that do not come; they count as asked for."""
        now = time.monotonic()
        with self._changed:
            found = [name for name in names if now - self._asked.get(name, -QUIET_SECONDS) >= QUIET_SECONDS]
            self._asked |= dict.fromkeys(found, now)
        return found

    def wait(self, seconds: float) -> None:
        """Wait until an object has arrived, or for a while."""
        with self._changed:
            self._changed.wait(seconds)

    def receive(self, name: str, transfer: str, data: bytes, *, last: bool) -> bool:
        """Take the next chunk of an object; say whether all is well: the whole must have the digest that names it."""
        part = self._folder / f"{transfer}.part"
        sha256 = self._hashes.setdefault(transfer, hashlib.sha256())
        sha256.update(data)
        with part.open("ab") as stream:
            stream.write(data)
        with self._changed:
            self._asked[name] = time.monotonic()
            if not last:
                return True
            self._asked.pop(name)
            del self._hashes[transfer]
            if sha256.hexdigest() != name.removesuffix("x"):
                part.unlink()
                return False
            part.chmod(0o555 if name.endswith("x") else 0o444)
            part.replace(self._folder / name)
            self._whole[name] = _signature(self._folder / name)
            self._changed.notify_all()
        return True

    def _holds(self, name: str) -> bool:
        try:
            return self._whole.get(name) == _signature(self._folder / name)
        except OSError:
            return False


def _signature(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
