"""What lies in a folder: relative names and status of every file, in the order the file system gives them.

A folder can hold a hundred thousand files, and looking at it stands in every plan: the loops are tight, and what is
rare (links, pipes, names that other systems cannot hold) is set aside first.
"""

import errno
import os
import stat
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.store.patterns import Pattern

Signature = tuple[int, int, int, int]  # inode, size, mtime, ctime
signature = attrgetter("st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The folders that a link may lead into: the project, and the cache of DVC, which makes such links."""

    root: Path
    cache: Path

    def hold(self, path: Path) -> bool:
        """Say whether a resolved path lies within."""
        return path.is_relative_to(self.root.resolve()) or path.is_relative_to(self.cache.resolve())


@dataclass(slots=True)
class Listing:
    """Files by relative name (with /), and their signatures end to end, four numbers a file."""

    names: list[str] = field(default_factory=list)
    numbers: "array[int]" = field(default_factory=lambda: array("q"))

    def signatures(self) -> Iterator[Signature]:
        """Yield the signature of each file, in the order of the names."""
        values = iter(self.numbers)
        return zip(values, values, values, values, strict=True)


def list_folder(root: Path, path: str, bounds: Bounds, pattern: Pattern | None = None) -> Listing:
    """List the files below a folder of the project, or those that a pattern takes; empty without the folder.

    Raises InvalidInput for what cannot be an input: links that lead out or in circles, pipes, devices, names that are
    not UTF-8 or that other systems take for one. Raises OSError.
    """
    walk = _Walk(path, bounds, pattern, Listing())
    try:
        walk.run(str(root / path))
    except FileNotFoundError as error:
        if error.filename != str(root / path):
            raise
    _refuse_twins(path, walk.found.names)
    return walk.found


@dataclass(slots=True)
class _Walk:
    path: str
    bounds: Bounds
    pattern: Pattern | None
    found: Listing
    waiting: list[tuple[str, str, tuple[tuple[int, int], ...]]] = field(default_factory=list)

    def run(self, top: str) -> None:
        """List a folder and all below it."""
        self.waiting.append((top, "", ()))
        while self.waiting:
            self._enter(*self.waiting.pop())

    def _enter(self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> None:
        """List one folder; `above` identifies the folders it lies in."""
        folders, odd = self._files(folder, prefix)
        if not folders and not odd:
            return
        status = os.stat(folder)  # noqa: PTH116
        above = (*above, (status.st_dev, status.st_ino))
        self.waiting.extend((f"{folder}/{name}", f"{prefix}{name}/", above) for name in folders)
        for name in odd:
            self._odd(folder, prefix, name, above)

    def _files(self, folder: str, prefix: str) -> tuple[list[str], list[str]]:
        """Note the plain files of a folder; return the names of its folders, and of what is neither."""
        folders: list[str] = []
        odd: list[str] = []
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # status by name below it is the quickest there is
        try:
            with os.scandir(descriptor) as entries:
                files = [e for e in entries if e.is_file(follow_symlinks=False) or _other(e, folders, odd)]
                if self.pattern is not None:
                    files = [entry for entry in files if self.pattern.takes(prefix + entry.name)]
                names = [entry.name for entry in files]
                found = map(signature, [entry.stat(follow_symlinks=False) for entry in files])
                self.found.numbers.extend(chain.from_iterable(found))
        finally:
            os.close(descriptor)
        self.found.names.extend([prefix + name for name in names] if prefix else names)
        if self.pattern is not None:
            folders = [name for name in folders if self.pattern.enters(prefix + name)]
            odd = [n for n in odd if self.pattern.takes(prefix + n) or self.pattern.enters(prefix + n)]
        return folders, odd

    def _odd(self, folder: str, prefix: str, name: str, above: tuple[tuple[int, int], ...]) -> None:
        shown = f"{self.path}/{prefix}{name}"
        status = follow(Path(folder) / name, shown, self.bounds)
        if not stat.S_ISDIR(status.st_mode):
            if self.pattern is None or self.pattern.takes(prefix + name):
                self.found.names.append(prefix + name)
                self.found.numbers.extend(signature(status))
        elif (status.st_dev, status.st_ino) in above:
            raise _refused(shown, "is a link to a folder that it lies in", "remove the link")
        elif self.pattern is None or self.pattern.enters(prefix + name):
            self.waiting.append((f"{folder}/{name}", f"{prefix}{name}/", above))


def follow(path: Path, shown: str, bounds: Bounds) -> os.stat_result:
    """Return the status of the file or folder behind a path. Raises InvalidInput for what cannot be an input.

    Raises FileNotFoundError for a name that is not there; a link that leads nowhere is there.
    """
    linked = os.lstat(path)
    try:
        target = path.resolve(strict=True)
        status = target.stat()
    except (OSError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError) and not stat.S_ISLNK(linked.st_mode):
            raise
        loop = isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == errno.ELOOP)
        if not loop and not isinstance(error, FileNotFoundError):
            raise
        what = "is a loop of links" if loop else "is a link that leads nowhere"
        raise _refused(shown, what, "replace it by a file") from None
    if not bounds.hold(target):
        raise _refused(
            shown, "is a link that leaves the project", "keep the file in the project, or: dvc add --to-cache"
        )
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise _refused(shown, f"is a {_kind(status.st_mode)}", "an input is a file or a folder")
    return status


def _other(entry: "os.DirEntry[str]", folders: list[str], odd: list[str]) -> bool:
    """Sort an entry that is no plain file; False, so that a filter leaves it out."""
    (folders if entry.is_dir(follow_symlinks=False) else odd).append(entry.name)
    return False


def _kind(mode: int) -> str:
    kinds: tuple[tuple[Callable[[int], bool], str], ...] = (
        (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"),
    )  # fmt: skip
    return next((name for test, name in kinds if test(mode)), "special file")


def _refuse_twins(path: str, names: list[str]) -> None:
    """Refuse names that are not UTF-8, and two names that are one on a system that normalises Unicode."""
    if "".join(names).isascii():
        return
    problems = [*_not_text(path, names)]
    seen: dict[str, str] = {}
    for name in sorted(names):
        plain = unicodedata.normalize("NFC", name)
        if plain in seen:
            message = f"{path} holds {seen[plain]!a} and {name!a}: the same name on other systems"
            problems.append(Diagnostic("input-twins", message, hint="rename one of them"))
        seen[plain] = name
    if problems:
        raise InvalidInput(problems)


def _not_text(path: str, names: list[str]) -> Iterator[Diagnostic]:
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            yield Diagnostic("input-name", f"{path} holds {name!a}, a name that is not UTF-8", hint="rename it")


def _refused(shown: str, what: str, hint: str) -> InvalidInput:
    return InvalidInput(Diagnostic("irregular-input", f"{shown} {what}", hint=hint))
