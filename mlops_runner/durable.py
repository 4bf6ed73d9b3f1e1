"""Durable writes: after they return, the new content survives a power cut; until then, the old one does.

The order is: temporary file beside the target, all bytes, fsync, rename, fsync of the folder. A record that names
a file is written only after the file itself. What a damaged disk or a stray edit could turn into a wrong answer is
sealed: it carries its own digest, and reads as absent when that does not fit.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".mlops-tmp-"
CHUNK = 1 << 20
SETTLED_NS = 100_000_000
FICLONE = 0x40049409  # Linux: let two files share their blocks until one of them is written to


@contextlib.contextmanager
def replacing(target: Path, mode: int | None = None, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Yield a stream whose bytes become the target's when the block ends; on an error the target stays as it was.

    A link is replaced, not followed. Without `mode` the file gets 0644 as the process's umask allows. What can be made
    again from something durable need not be: then a kill leaves it whole, a power cut may not.
    """
    make_folder(target.parent)
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, 0o644)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        temporary.replace(target)
        if durable:
            sync_folder(target.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_bytes(target: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file's content; see `replacing`. Raises OSError."""
    with replacing(target, durable=durable) as stream:
        stream.write(data)


def write_text(target: Path, text: str) -> None:
    """Replace a file's content durably, as UTF-8 with the line ends given. Raises OSError."""
    write_bytes(target, text.encode("utf-8"))


def write_if_changed(target: Path, text: str) -> bool:
    """Write only when the content differs, and say whether it did."""
    data = text.encode("utf-8")
    try:
        if target.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    write_bytes(target, data)
    return True


def copy_file(source: Path, target: Path, mode: int | None = None, *, durable: bool = True) -> os.stat_result:
    """Copy a file's bytes, sharing blocks where the file system can; see `replacing`. Raises OSError.

    Returns the status of what was written, before it got its name; see `settle`.
    """
    with source.open("rb", buffering=0) as reader, replacing(target, mode, durable=durable) as writer:
        _transfer(reader.fileno(), writer.fileno())
        return settle(writer.fileno())


def move_file(source: Path, target: Path, mode: int, *, durable: bool = True) -> os.stat_result:
    """Give a file that nobody else has open another name. Raises OSError. Returns what `copy_file` returns.

    What is not durable now must be before a record that names it is; see `sync_everything`. A file with a second name
    (a hard link) stays and is copied: whoever has that name could change it.
    """
    make_folder(target.parent)
    with source.open("rb", buffering=0) as stream:
        if os.fstat(stream.fileno()).st_nlink > 1 or not _same_device(source, target.parent):
            return copy_file(source, target, mode, durable=durable)
        os.fchmod(stream.fileno(), mode)
        written = settle(stream.fileno())
        if durable:
            os.fsync(stream.fileno())
        source.replace(target)
    if durable:
        sync_folder(target.parent)
    return written


def sync_everything(*folders: Path) -> None:
    """Have all that was written to the disks of some folders survive a power cut: one call for many files."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)  # Linux
    for folder in {folder.stat().st_dev: folder for folder in folders if folder.exists()}.values():
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if syncfs is None or syncfs(descriptor) != 0:
                os.sync()
        finally:
            os.close(descriptor)


def _same_device(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def settle(descriptor: int) -> os.stat_result:
    """Date a file that is written back a little, and return its status: any later write moves its time from there.

    Clocks of file systems tick in milliseconds, so a write that follows at once could leave the time as it was.
    """
    status = os.fstat(descriptor)
    os.utime(descriptor, ns=(status.st_atime_ns, min(status.st_mtime_ns, time.time_ns() - SETTLED_NS)))
    return os.fstat(descriptor)


def _transfer(source: int, target: int) -> None:
    """Copy all bytes: shared blocks, else inside the kernel, else through memory. Raises OSError."""
    if _shared(source, target):
        return
    size, done = os.fstat(source).st_size, 0
    with contextlib.suppress(OSError, AttributeError):  # what is left is copied by hand, and fails there if it must
        while done < size and (step := os.copy_file_range(source, target, size - done, done, done)):
            done += step
    os.lseek(source, done, os.SEEK_SET)
    os.lseek(target, done, os.SEEK_SET)
    while chunk := os.read(source, CHUNK):
        while chunk:
            chunk = chunk[os.write(target, chunk) :]


def _shared(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each name durable. Raises OSError."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. File systems that cannot sync folders are left alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def leftovers(folder: Path, without: Path | None = None) -> list[Path]:
    """List the temporary files that a killed process left below a folder; of `without`, a folder in it, none."""
    found = []
    for inner, folders, names in os.walk(folder):
        if without is not None and without.parent == Path(inner) and without.name in folders:
            folders.remove(without.name)
        found += [Path(inner, name) for name in names if name.startswith(TEMPORARY)]
    return sorted(found)


def seal(body: bytes) -> bytes:
    """Return the body behind its SHA-256 in hexadecimal and a space."""
    return hashlib.sha256(body).hexdigest().encode() + b" " + body


def unseal(data: bytes) -> bytes | None:
    """Return the body, or None when the bytes are not what `seal` returned."""
    body = data[65:]
    return body if seal(body) == data else None
