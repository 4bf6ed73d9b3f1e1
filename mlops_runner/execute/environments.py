"""Environments of steps: made by uv from their locks when a step needs one, and kept below `.mlops` by their digests.

One is made beside its place and moved there when it is whole, so that a kill leaves none that is half. It can be
moved: nothing in it tells where it lies.
"""

import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner.durable import TEMPORARY, seal, sync_everything, sync_folder, write_bytes
from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, PlanMismatch, StepFailed
from mlops_runner.execute.system import require_machine
from mlops_runner.execute.uv import call_uv, find_uv, hide
from mlops_runner.lock.model import Environment
from mlops_runner.plan.environment import DEFAULT, Declared, Pin, differences, extras, installed, python_minor
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive

RECORD = "mlops.json"  # in an environment that is whole
WAIT_SECONDS = 3600.0  # for another runner that makes the same one
LAST_LINES = 12
NO_PYTHON = ("no interpreter found", "failed to inspect python", "querying python at")
NO_SPACE = ("no space left", "disk quota exceeded", "os error 28", "os error 122")

Described = Callable[[Declared], tuple[Environment, tuple[Pin, ...]]]


@dataclass(slots=True)
class Environments:
    """Gives steps the interpreter of their environment. Every environment is looked at once.

    declared, wanted: by name, as documents declare them and as the plan knows them; described: what a lock says now;
    own: raises where the project's own environment is not what it should be.
    """

    layout: Layout
    declared: Mapping[str, Declared]
    wanted: Mapping[str, Environment]
    described: Described
    own: Callable[[], None]
    note: Callable[[str], None]
    _found: dict[str, str | MlopsError] = field(default_factory=dict)

    def interpreter(self, name: str) -> str:
        """Return the path of an environment's interpreter, of the project's own an empty one.

        Raises InvalidInput, StepFailed, PlanMismatch; of an environment that failed the same again.
        """
        if name not in self._found:
            try:
                self._found[name] = self._look(name)
            except MlopsError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, MlopsError):
            raise found
        return found

    def _look(self, name: str) -> str:
        if name == DEFAULT:
            self.own()
            return ""
        declared = self.declared[name]
        require_machine(declared)
        environment = self.wanted[name]
        pins = _pins(declared, environment, self.described)
        place = folder_of(self.layout, environment)
        if not is_whole(place, environment, pins):
            _Making(self.layout, declared, environment, pins, self.described, self.note).make(place)
        return str(place / "bin" / "python")


