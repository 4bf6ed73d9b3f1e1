"""Notices what Python code opens in the project beyond what it was shown.

Only what goes through this interpreter is seen: not what a library opens by itself, not what a child process does.
"""

import os
import sys
from collections.abc import Collection
from pathlib import Path

CODE = (".py", ".pyc", ".so", ".pyd", ".pth")
MOST_NAMED = 5
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """From its start to the end of the process, collects the files of a project that are opened undeclared.

    project: the folder that is watched. own: the folder in it that belongs to the step. shown: files in the project
    that the step may read.
    """

    def __init__(self, project: Path, own: Path, shown: Collection[str]) -> None:
        self._project = f"{os.path.realpath(project)}/"
        self._own = f"{os.path.realpath(own)}/"
        self._shown = {os.path.realpath(path) for path in shown}
        self._read: dict[str, None] = {}
        self._written: dict[str, None] = {}

    def start(self) -> None:
        """Begin to watch. There is no end to it: audit hooks stay."""
        sys.addaudithook(self._hear)

    def surprises(self) -> tuple[str, ...]:
        """Say in words what was opened that was not declared."""
        found = (("wrote", self._written), ("read", {name: None for name in self._read if name not in self._written}))
        return tuple(
            f"it {verb} {', '.join([*names][:MOST_NAMED])}{_more(names)} in the project, which it does not declare"
            for verb, names in found
            if names
        )

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100
        if not path.startswith(self._project) or path.startswith(self._own) or path.endswith(CODE):
            return
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        if flags & _WRITING:
            self._written[path.removeprefix(self._project)] = None
        elif path not in self._shown and not Path(path).is_dir():
            self._read[path.removeprefix(self._project)] = None


def _more(names: Collection[str]) -> str:
    return f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
