"""The two sides of a lock that git could not merge."""

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.codec import parse
from mlops_runner.lock.model import FILE_NAME, Lock

_OURS, _BASE, _THEIRS = "<<<<<<<", "|||||||", ">>>>>>>"
_MIDDLE = "======="


def has_conflicts(text: str) -> bool:
    """Say whether a lock's text carries conflict markers."""
    return any(line.startswith((_OURS, _THEIRS)) for line in text.splitlines())


def sides(text: str, file: str = FILE_NAME) -> tuple[Lock, Lock]:
    """Return our and their lock from a text with conflict markers (of either style of git).

    Raises InvalidInput when the markers do not pair up or a side is not a lock.
    """
    ours: list[str] = []
    theirs: list[str] = []
    targets = [ours, theirs]
    state = ""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        marker = line[:7]
        if marker in {_OURS, _BASE, _MIDDLE, _THEIRS}:
            targets = _next_targets(state, marker, ours, theirs, Place(file, number))
            state = "" if marker == _THEIRS else marker
        else:
            for target in targets:
                target.append(line)
    if state:
        raise InvalidInput(_unpaired(Place(file)))
    return parse("".join(ours), file), parse("".join(theirs), file)


def _next_targets(state: str, marker: str, ours: list[str], theirs: list[str], place: Place) -> list[list[str]]:
    allowed = {"": {_OURS}, _OURS: {_BASE, _MIDDLE}, _BASE: {_MIDDLE}, _MIDDLE: {_THEIRS}}
    if marker not in allowed[state]:
        raise InvalidInput(_unpaired(place))
    return {_OURS: [ours], _BASE: [], _MIDDLE: [theirs], _THEIRS: [ours, theirs]}[marker]


def _unpaired(place: Place) -> Diagnostic:
    return Diagnostic(
        "lock-conflict", "conflict markers do not pair up", place, "take one side from git and run: mlops run"
    )
