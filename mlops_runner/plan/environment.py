"""The environment's digest: which distributions, in which versions, on which Python.

It comes from the project's dependency lock (a requirements file with pinned versions and hashes), evaluated for the
running Python, without mlops_runner itself. Without a dependency lock the installed distributions count.
"""

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlops_runner.digest import digest_value
from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.model import Environment

OURS = "mlops-runner"

_REQUIREMENT = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*(?:;([^#]*))?(?:#.*)?"
)
_HASH = re.compile(r"--hash=(sha\d+:[0-9a-f]+)")
_HASHES = re.compile(r"\s--hash")
_OPTION = re.compile(r"-(?!-hash)")
_ELSEWHERE = re.compile(r"(?!-e \.$)(?:-[re](?!-)|--requirement|--editable)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned distribution: normalised name, version, hashes, and the line that pins it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: int


def python_minor() -> str:
    """Return the running Python's minor version, such as 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def from_dependency_lock(text: str, file: str) -> tuple[Environment, tuple[Pin, ...]]:
    """Return the environment that a dependency lock describes for the running Python, and its pins.

    Raises InvalidInput for a line that does not pin a version.
    """
    pins = tuple(pin for pin in _pins(text, file) if pin.name != OURS)
    facts = sorted([pin.name, pin.version, *sorted(pin.hashes)] for pin in pins)
    return Environment(digest_value("e1", [python_minor(), *facts]), python_minor()), pins


def from_installed(versions: Mapping[str, str]) -> Environment:
    """Return the environment of installed distributions, given as normalised name → version."""
    facts = sorted([name, version] for name, version in versions.items() if name != OURS)
    return Environment(digest_value("e1", [python_minor(), *facts]), python_minor())


def differences(pins: Iterable[Pin], installed: Mapping[str, str]) -> list[str]:
    """Say in words where what is installed differs from what is pinned."""
    return [
        f"{pin.name} {installed.get(pin.name, 'is not installed')}, the lock has {pin.version}"
        for pin in pins
        if not _same_version(installed.get(pin.name), pin.version)
    ]


def normalise(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_version(installed: str | None, pinned: str) -> bool:
    """Compare versions as PEP 440 does: 1.0 is 1.0.0. Another local part (+cpu) is another distribution."""
    if installed is None or installed == pinned:
        return installed == pinned
    from packaging.version import InvalidVersion, Version

    try:
        return Version(installed) == Version(pinned)
    except InvalidVersion:
        return False


def _pins(text: str, file: str) -> Iterator[Pin]:
    for number, line in _logical_lines(text):
        requirement = _HASHES.split(line, maxsplit=1)[0]
        found = _REQUIREMENT.fullmatch(requirement.strip())
        if not found:
            raise _unpinned(file, number)
        if found[3] is None or _applies_here(found[3].strip(), Place(file, number)):
            yield Pin(normalise(found[1]), found[2], tuple(_HASH.findall(line)), number)


def _unpinned(file: str, number: int) -> InvalidInput:
    hint = "make the lock with: uv pip compile --universal --generate-hashes pyproject.toml -o requirements.lock"
    return InvalidInput(
        Diagnostic("unpinned-dependency", "this line does not pin a version", Place(file, number), hint)
    )


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines; leave out blanks, comments and options that pin nothing."""
    started = 0
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not parts:
            started = number
            if not stripped or stripped.startswith("#") or _pins_nothing(stripped):
                continue
        parts.append(stripped.removesuffix("\\"))
        if not stripped.endswith("\\"):
            yield started, " ".join(parts)
            parts = []
    if parts:
        yield started, " ".join(parts)


def _pins_nothing(line: str) -> bool:
    return _OPTION.match(line) is not None and _ELSEWHERE.match(line) is None


def _applies_here(marker: str, place: Place) -> bool:
    try:
        return _applies(marker)
    except ValueError:
        message = f'"{marker}" is not a valid environment marker'
        raise InvalidInput(Diagnostic("invalid-marker", message, place, "see PEP 508")) from None


@functools.cache
def _applies(marker: str) -> bool:
    from packaging.markers import Marker

    return Marker(marker).evaluate()
