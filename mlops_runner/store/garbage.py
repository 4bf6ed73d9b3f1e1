"""Which objects of a cache are still named, and by what. Decides nothing about time or git: it is told what to read."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner.errors import Diagnostic, MlopsError
from mlops_runner.store.objects import ObjectStore

_ENVIRONMENT = re.compile(rb"(?<![0-9a-z])e1:[0-9a-f]{32}(?![0-9a-f])")
_MD5 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_OBJECT = re.compile(r"[0-9a-f]{30}(\.dir)?")
_DOCUMENTS = {"models", "environments"}


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of the cache: its md5 (of a folder with `.dir`), size, and when its file was last changed, in s."""

    md5: str
    size: int
    changed: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What names objects: the kind of thing, what it is called, the file in it, and the md5s."""

    kind: str
    called: str
    file: str
    md5s: frozenset[str]


@dataclass(slots=True)
class Naming:
    """Reads which objects a text names; what a folder's manifest lists is named with it.

    Beside them, it collects the digests of all environments that were named.
    """

    store: ObjectStore
    environments: set[str] = field(default_factory=set)
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def named(self, data: bytes) -> frozenset[str]:
        """Return everything that may be an md5 in a text, whatever form the text has: half a conflict names too.

        Raises MlopsError for a manifest that is there and damaged: what it names cannot be told.
        """
        self.environments |= {found.decode() for found in _ENVIRONMENT.findall(data)}
        return self.expand(found.decode() for found in set(_MD5.findall(data)))

    def expand(self, md5s: Iterator[str]) -> frozenset[str]:
        """Return md5s with those of the folders among them, and of the files in these."""
        return frozenset().union(*(self._with_content(md5) for md5 in md5s))

    def _with_content(self, md5: str) -> frozenset[str]:
        if md5 not in self._known:
            folder = f"{md5}.dir"
            files = self.store.files_of(folder)
            if files is None and os.path.lexists(self.store.path(folder)):
                message = f"the manifest {folder} in the cache is damaged: what it names cannot be told"
                raise MlopsError(Diagnostic("object-damaged", message, hint="run: dvc pull, or: mlops run"))
            self._known[md5] = frozenset({md5, folder, *(files or {}).values()})
        return self._known[md5]


def names_objects(path: str) -> bool:
    """Say whether a file (by its path in a repository) can name objects."""
    *folders, name = path.split("/")
    if name in {"pipeline.lock", "dvc.lock"} or name.endswith(".dvc"):
        return True
    return name.endswith((".yaml", ".yml")) and not _DOCUMENTS.isdisjoint(folders)


def stored_objects(store: ObjectStore) -> list[Stored]:
    """Return all objects of a cache, sorted by md5. What is no object (temporary files, others' files) is left out."""
    found = []
    for folder in sorted(store.folder.glob("[0-9a-f][0-9a-f]")):
        for entry in os.scandir(folder):
            if _OBJECT.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                changed = max(status.st_mtime, status.st_ctime)
                found.append(Stored(f"{folder.name}{entry.name}", status.st_size, changed))
    return sorted(found, key=lambda stored: stored.md5)


def remove(store: ObjectStore, objects: list[Stored]) -> None:
    """Remove objects, manifests first: a manifest without its files would look like a folder. Raises OSError."""
    for stored in sorted(objects, key=lambda stored: (not stored.md5.endswith(".dir"), stored.md5)):
        store.path(stored.md5).unlink(missing_ok=True)
    for folder in {store.path(stored.md5).parent for stored in objects}:
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # something is in it
