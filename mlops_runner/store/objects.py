"""Content-addressed objects in the layout of a DVC 3 cache, so that `dvc push`, `pull` and `gc` work on them.

An object is a file at `files/md5/<first two digits>/<rest>`, mode 0444, whose bytes have that md5. A folder is the
object of its manifest, with the suffix `.dir`. What is read is verified first; a damaged object is set aside.
"""

import configparser
import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mlops_runner.digest import FileDigest, digest_bytes, digest_file
from mlops_runner.durable import copy_file, replacing

READ_ONLY = 0o444


class ObjectStore:
    """The local cache of a project."""

    def __init__(self, project: Path) -> None:
        self.folder = cache_folder(project) / "files" / "md5"

    def path(self, md5: str) -> Path:
        """Return where an object lives, whether or not it is there."""
        return self.folder / md5[:2] / md5[2:]

    def has(self, digest: FileDigest) -> bool:
        """Say whether an object is there with the right size; its bytes are checked when it is read."""
        try:
            return self.path(digest.md5).stat().st_size == digest.size
        except OSError:
            return False

    def add(self, source: Path, digest: FileDigest) -> None:
        """Store a file's bytes under a digest computed from them. An object that is there stays untouched."""
        if not self.has(digest):
            copy_file(source, self.path(digest.md5), READ_ONLY)

    def add_folder(self, files: Mapping[str, FileDigest]) -> FileDigest:
        """Store the manifest of a folder (relative path → digest) and return its digest (md5 without suffix)."""
        data = manifest(files)
        digest = digest_bytes(data)
        target = self.path(f"{digest.md5}.dir")
        if not target.exists():
            with replacing(target, READ_ONLY) as stream:
                stream.write(data)
        return digest

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

    def _set_aside(self, path: Path) -> None:
        damaged = self.folder.parent.parent / "damaged"
        damaged.mkdir(parents=True, exist_ok=True)
        path.replace(damaged / f"{path.parent.name}{path.name}")


def manifest(files: Mapping[str, FileDigest]) -> bytes:
    """Return the bytes of a DVC folder object: a JSON list of md5 and relative path, sorted by the path's parts."""
    paths = sorted(files, key=lambda path: PurePosixPath(path).parts)
    return json.dumps([{"md5": files[path].md5, "relpath": path} for path in paths], sort_keys=True).encode()


def cache_folder(project: Path) -> Path:
    """Return the cache's folder: DVC's `cache.dir` (local configuration first), else `.dvc/cache`."""
    for name in ("config.local", "config"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(project / ".dvc" / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        if folder := parser.get("cache", "dir", fallback=None):
            return Path(os.path.normpath(project / ".dvc" / folder.strip('"')))
    return project / ".dvc" / "cache"
