"""The environment's digest: which distributions, in which versions, on which Python, and what of the machine.

It comes from a dependency lock (a requirements file with pinned versions and hashes), evaluated for the environment's
Python, without mlops_runner itself. Without a dependency lock the installed distributions count.
"""

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.digest import Json, digest_value
from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.model import Environment

OURS = "mlops-runner"
DEFAULT = "default"  # the project's own environment

MOST_COMPLAINTS = 20
_REQUIREMENT = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*(?:;([^#]*))?(?:#.*)?"
)
_HASH = re.compile(r"--hash=(sha\d+:[0-9a-f]+)")
_HASHES = re.compile(r"\s--hash")
_OPTION = re.compile(r"-(?!-hash)")
_USER = re.compile(r"://([^\s/@]+)@")
_VARIABLE = re.compile(r"\$\{\w+\}")
_ELSEWHERE = re.compile(r"(?!-e \.$)(?:-[re](?!-)|--requirement|--editable)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned distribution: normalised name, version, hashes, and the line that pins it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Need:
    """A part of the machine that steps need: a "package", a "program" or a "driver", and the versions that will do."""

    kind: str
    name: str
    versions: str


@dataclass(frozen=True, slots=True)
class Declared:
    """An environment as a document declares it. lock: its dependency lock; python: None for that of the runner."""

    name: str
    lock: str | None
    python: str | None = None
    needs: tuple[Need, ...] = ()
    place: Place | None = None

    @property
    def minor(self) -> str:
        """The minor version of its Python."""
        return self.python or python_minor()


def python_minor() -> str:
    """Return the running Python's minor version, such as 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def from_dependency_lock(
    text: str, file: str, python: str | None = None, needs: Iterable[Need] = ()
) -> tuple[Environment, tuple[Pin, ...]]:
    """Return the environment that a dependency lock describes for a Python, the running one by default, and its pins.

    Raises InvalidInput for a line that does not pin a version.
    """
    python = python or python_minor()
    pins = tuple(pin for pin in _pins(text, file, python) if pin.name != OURS)
    facts = sorted([pin.name, pin.version, *sorted(pin.hashes)] for pin in pins)
    return _environment(python, facts, needs), pins


def refuse_unsafe(text: str, pins: Iterable[Pin], file: str) -> None:
    """Refuse a lock that an environment is to be made from and that tells a password, or pins what has no hash.

    Raises InvalidInput.
    """
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        if any(_tells_password(user) for user in _USER.findall(line)):
            message = "this line holds a password: whoever reads the repository knows it"
            hint = "write ${NAME} in its place; uv reads the environment variable NAME"
            problems.append(Diagnostic("plain-secret", message, Place(file, number), hint))
    for pin in pins:
        if not pin.hashes:
            message, hint = (
                f"{pin.name} {pin.version} has no hash",
                "make the lock with: uv pip compile --generate-hashes",
            )
            problems.append(Diagnostic("no-hash", message, Place(file, pin.line), hint))
    if problems:
        raise InvalidInput(problems[:MOST_COMPLAINTS])


def _tells_password(user: str) -> bool:
    """Say whether what stands before the host of an address is, or holds, more than the name of a variable."""
    name, colon, password = user.partition(":")
    return _VARIABLE.fullmatch(password if colon else name) is None


def from_installed(versions: Mapping[str, str], needs: Iterable[Need] = ()) -> Environment:
    """Return the environment of installed distributions, given as normalised name → version."""
    facts = sorted([name, version] for name, version in versions.items() if name != OURS)
    return _environment(python_minor(), facts, needs)


def _environment(python: str, facts: Sequence[Sequence[str]], needs: Iterable[Need]) -> Environment:
    """Digest an environment. What it needs of the machine counts as it is declared: a plan measures nothing."""
    found = sorted([need.kind, need.name, need.versions.replace(" ", "")] for need in needs)
    system: list[Json] = [{"system": found}] if found else []
    return Environment(digest_value("e1", [python, *facts, *system]), python)


def installed(folders: Iterable[str]) -> dict[str, str]:
    """Return the distributions in folders of a search path, normalised name → version, the first of each name.

    They are read from the names of their metadata folders.
    """
    existing = [Path(entry) for entry in reversed(list(folders)) if entry and Path(entry).is_dir()]
    names = [info.name.removesuffix(".dist-info") for folder in existing for info in folder.glob("*.dist-info")]
    return {normalise(name): version for name, _, version in (text.partition("-") for text in names)}


def differences(pins: Iterable[Pin], installed: Mapping[str, str]) -> list[str]:
    """Say in words where what is installed differs from what is pinned."""
    return [
        f"{pin.name} {installed.get(pin.name, 'is not installed')}, the lock has {pin.version}"
        for pin in pins
        if not _same_version(installed.get(pin.name), pin.version)
    ]


def extras(pins: Iterable[Pin], installed: Mapping[str, str]) -> list[str]:
    """Name what is installed and not pinned, with its version."""
    pinned = {OURS, *(pin.name for pin in pins)}
    return [f"{name} {version}" for name, version in sorted(installed.items()) if name not in pinned]


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


def _pins(text: str, file: str, python: str) -> Iterator[Pin]:
    for number, line in _logical_lines(text):
        requirement = _HASHES.split(line, maxsplit=1)[0]
        found = _REQUIREMENT.fullmatch(requirement.strip())
        if not found:
            raise _unpinned(file, number)
        if found[3] is None or _counts(found[3].strip(), python, Place(file, number)):
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


def _counts(marker: str, python: str, place: Place) -> bool:
    try:
        return _applies(marker, python)
    except ValueError:
        message = f'"{marker}" is not a valid environment marker'
        raise InvalidInput(Diagnostic("invalid-marker", message, place, "see PEP 508")) from None


@functools.cache
def _applies(marker: str, python: str) -> bool:
    """Evaluate a marker for the running Python, or for the first release of another one."""
    from packaging.markers import Marker

    other = {} if python == python_minor() else {"python_version": python, "python_full_version": f"{python}.0"}
    return Marker(marker).evaluate(other)
