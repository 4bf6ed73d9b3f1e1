"""Digests of folders: a look at every file's status, and a reading of those that may have changed.

Of every folder that was looked at, `.mlops/folders` keeps one file: a sealed line that says what the listing was and
what the digest, enough where nothing changed; below it columns (names, signatures, sha256, md5), which are read only
where something did. A wrong or missing one costs a second reading, never a wrong answer.
"""

import contextlib
import gc
import hashlib
import json
import os
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner.digest import CHUNK, FileDigest, digest_file, folder_digest
from mlops_runner.durable import replacing, seal, unseal
from mlops_runner.errors import Diagnostic, PlanMismatch
from mlops_runner.store.listing import Bounds, Listing, Signature, list_folder, signature
from mlops_runner.store.objects import folder_address
from mlops_runner.store.patterns import Pattern
from mlops_runner.store.stats import RACY_NS

VERSION = "1"
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe that took a file's place must not hold us
UNSETTLED: Signature = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one file: the signature it had, its sha256, and its md5 or nothing."""

    signature: Signature
    sha256: bytes
    md5: bytes = b""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a folder differs from what it was: names of files, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        parts = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")]
        return "; ".join(f"{len(names)} {what} ({_first(names)})" for names, what in parts if names)


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as it is now: its digest, the md5 of its DVC manifest where that was asked for, and its files' digests.

    `files` is empty where nothing changed since the folder was last looked at.
    """

    digest: str
    md5: str
    listing: str
    files: Mapping[str, Known] = field(default_factory=dict)


