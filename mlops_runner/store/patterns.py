"""Patterns of files: `*` stands for any characters of one name, `**` for any number of folders; nothing else does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern below a folder: which names may lead to a match, and which paths are one."""

    base: str
    parts: tuple[str, ...]

    def enters(self, folder: str) -> bool:
        """Say whether a folder (relative to the base) can hold a match."""
        return _matches(self.parts, folder.split("/"), whole=False)

    def takes(self, file: str) -> bool:
        """Say whether a file (relative to the base) matches."""
        return _matches(self.parts, file.split("/"), whole=True)


def parse_pattern(path: str) -> Pattern | None:
    """Divide a path with `*` into the folder that is certain and the pattern below it; None for a plain path."""
    if "*" not in path:
        return None
    parts = path.split("/")
    first = next(position for position, part in enumerate(parts) if "*" in part)
    return Pattern("/".join(parts[:first]), tuple(parts[first:]))


def certain(path: str) -> str:
    """Return a path as it is, of a pattern the folder that it looks into."""
    pattern = parse_pattern(path)
    return path if pattern is None else pattern.base


def _matches(pattern: Sequence[str], names: Sequence[str], *, whole: bool) -> bool:
    """Compare name by name; without `whole`, the names may be the beginning of a match."""
    if not names:
        return not whole or not pattern
    if not pattern:
        return False
    if pattern[0] == "**":
        if len(pattern) == 1:
            return not any(name.startswith(".") for name in names)
        deeper = not names[0].startswith(".") and _matches(pattern, names[1:], whole=whole)
        return deeper or _matches(pattern[1:], names, whole=whole)
    return _fits(pattern[0], names[0]) and _matches(pattern[1:], names[1:], whole=whole)


def _fits(part: str, name: str) -> bool:
    """Compare one name. As in a shell, `*` at the beginning does not stand for a dot."""
    if name.startswith(".") and not part.startswith("."):
        return False
    return re.fullmatch(".*".join(map(re.escape, part.split("*"))), name, re.DOTALL) is not None
