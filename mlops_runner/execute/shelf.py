"""Artifacts in two places: the object store, which is the truth, and the project's folder, where a person looks.

A file that lies where an artifact belongs and that nobody here wrote is never overwritten: it is moved aside first.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_runner.digest import FileDigest
from mlops_runner.durable import copy_file, sync_folder
from mlops_runner.lock.model import Output, Stage
from mlops_runner.store.layout import Layout
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.pointers import remove_pointers
from mlops_runner.store.stats import StatCache

Files = Mapping[str, FileDigest]


class Shelf:
    """Brings artifacts from a step's folder to the store, and from the store to the project's folder."""

    def __init__(self, layout: Layout, store: ObjectStore, stats: StatCache, tell: Callable[[str], None]) -> None:
        self._layout = layout
        self._store = store
        self._stats = stats
        self._tell = tell

    def standing(self, folder: str, outputs: Mapping[str, Output]) -> dict[str, FileDigest]:
        """Return those of the outputs that lie in the project's folder with the recorded content."""
        found = {}
        for name, output in outputs.items():
            digest = self._look(self._where(folder, name))
            if digest and (digest.md5, digest.sha256) == (output.md5, output.sha256):
                found[name] = digest
        return found

    def bring(self, folder: str, outputs: Mapping[str, Output]) -> tuple[dict[str, FileDigest], bool] | None:
        """Make the outputs stand in the project's folder and in the store.

        Returns their digests and whether anything had to be restored, or None when content is missing from both.
        """
        standing = self.standing(folder, outputs)
        restored: dict[str, FileDigest] = {}
        for name in outputs.keys() - standing.keys():
            found = self._store.verified(outputs[name].md5, outputs[name].sha256)
            if found is None:
                return None
            restored[name] = found
        for name, digest in restored.items():
            self._place(self._store.path(digest.md5), self._layout.root / folder / name, digest)
        for name, digest in standing.items():
            self._mend(folder, name, digest)
        return {name: {**standing, **restored}[name] for name in outputs}, bool(restored)

    def keep(self, folder: str, out: Path, files: Files) -> None:
        """Move what a step wrote to the store, then place copies in the project's folder."""
        for name, digest in files.items():
            self._store.take(out / name, digest)
        for name, digest in files.items():
            self._place(self._store.path(digest.md5), self._layout.root / folder / name, digest)

    def drop(self, stale: Mapping[str, Output]) -> None:
        """Remove files that an earlier run wrote and nothing writes any more, by path; changed ones stay."""
        for path in self.standing("", stale):
            place = self._layout.root / path
            place.unlink()
            for folder in place.parents:
                if folder == self._layout.root or not _removed(folder):
                    break

    def clear(self, stage: Stage) -> None:
        """Remove the files and pointers of a stage that nothing asks for any more; files that were changed stay."""
        self.drop(stage.outputs)
        remove_pointers(self._layout.root, {path: output.md5 for path, output in stage.outputs.items()}, keep=())

    def stored(self, digest: FileDigest) -> bool:
        """Say whether the store holds these very bytes."""
        return self._look(self._store.path(digest.md5)) == digest

    def readable(self, folder: str, name: str, digest: FileDigest) -> Path | None:
        """Return the stored object of an artifact, its bytes verified; None when it is damaged beyond repair here."""
        path = self._store.path(digest.md5)
        if self._look(path) != digest:
            if self._look(self._layout.root / folder / name) != digest:
                return None
            self._mend(folder, name, digest)
        return path

    def _mend(self, folder: str, name: str, digest: FileDigest) -> None:
        """Have the store hold the bytes of an artifact that stands in the project's folder; damage is set aside."""
        if self._look(self._store.where(digest.md5)) == digest:
            return
        path = self._store.path(digest.md5)
        if os.path.lexists(path):
            what = f"{folder}/{name}".lstrip("/")
            self._tell(f"{what} was damaged in the cache; it is whole again, the damaged object was set aside")
        self._store.add(self._layout.root / folder / name, digest)

    def _where(self, folder: str, name: str) -> str:
        return f"{self._layout.root}/{folder}/{name}" if folder else f"{self._layout.root}/{name}"

    def _look(self, path: str | Path) -> FileDigest | None:
        """A link counts only if it leads into the cache, as DVC's `cache.type symlink` makes them."""
        try:
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode):
                return self._stats.digest(path, status)
            inside = Path(path).resolve().is_relative_to(self._store.folder.resolve())
            return self._stats.digest(path) if inside else None
        except OSError:
            return None

    def _place(self, source: Path, target: Path, digest: FileDigest) -> None:
        present = self._look(target)
        if present == digest:
            return
        if os.path.lexists(target) and (present is None or not self._store.has(present)):
            self._move_aside(target)
        self._stats.record(target, digest, copy_file(source, target, durable=False))  # the store has the bytes

    def _move_aside(self, target: Path) -> None:
        relative = target.relative_to(self._layout.root)
        place = self._layout.replaced / relative
        number = 0
        while os.path.lexists(place):
            number += 1
            place = self._layout.replaced / relative.with_name(f"{relative.name}.{number}")
        place.parent.mkdir(parents=True, exist_ok=True)
        target.rename(place)
        sync_folder(place.parent)
        self._tell(f"{relative} was changed by hand; your version is kept as {place.relative_to(self._layout.root)}")


def _removed(folder: Path) -> bool:
    """Remove a folder if it is empty, and say whether it was."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