@dataclass(frozen=True, slots=True)
class _Making:
    """An environment that is made."""

    layout: Layout
    declared: Declared
    environment: Environment
    pins: Sequence[Pin]
    described: Described
    note: Callable[[str], None]

    @property
    def log(self) -> Path:
        return self.layout.environments / f"{self.declared.name}.log"

    def make(self, place: Path) -> None:
        """Make the environment, or wait for who does. Raises InvalidInput, StepFailed."""
        uv = find_uv(os.environ)
        try:
            with exclusive(self.layout.environments / "lock", WAIT_SECONDS):
                if not is_whole(place, self.environment, self.pins):
                    self._make(uv, place)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            message = f"the environment {self.declared.name} could not be kept: {error.strerror or error}{where}"
            hint = "free some space, and run again" if _says(NO_SPACE, str(error)) else "check the folder .mlops"
            raise StepFailed(Diagnostic("environment-failed", message, self.declared.place, hint)) from error

    def _make(self, uv: Sequence[str], place: Path) -> None:
        name, started = self.declared.name, time.monotonic()
        again = " again, because it is not what its lock says any more" if os.path.lexists(place) else ""
        self.note(f"making the environment {name} from {self.declared.lock}{again}")
        for left in self.layout.environments.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left, ignore_errors=True)
        with _aside(self.layout.environments) as folder:
            self._call(uv, folder)
            self._check(folder)
            write_bytes(folder / RECORD, _record(self.environment), durable=False)
            sync_everything(folder)
            with _aside(self.layout.environments) as before:
                if os.path.lexists(place):
                    place.rename(before)
                folder.rename(place)
            sync_folder(place.parent)
        self.note(f"the environment {name} is ready ({packages(len(self.pins))}, {time.monotonic() - started:.1f} s)")

    def _call(self, uv: Sequence[str], folder: Path) -> None:
        """Have uv make the folder."""
        root, lock = self.layout.root, str(self.declared.lock)
        self.log.write_bytes(b"")
        python = self.environment.python
        wanted = sys.executable if python == python_minor() else python
        made = ["venv", "--quiet", "--no-project", "--relocatable", "--python", wanted, str(folder)]
        filled = ["pip", "sync", "--require-hashes", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
        for arguments in (made, [*filled, "--", lock]):
            code = call_uv(uv, arguments, root, self.log)
            said = hide(self.log, (root / lock).read_text(encoding="utf-8", errors="replace"), os.environ)
            if code:
                raise self._failed(said, code)

    def _check(self, folder: Path) -> None:
        """Compare what uv made with the lock. Raises StepFailed, and PlanMismatch if uv may have seen another lock."""
        _pins(self.declared, self.environment, self.described)
        found = installed(packages_of(folder))
        if different := [*differences(self.pins, found), *extras(self.pins, found)]:
            message = f"uv made something else from {self.declared.lock}: {'; '.join(different[:3])}"
            raise StepFailed(Diagnostic("environment-failed", message, self.declared.place, f"its log: {self._where}"))

    @property
    def _where(self) -> str:
        return self.log.relative_to(self.layout.root).as_posix()

    def _failed(self, said: str, code: int) -> MlopsError:
        """Say why uv failed, in its words."""
        name, place = self.declared.name, self.declared.place
        if _says(NO_PYTHON, said):
            message = f"there is no Python {self.environment.python} for the environment {name}"
            hint = f"install it, for example with: uv python install {self.environment.python}"
            return InvalidInput(Diagnostic("no-python", message, place, hint))
        lines = [f"    {line}" for line in said.splitlines() if line.strip()][-LAST_LINES:]
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        tail = "; its last lines:\n" + "\n".join(lines) if lines else ""
        message = f"the environment {name} could not be made from {self.declared.lock}: uv {how}{tail}"
        hint = "free some space, and run again" if _says(NO_SPACE, said) else f"its log: {self._where}"
        return StepFailed(Diagnostic("environment-failed", message, place, hint))


def _pins(declared: Declared, wanted: Environment, described: Described) -> tuple[Pin, ...]:
    """Return what a lock pins now. Raises PlanMismatch when it is another one than the plan knows."""
    environment, pins = described(declared)
    if environment != wanted:
        message = f"{declared.lock} changed after the plan was made"
        raise PlanMismatch(Diagnostic("environment-changed", message, declared.place, "run again"))
    return pins


def folder_of(layout: Layout, environment: Environment) -> Path:
    """Return where an environment is kept."""
    return layout.environments / environment.digest.partition(":")[2]


def is_whole(folder: Path, environment: Environment, pins: Sequence[Pin]) -> bool:
    """Say whether an environment was made, has its interpreter, and holds what its lock pins and nothing else."""
    try:
        record = (folder / RECORD).read_bytes()
    except OSError:
        return False
    if record != _record(environment) or not (folder / "bin" / "python").exists():
        return False
    found = installed(packages_of(folder))
    return not differences(pins, found) and not extras(pins, found)


def packages_of(folder: Path) -> list[str]:
    """Return the folders of an environment in which its packages lie."""
    return [str(path) for path in folder.glob("lib/python*/site-packages")]


def _record(environment: Environment) -> bytes:
    return seal(json.dumps({"version": 1, "environment": environment.digest}).encode())


def packages(number: int) -> str:
    """Count packages in words."""
    return f"{number} package" + ("" if number == 1 else "s")


def _says(words: Sequence[str], text: str) -> bool:
    return any(word in text.lower() for word in words)


@contextlib.contextmanager
def _aside(parent: Path) -> Iterator[Path]:
    """Yield the name of a folder that is gone afterwards, unless it was moved away."""
    folder = parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
