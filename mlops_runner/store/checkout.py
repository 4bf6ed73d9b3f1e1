"""Bring what DVC tracks from its cache to where it belongs, as `dvc checkout` does, without touching what is there."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mlops_runner.durable import copy_file
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.tracked import Tracked

_MD5 = re.compile(r"[0-9a-f]{32}")


def check_out(root: Path, store: ObjectStore, tracked: Tracked) -> bool:
    """Make a tracked path stand in the project; False when the cache does not hold all of it.

    Every object is read and its md5 compared before the first is copied. Raises InvalidInput for a manifest with paths
    that lead elsewhere, OSError.
    """
    files = store.files_of(tracked.md5) if tracked.folder else {"": tracked.md5}
    if files is None:
        return False
    _refuse_odd(tracked, files)
    if not all([store.whole(md5) for md5 in set(files.values())]):  # noqa: C419 name every damaged object at once
        return False
    for name, md5 in files.items():
        target = root / tracked.path / name if name else root / tracked.path
        if not os.path.lexists(target):
            copy_file(store.path(md5), target)
    return True


def _refuse_odd(tracked: Tracked, files: Mapping[str, str]) -> None:
    for name, md5 in files.items():
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\0" in name or not _MD5.fullmatch(md5):
            message = f"the manifest of {tracked.path} names {name!r}, which does not lie in it"
            raise InvalidInput(Diagnostic("dvc-manifest", message, tracked.place, "do not use data from there"))
