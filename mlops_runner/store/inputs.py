"""What a pipeline reads and no step writes: a file, a folder, or the files that a pattern takes."""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput, PlanMismatch
from mlops_runner.store.folders import Difference, Folders
from mlops_runner.store.layout import Layout
from mlops_runner.store.listing import Bounds, follow, list_folder
from mlops_runner.store.objects import cache_folder
from mlops_runner.store.patterns import parse_pattern
from mlops_runner.store.stats import StatCache


@dataclass(frozen=True, slots=True)
class Content:
    """What an input holds: the digest that keys use, and the md5 that DVC uses (of a folder with `.dir`), if asked."""

    digest: str
    md5: str = ""


class Inputs:
    """The external inputs of a project, and the stat cache they were looked up in. Only `save` writes."""

    def __init__(self, layout: Layout) -> None:
        self._root = layout.root
        self._real_root = os.path.realpath(layout.root)
        self._bounds = Bounds(layout.root, cache_folder(layout.root))
        self.stats = StatCache(layout.stats)
        self._folders = Folders(layout.root, layout.folders, self._bounds)
        self._plain: dict[str, bool] = {}  # folders, and whether no link leads there

    def look(self, path: str, *, md5: bool = False) -> Content | None:
        """Return what a path or pattern holds now, None when nothing is there; an empty folder is nothing.

        The digest is sha256 in hexadecimal for a file, `f1:…` for anything else. Raises InvalidInput for what cannot
        be an input, PlanMismatch for a folder that changes meanwhile.
        """
        try:
            pattern = parse_pattern(path)
            if pattern is None and stat.S_ISREG((status := self._status(path)).st_mode):
                found = self.stats.digest(f"{self._root}/{path}", status)
                return Content(found.sha256, found.md5)
            state = self._folders.look(path, pattern, md5=md5 and pattern is None)
            return Content(state.digest, state.md5) if state else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            message = f"{path} cannot be read: {error.strerror}: {error.filename}"
            raise InvalidInput(Diagnostic("unreadable-input", message, hint="check its permissions")) from None

    def difference(self, path: str, then: str) -> Difference | None:
        """Say how a folder that was looked at differs from one with the digest `then`, where that is known here."""
        return self._folders.difference(path, then)

    def files(self, path: str) -> dict[str, Path]:
        """Return what a step is shown of an input: relative name → file. All names begin with one and the same name.

        Raises PlanMismatch for an input that is not there (any more).
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            pattern = parse_pattern(path)
            if pattern is None and stat.S_ISREG(self._status(path).st_mode):
                return {Path(path).name: self._root / path}
            base = path if pattern is None else pattern.base
            top = Path(base).name or "files"
            if names := sorted(list_folder(self._root, base, self._bounds, pattern).names):
                return {f"{top}/{name}": self._root / base / name for name in names}
        raise PlanMismatch(Diagnostic("input-changed", f"{path} is gone", hint="run again when it is quiet"))

    def present(self, path: str) -> list[Path]:
        """Return the files of an input that are there."""
        try:
            return list(self.files(path).values())
        except PlanMismatch:
            return []

    def save(self) -> None:
        """Remember what was read. Raises OSError."""
        self.stats.save()
        self._folders.save()

    def _status(self, path: str) -> os.stat_result:
        folder = path.rpartition("/")[0]
        if folder not in self._plain:
            self._plain[folder] = os.path.realpath(self._root / folder) == f"{self._real_root}/{folder}".rstrip("/")
        if self._plain[folder]:
            status = os.lstat(f"{self._root}/{path}")
            if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                return status  # nothing to follow
        return follow(self._root / path, path, self._bounds)
