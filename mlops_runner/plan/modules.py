"""Where a project's modules are: dotted names in, files below the project's root out. Reads folders, never imports."""

import errno
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput, Place

COMPILED = (".so", ".pyd")
Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp:
    """Return what moves when a file changes: which file it is, its size, and its times. Raises OSError."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(frozen=True, slots=True)
class Module:
    """A module below the root. `file` is None for a folder without `__init__.py`; `folder` is None for a plain module.

    Both are relative to the root, with forward slashes.
    """

    name: str
    file: str | None
    folder: str | None


@dataclass(frozen=True)
class Modules:
    """The modules below one root, each looked up once: in the folders `path`, relative to the root, one by one.

    `stamps` holds what the files that were read looked like just before.
    """

    root: Path
    path: tuple[str, ...] = ("",)
    _found: dict[str, Module | None] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    _entries: dict[str, frozenset[str]] = field(default_factory=dict)

    def find(self, name: str, place: Place | None) -> Module | None:
        """Return the module of this name, or None when it is not below the root.

        Raises InvalidInput, at `place`, for a link that leads out of the project or in a circle.
        """
        if name not in self._found:
            parent, _, last = name.rpartition(".")
            above = self.find(parent, place) if parent else None
            inside = (above.folder,) if above else () if parent else self.path
            looked = (self._look(name, folder, last, place) for folder in inside if folder is not None)
            self._found[name] = next(filter(None, looked), None)
        return self._found[name]

    def read(self, file: str, place: Place | None) -> bytes:
        """Read a module's file, after checking that it really lies below the root."""
        try:
            real = os.path.realpath(self.root / file, strict=True)
            if os.path.commonpath([self._real_root, real]) == self._real_root:
                self.stamps[file] = stamp_of(Path(real))
                return Path(real).read_bytes()
        except OSError as error:
            raise _refusal("code-unreadable", f"{file} cannot be read: {error.strerror}", place) from None
        raise _refusal("code-outside", f"{file} is a link to a file outside the project", place)

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self.root)

    def _look(self, name: str, folder: str, last: str, place: Place | None) -> Module | None:
        entries = self._list(folder, place)
        inner = f"{folder}{last}/"
        # The order in which Python looks: package, module, then a folder that is only a name.
        if last in entries and "__init__.py" in self._list(inner, place):
            return Module(name, f"{inner}__init__.py", inner)
        if f"{last}.py" in entries:
            return Module(name, f"{folder}{last}.py", None)
        compiled = sorted(entry for entry in entries if entry.startswith(f"{last}.") and entry.endswith(COMPILED))
        if compiled:
            return Module(name, f"{folder}{compiled[0]}", None)
        return Module(name, None, inner) if last in entries and (self.root / inner).is_dir() else None

    def _list(self, folder: str, place: Place | None) -> frozenset[str]:
        if folder not in self._entries:
            try:
                self._entries[folder] = frozenset(path.name for path in (self.root / folder).iterdir())
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise _refusal("code-link-loop", f"{folder} is a link that leads to itself", place) from None
                self._entries[folder] = frozenset()
        return self._entries[folder]


def _refusal(code: str, message: str, place: Place | None) -> InvalidInput:
    return InvalidInput(Diagnostic(code, message, place, "keep the project's code in plain files below its folder"))