class Folders:
    """Digests of folders by path. `save` writes; readers that must not write never call it."""

    def __init__(self, root: Path, state: Path, bounds: Bounds, clock: Callable[[], int] = time.time_ns) -> None:
        self._root = root
        self._state = state
        self._bounds = bounds
        self._clock = clock
        self._looked: dict[str, FolderState] = {}

    def look(self, path: str, pattern: Pattern | None = None, *, md5: bool = False) -> FolderState | None:
        """Return the state of a folder, or of the files in it that a pattern takes; None without any file.

        `path` is what the folder or the pattern is called. Raises InvalidInput for what cannot be an input,
        PlanMismatch for a folder that changes meanwhile, OSError.
        """
        now = self._clock()
        base = path if pattern is None else pattern.base
        try:
            with _uncollected():
                listing = list_folder(self._root, base, self._bounds, pattern)
                if not listing.names:
                    return None
                state = self._state_of(path, base, listing, now, md5=md5)
        except FileNotFoundError as error:
            message = f"{path} changes while it is read: {error.filename} is gone"
            raise PlanMismatch(Diagnostic("input-changed", message, hint="run again when it is quiet")) from None
        self._looked[path] = state
        return state

    def difference(self, path: str, then: str) -> Difference | None:
        """Say how a folder that was looked at differs from what had the digest `then`; None where that is not known."""
        state, header = self._looked.get(path), self._header(path)
        if state is None or header.get("digest") != then or not state.files:
            return None
        before, now = self._columns(path, header), state.files
        changed = (n for n in now.keys() & before.keys() if now[n].sha256 != before[n].sha256)
        return Difference(
            tuple(sorted(now.keys() - before.keys())), tuple(sorted(before.keys() - now.keys())), tuple(sorted(changed))
        )

    def save(self) -> None:
        """Write what was looked at and has changed. Raises OSError."""
        for path, state in self._looked.items():
            if state.files:
                self._write(path, state)

    def _state_of(self, path: str, base: str, listing: Listing, now: int, *, md5: bool) -> FolderState:
        header, fingerprint = self._header(path), _fingerprint(listing)
        if header.get("listing") == fingerprint and (header["md5"] or not md5):
            return FolderState(header["digest"], header["md5"], fingerprint)
        known = self._columns(path, header) if header else {}
        files = _Reader(self._root / base, known, now - RACY_NS, md5).read(listing)
        digest = folder_digest({name: file.sha256.hex() for name, file in files.items()})
        complete = all(file.md5 for file in files.values())
        settled = all(file.signature != UNSETTLED for file in files.values())
        manifest = folder_address({name: file.md5.hex() for name, file in files.items()}) if complete else ""
        return FolderState(digest, manifest, fingerprint if settled else "", files)

    def _file(self, path: str) -> Path:
        return self._state / hashlib.sha256(path.encode()).hexdigest()[:32]

    def _header(self, path: str) -> dict[str, str]:
        try:
            with self._file(path).open("rb") as stream:
                body = unseal(stream.readline().rstrip(b"\n"))
        except OSError:
            return {}
        header: dict[str, str] = json.loads(body) if body else {}
        return header if header.get("version") == VERSION and header["path"] == path else {}

    def _columns(self, path: str, header: Mapping[str, str]) -> dict[str, Known]:
        try:
            data = self._file(path).read_bytes()
        except OSError:
            return {}
        body = data[data.find(b"\n") + 1 :]
        return _decode(body) if hashlib.sha256(body).hexdigest() == header.get("body") else {}

    def _write(self, path: str, state: FolderState) -> None:
        body = _encode(state.files)
        header = {"version": VERSION, "path": path, "listing": state.listing, "digest": state.digest, "md5": state.md5}
        header["body"] = hashlib.sha256(body).hexdigest()
        with replacing(self._file(path)) as stream:
            stream.write(seal(json.dumps(header).encode()) + b"\n" + body)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the files of a folder whose signature is not a known one."""

    folder: Path
    known: Mapping[str, Known]
    old: int
    md5: bool

    def read(self, listing: Listing) -> dict[str, Known]:
        """Return what is known of every file now. Raises OSError."""
        found: dict[str, Known] = {}
        large: list[tuple[str, Signature]] = []
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name, present in zip(listing.names, listing.signatures(), strict=True):
                before = self.known.get(name)
                if before is not None and before.signature == present and (before.md5 or not self.md5):
                    found[name] = before
                elif present[1] < CHUNK:
                    found[name] = self._small(descriptor, name, present, before)
                else:
                    large.append((name, present))
        finally:
            os.close(descriptor)
        return found | dict(self._large(large))

    def _small(self, descriptor: int, name: str, present: Signature, before: Known | None) -> Known:
        opened = os.open(name, READ_FLAGS, dir_fd=descriptor)
        try:
            data = os.read(opened, present[1] + 1)  # asked for more, it would make room for more
            while len(data) > present[1] and (more := os.read(opened, CHUNK)):
                data += more
            after = signature(os.fstat(opened))
        finally:
            os.close(opened)
        sha256 = hashlib.sha256(data).digest()
        settled = after == present and max(present[2], present[3]) < self.old
        md5 = before.md5 if before is not None and before.sha256 == sha256 else b""
        if self.md5 and not md5:
            md5 = hashlib.md5(data, usedforsecurity=False).digest()
        return Known(present if settled else UNSETTLED, sha256, md5)

    def _large(self, files: list[tuple[str, Signature]]) -> Iterator[tuple[str, Known]]:
        """Read large files side by side: hashing lets go of the interpreter."""
        if not files:
            return
        from concurrent.futures import ThreadPoolExecutor  # it brings a good deal with it

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for (name, present), digest in zip(files, threads.map(self._digest, [n for n, _ in files]), strict=True):
                after = signature((self.folder / name).stat())
                settled = after == present and max(present[2], present[3]) < self.old
                md5, sha256 = bytes.fromhex(digest.md5), bytes.fromhex(digest.sha256)
                yield name, Known(present if settled else UNSETTLED, sha256, md5)

    def _digest(self, name: str) -> FileDigest:
        if self.md5:
            return digest_file(self.folder / name)
        sha256 = hashlib.sha256()
        with (self.folder / name).open("rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK):
                sha256.update(chunk)
        return FileDigest("", sha256.hexdigest(), 0)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles from going through hundreds of thousands of values that are in none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _fingerprint(listing: Listing) -> str:
    """Digest names and signatures in the order they were found in."""
    digest = hashlib.sha256(listing.numbers.tobytes())
    digest.update("\0".join(listing.names).encode())
    return digest.hexdigest()


def _encode(files: Mapping[str, Known]) -> bytes:
    names = "\0".join(files).encode()
    signatures = array("q", [value for file in files.values() for value in file.signature]).tobytes()
    sha256 = b"".join([file.sha256 for file in files.values()])
    md5 = b"".join([file.md5 or bytes(16) for file in files.values()])
    return b"%d %d\n" % (len(files), len(names)) + names + signatures + sha256 + md5


def _decode(body: bytes) -> dict[str, Known]:
    first, _, rest = body.partition(b"\n")
    count, length = map(int, first.split())
    names = rest[:length].decode().split("\0")
    start = length + 32 * count
    values = array("q", rest[length:start]).tolist()
    signatures = zip(values[::4], values[1::4], values[2::4], values[3::4], strict=True)
    sha256 = [rest[at : at + 32] for at in range(start, start + 32 * count, 32)]
    start += 32 * count
    md5 = [rest[at : at + 16].replace(bytes(16), b"") for at in range(start, start + 16 * count, 16)]
    return dict(zip(names, map(Known, signatures, sha256, md5), strict=True))


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(map(_shown, names[:3])) + (", …" if len(names) > 3 else "")


def _shown(name: str) -> str:
    """Return a name on one line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
