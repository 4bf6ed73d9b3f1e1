"""The two sides of a lock that git could not merge."""

import re

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.codec import parse
from mlops_runner.lock.model import FILE_NAME, Lock

_OURS, _BASE, _MIDDLE, _THEIRS = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
# Longer ones stand in the base of a merge that had several bases: they are text there.
_MARKER = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?:\s|$)")


def has_conflicts(text: str) -> bool:
    """Say whether a lock's text carries conflict markers."""
    return any(_MARKER.match(line) for line in text.split("\n"))


def sides(text: str, file: str = FILE_NAME) -> tuple[Lock, Lock]:
    """Return our and their lock from a text with conflict markers (of any style of git).

    Lines outside of conflicts stand in both. Raises InvalidInput when the markers do not pair up or a side is not a
    lock.
    """
    ours: list[str] = []
    theirs: list[str] = []
    targets = [ours, theirs]
    state = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _MARKER.match(line):
            targets = _next_targets(state, found[1], ours, theirs, Place(file, number))
            state = "" if found[1] == _THEIRS else found[1]
        else:
            for target in targets:
                target.append(line)
    if state:
        raise InvalidInput(_unpaired(Place(file)))
    return parse("\n".join(ours), file), parse("\n".join(theirs), file)


def without_conflicts(text: str) -> str:
    """Return the lines that stand outside of all conflicts."""
    kept, inside = [], False
    for line in text.split("\n"):
        found = _MARKER.match(line)
        if found and found[1] == _OURS:
            inside = True
        if not inside:
            kept.append(line)
        if found and found[1] == _THEIRS:
            inside = False
    return "\n".join(kept)


def _next_targets(state: str, marker: str, ours: list[str], theirs: list[str], place: Place) -> list[list[str]]:
    allowed = {"": {_OURS}, _OURS: {_BASE, _MIDDLE}, _BASE: {_MIDDLE}, _MIDDLE: {_THEIRS}}
    if marker not in allowed[state]:
        raise InvalidInput(_unpaired(place))
    return {_OURS: [ours], _BASE: [], _MIDDLE: [theirs], _THEIRS: [ours, theirs]}[marker]


def _unpaired(place: Place) -> Diagnostic:
    return Diagnostic(
        "lock-conflict", "conflict markers do not pair up", place, "take one side from git and run: mlops run"
    )
