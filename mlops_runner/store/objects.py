"""Content-addressed objects in the layout of a DVC 3 cache, so that `dvc push`, `pull` and `gc` work on them.

An object is a file at `files/md5/<first two digits>/<rest>`, mode 0444, whose bytes have that md5. A folder is the
object of its manifest, with the suffix `.dir`. What is read is verified first; a damaged object is set aside.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_bytes, digest_file
from mlops_runner.durable import copy_file, make_folder, move_file, replacing
from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.store.repository import DVC, dvc_root
from mlops_runner.store.stats import StatCache

READ_ONLY = 0o444


class ObjectStore:
    """The local cache of a project.

    With a stat cache, an object whose file has not changed since it was last read is not read again when it is added.
    """

    def __init__(self, project: Path, stats: StatCache | None = None) -> None:
        self.project = project
        self.folder = cache_folder(project) / "files" / "md5"
        self._stats = stats

    def path(self, md5: str) -> Path:
        """Return where an object lives, whether or not it is there."""
        return Path(self.where(md5))

    def where(self, md5: str) -> str:
        """Return the same as text, which is cheaper for thousands of objects."""
        return f"{self.folder}/{md5[:2]}/{md5[2:]}"

    def has(self, digest: FileDigest) -> bool:
        """Say whether an object is there with the right size; its bytes are checked when it is read."""
        try:
            return self.path(digest.md5).stat().st_size == digest.size
        except OSError:
            return False

    def add(self, source: Path, digest: FileDigest) -> None:
        """Store a file's bytes under a digest computed from them. A whole object stays; a damaged one is set aside."""
        if not self._is_whole(digest):
            self._remember(digest, copy_file(source, self.path(digest.md5), READ_ONLY))

    def take(self, source: Path, digest: FileDigest) -> None:
        """Store a file as `add` does, but let go of it: it becomes the object itself, where that is possible.

        Nobody may have the source open any more. It survives a power cut only after `durable.sync_everything`.
        """
        if not self._is_whole(digest):
            self._remember(digest, move_file(source, self.path(digest.md5), READ_ONLY, durable=False))

    def add_folder(self, files: Mapping[str, FileDigest]) -> FileDigest:
        """Store the manifest of a folder (relative path → digest) and return its digest (md5 without suffix)."""
        data = manifest(files)
        digest = digest_bytes(data)
        target = self.path(f"{digest.md5}.dir")
        if not target.exists() or target.read_bytes() != data:
            with replacing(target, READ_ONLY) as stream:
                stream.write(data)
        return digest

    def files_of(self, folder: str) -> dict[str, str] | None:
        """Return the files (relative path → md5) of a stored folder by its md5 with `.dir`; None if it is not whole."""
        try:
            data = self.path(folder).read_bytes()
        except OSError:
            return None
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != folder.removesuffix(".dir"):
            return None
        try:
            return {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(data)}
        except (ValueError, KeyError, TypeError):
            return None

    def verified(self, md5: str, sha256: str) -> FileDigest | None:
        """Check an object's bytes and return their digest; a damaged object is set aside and counts as missing."""
        path = self.path(md5)
        try:
            digest = digest_file(path)
        except OSError:
            return None
        if (digest.md5, digest.sha256) == (md5, sha256):
            return digest
        self._set_aside(path)
        return None

    def whole(self, md5: str) -> bool:
        """Say whether an object is there and its bytes have its md5; a damaged one is set aside."""
        path = self.path(md5)
        try:
            found = self._stats.digest(path) if self._stats is not None else digest_file(path)
        except OSError:
            return False
        if found.md5 == md5:
            return True
        self._set_aside(path)
        return False

    def _remember(self, digest: FileDigest, written: os.stat_result) -> None:
        if self._stats is not None:
            self._stats.record(self.path(digest.md5), digest, written)

    def _is_whole(self, digest: FileDigest) -> bool:
        if self._stats is not None:
            with contextlib.suppress(OSError):
                if self._stats.digest(self.path(digest.md5)) == digest:
                    return True
        return self.verified(digest.md5, digest.sha256) is not None

    def _set_aside(self, path: Path) -> None:
        damaged = self.folder.parent.parent / "damaged"
        make_folder(damaged)
        path.replace(damaged / f"{path.parent.name}{path.name}")


def manifest(files: Mapping[str, FileDigest]) -> bytes:
    """Return the bytes of a DVC folder object: a JSON list of md5 and relative path, sorted by path."""
    return _manifest({path: digest.md5 for path, digest in files.items()})


def folder_address(md5s: Mapping[str, str]) -> str:
    """Return the md5 of a DVC folder object, with `.dir`, from the md5 of every file."""
    return f"{hashlib.md5(_manifest(md5s), usedforsecurity=False).hexdigest()}.dir"


def _manifest(md5s: Mapping[str, str]) -> bytes:
    return json.dumps([{"md5": md5s[path], "relpath": path} for path in sorted(md5s)], sort_keys=True).encode()


def cache_folder(project: Path) -> Path:
    """Return the cache's folder: DVC's `cache.dir` (the repository's, the user's or the machine's), else `.dvc/cache`.

    Raises InvalidInput for a configuration that cannot be read: in another folder, dvc would not find the objects.
    """
    root = dvc_root(project)
    above = os.path.relpath(root, project)
    shown = [(root / DVC / name, os.path.normpath(f"{above}/{DVC}/{name}")) for name in ("config.local", "config")]
    for path, file in (*shown, *((path, str(path)) for path in _shared_configurations())):
        if folder := _configured(path, file):
            return Path(os.path.normpath(path.parent / Path(folder).expanduser()))
    return root / DVC / "cache"


def _shared_configurations() -> Iterator[Path]:
    """Yield where dvc keeps the configuration of the user, and that of the machine."""
    if sys.platform == "darwin":
        user = machine = "Library/Application Support"
    else:
        user, machine = ".config", "etc/xdg"
        user = os.environ.get("XDG_CONFIG_HOME") or user
        machine = (os.environ.get("XDG_CONFIG_DIRS") or machine).split(os.pathsep)[0]
    yield Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or Path.home() / user / "dvc") / "config"
    yield Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR") or Path("/") / machine / "dvc") / "config"


def _configured(path: Path, file: str) -> str | None:
    import configparser

    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        line = getattr(error, "lineno", None) or 1
        hint = "see: dvc config --list; or remove the file"
        raise InvalidInput(Diagnostic("dvc-config", f"{file} cannot be read", Place(file, line), hint)) from None
    folder = parser.get("cache", "dir", fallback="")
    return folder[1:-1] if re.fullmatch(r"""(["']).*\1""", folder) else folder or None
