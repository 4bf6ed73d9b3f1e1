"""The environment's digest: which distributions, in which versions, on which Python.

It comes from the project's dependency lock (a requirements file with pinned versions and hashes), evaluated for the
running Python, without mlops_runner itself. Without a dependency lock the installed distributions count.
"""

import functools
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops_runner.digest import digest_value
from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.model import Environment

OURS = "mlops-runner"

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\#]+)\s*(?:;([^#]*))?(?:#.*)?")
_HASH = re.compile(r"--hash=(sha\d+:[0-9a-f]+)")
_OPTION = re.compile(r"-(?!-hash)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned distribution: normalised name, version, hashes, and the line that pins it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: int


def python_minor() -> str:
    """Return the running Python's minor version, such as 3.11."""
    return ".".join(platform.python_version_tuple()[:2])


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
        if installed.get(pin.name) != pin.version
    ]


def normalise(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(text: str, file: str) -> Iterable[Pin]:
    for number, line in _logical_lines(text):
        requirement, _, _ = line.partition(" --hash")
        found = _REQUIREMENT.fullmatch(requirement.strip())
        if not found:
            message = "this line does not pin a version"
            hint = (
                "make the lock with: uv pip compile --universal --generate-hashes pyproject.toml -o requirements.lock"
            )
            raise InvalidInput(Diagnostic("unpinned-dependency", message, Place(file, number), hint))
        if found[3] is None or _applies(found[3].strip(), file, number):
            yield Pin(normalise(found[1]), found[2], tuple(_HASH.findall(line)), number)


def _logical_lines(text: str) -> Iterable[tuple[int, str]]:
    """Join continued lines; leave out blanks, comments and options."""
    started, parts = 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not parts:
            started = number
            if not stripped or stripped.startswith("#") or _OPTION.match(stripped):
                continue
        parts.append(stripped.removesuffix("\\"))
        if not stripped.endswith("\\"):
            yield started, " ".join(parts)
            parts = []
    if parts:
        yield started, " ".join(parts)


@functools.cache
def _applies(marker: str, file: str, number: int) -> bool:
    from packaging.markers import InvalidMarker, Marker

    try:
        return Marker(marker).evaluate()
    except InvalidMarker:
        message = f'"{marker}" is not a valid environment marker'
        raise InvalidInput(Diagnostic("invalid-marker", message, Place(file, number), "see PEP 508")) from None
