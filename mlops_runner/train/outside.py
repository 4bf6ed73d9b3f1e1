"""Notice files that code writes outside of the folder it was given. Calls of Python are heard, those of C are not."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What changes a folder, and which of its arguments name what is changed there; links are not followed.
CHANGES = {
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
}
HARMLESS = ("/dev/", "/proc/")
MOST = 20

_heard: list[dict[str, None]] = []
_installed: list[bool] = []


@contextmanager
def watching(own: Path) -> Iterator[list[str]]:
    """Yield a list that is filled, at the end, with the paths outside of `own` that were written, at most 20."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hear)  # it cannot be taken away again, so there is one for all
    heard: dict[str, None] = {}
    found: list[str] = []
    _heard.append(heard)
    try:
        yield found
    finally:
        _heard.remove(heard)
        root = os.path.realpath(own)
        outside = (path for path in heard if os.path.commonpath([root, path]) != root)
        found += [path for path in outside if not path.startswith(HARMLESS)][:MOST]


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _heard:
        return
    if event == "open":
        path, mode, flags = arguments
        letters = mode if isinstance(mode, str) else ""
        if set(letters) & set("wxa+") or (isinstance(flags, int) and flags & WRITING):
            _note(path, os.path.realpath)
    elif event in CHANGES:
        for position in CHANGES[event]:
            _note(arguments[position], _place)


def _place(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118


def _note(path: object, resolved: Callable[[str], str]) -> None:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if isinstance(path, str):
        for heard in _heard:
            heard[resolved(path)] = None
