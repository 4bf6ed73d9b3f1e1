"""What DVC tracks besides our artifacts: files and folders with a pointer, and outputs of stages in a dvc.lock.

Pointers are read in the form that dvc writes: block style, one fact a line. What has another form is not tracked.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.errors import Place
from mlops_runner.store.objects import ObjectStore, folder_address

_FACT = re.compile(r"(?P<indent> *)(?P<item>- )?(?P<key>[\w-]+):(?: (?P<value>.*?))?\s*$")
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


@dataclass(frozen=True, slots=True)
class Tracked:
    """What DVC says a path should hold: its md5 (of a folder with `.dir`), and the line that says so."""

    path: str
    md5: str
    place: Place

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.md5.endswith(".dir")


class Tracking:
    """Finds what DVC tracks in a project. Reads pointers, and manifests of the local cache."""

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self._root = root
        self._store = store
        self._read: dict[str, list[Tracked]] = {}
        self._names: dict[str, frozenset[str]] = {}  # of folders

    def find(self, path: str) -> Tracked | None:
        """Return what DVC says of a path: through its own pointer, or that of a folder it lies in.

        A path in a folder is known only while the manifest of the folder is in the cache.
        """
        own = path
        while own:
            for tracked in self._around(own):
                if tracked.path == path:
                    return tracked
                if tracked.folder and path.startswith(f"{tracked.path}/"):
                    return self._within(tracked, path)
            own = own.rpartition("/")[0]
        return None

    def _around(self, path: str) -> Iterator[Tracked]:
        """Yield what the pointer of a path and the dvc.lock beside it track."""
        folder, _, name = path.rpartition("/")
        for file in (f"{name}.dvc", "dvc.lock"):
            if file in self._listed(folder):
                whole = f"{folder}/{file}".lstrip("/")
                if whole not in self._read:
                    self._read[whole] = list(read_outputs(self._root, whole))
                yield from self._read[whole]

    def _listed(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(entry.name for entry in os.scandir(self._root / folder))
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def _within(self, folder: Tracked, path: str) -> Tracked | None:
        inner = path.removeprefix(f"{folder.path}/")
        files = self._store.files_of(folder.md5) or {}
        if inner in files:
            return Tracked(path, files[inner], folder.place)
        below = {name.removeprefix(f"{inner}/"): md5 for name, md5 in files.items() if name.startswith(f"{inner}/")}
        return Tracked(path, folder_address(below), folder.place) if below else None


def read_outputs(root: Path, file: str) -> Iterator[Tracked]:
    """Yield what a `.dvc` file or a dvc.lock tracks; nothing where it is absent, or where a stage has a `wdir`."""
    try:
        text = (root / file).read_text(encoding="utf-8")
        beside = (root / file).with_name("dvc.yaml")
        settings = beside.read_text(encoding="utf-8") if file.endswith("dvc.lock") and beside.exists() else text
    except (OSError, UnicodeDecodeError):
        return
    if re.search(r"^\s*wdir:(?! \.\s*$)", settings, re.MULTILINE):
        return  # its paths are relative to another folder, which only dvc can tell
    folder = file.rpartition("/")[0]
    for facts, line in _items(text):
        if _MD5.fullmatch(facts.get("md5", "")) and facts.get("path") and not _leaves(facts["path"]):
            yield Tracked(f"{folder}/{facts['path']}".lstrip("/"), facts["md5"], Place(file, line))


def _items(text: str) -> Iterator[tuple[dict[str, str], int]]:
    """Yield the facts of every item below a key `outs`, and the line of its md5."""
    rows = [(number, found) for number, row in enumerate(text.splitlines(), start=1) if (found := _FACT.match(row))]
    inside, items = False, -1  # whether we are below `outs`, and how far its items are indented
    facts: dict[str, str] = {}
    line = 0
    for number, row in rows:
        indent = len(row["indent"])
        if row["item"] and inside and indent == (indent if items < 0 else items):
            yield facts, line
            facts, items = {}, indent
        elif not row["item"] and (not inside or indent <= items):
            inside, items = row["key"] == "outs" and not row["value"], -1
            continue
        if inside and indent == (items if row["item"] else items + 2):
            facts[row["key"]] = _text(row["value"] or "")
            line = number if row["key"] == "md5" else line
    yield facts, line


def _text(value: str) -> str:
    """Return the text of a scalar as dvc writes it."""
    if value.startswith("'"):
        return value[1:-1].replace("''", "'")
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return ""
    return value


def _leaves(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")
