"""Digests: what makes two values, files or keys the same.

Every digest is text with a versioned prefix: `c1:` a canonical value, `k1:` a step's key, `a1:` code, `e1:` an
environment, `p1:` a plan, `f1:` the files of a folder, `sha256:` the bytes of a file. Changing how one is computed
means raising the number in its prefix, because everything recorded under the old rule would be called fresh by
mistake otherwise.
"""

import hashlib
import json
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

Json: TypeAlias = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Kind = Literal["c1", "k1", "a1", "e1", "p1"]

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

CHUNK = 1 << 20
AHEAD = 4  # chunks that may be read before md5 has seen them


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The content of one file: md5 (its address in a DVC cache), sha256 (what verification uses), size in bytes."""

    md5: str
    sha256: str
    size: int


def canonical_json(value: Json) -> str:
    """One text for one value: keys sorted, no spaces, shortest round-trip floats, no NaN. 1 and 1.0 differ."""
    return _encode(value)


def digest_text(kind: Kind, text: str) -> str:
    """Return `kind:` and the first 32 hex digits (128 bits) of the SHA-256 of the text in UTF-8."""
    return f"{kind}:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def digest_value(kind: Kind, value: Json) -> str:
    """Digest a JSON value through its canonical text."""
    return digest_text(kind, canonical_json(value))


def digest_bytes(data: bytes) -> FileDigest:
    """Digest bytes that are in memory."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return FileDigest(md5, hashlib.sha256(data).hexdigest(), len(data))


def digest_file(path: Path) -> FileDigest:
    """Digest a file in one pass over its bytes. Raises OSError."""
    with path.open("rb", buffering=0) as stream:
        first = stream.read(CHUNK)
        if len(first) < CHUNK:  # a short read of a regular file is its end
            return digest_bytes(first)
        return _digest_beside(first, stream)


def folder_digest(files: Mapping[str, str]) -> str:
    """Return `f1:` and the SHA-256 of a folder's manifest: relative path (with /) → SHA-256 in hexadecimal.

    The manifest holds `digest path NUL` for every file, in the order of the paths' characters. Empty folders, modes and
    times are no content.
    """
    text = "".join([f"{files[path]} {path}\0" for path in sorted(files)])
    return f"f1:{hashlib.sha256(text.encode()).hexdigest()}"


def _digest_beside(first: bytes, stream: BinaryIO) -> FileDigest:
    """Feed md5 in a thread of its own: both hashes let go of the interpreter while they work."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    waiting: queue.Queue[bytes] = queue.Queue(AHEAD)

    def follow() -> None:
        while chunk := waiting.get():
            md5.update(chunk)

    beside = threading.Thread(target=follow)
    beside.start()
    try:
        chunk = first
        while chunk:
            waiting.put(chunk)
            sha256.update(chunk)
            size += len(chunk)
            chunk = stream.read(CHUNK)
    finally:
        waiting.put(b"")
        beside.join()
    return FileDigest(md5.hexdigest(), sha256.hexdigest(), size)
