"""What there is of the environments of a project's steps: how each compares with its lock, and which nothing names."""

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.durable import TEMPORARY
from mlops_runner.errors import InvalidInput
from mlops_runner.execute.environments import folder_of, is_whole, packages, packages_of
from mlops_runner.execute.system import misfits
from mlops_runner.execute.uv import find_uv
from mlops_runner.lock.model import Environment
from mlops_runner.plan.environment import DEFAULT, Declared, Pin, differences, extras, installed
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive

if TYPE_CHECKING:
    from mlops_runner.api.project import Project

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Looked:
    """One thing that was looked at, and what to do if it is not as it should be."""

    name: str
    ok: bool
    what: str
    hint: str


def look(project: "Project") -> Iterator[Looked]:
    """Compare every environment with its lock, and the machine with what they declare. Raises InvalidInput."""
    declared = project.compiled().environments
    yield from _own(project, declared[DEFAULT])
    others = [found for name, found in declared.items() if name != DEFAULT]
    lacking = False
    for found in others:
        environment, pins = project.sources.described(found)
        folder = folder_of(project.layout, environment)
        lacking |= not is_whole(folder, environment, pins)
        yield _other(found, environment, pins, folder)
        yield from _machine(found)
    if others:
        yield _uv(needed=lacking)


def _own(project: "Project", declared: Declared) -> Iterator[Looked]:
    hint = "install the dependency lock: pip install -r FILE"
    if declared.lock is None:
        yield Looked("packages", True, "as installed; no dependency lock is named", hint)
    else:
        _, pins = project.sources.described(declared)
        found = installed(sys.path)
        different, more = differences(pins, found), extras(pins, found)
        beside = f", and {_few(more)} beside it" if more else ""
        yield Looked("packages", not different, _few(different) or f"as the dependency lock says{beside}", hint)
    yield from _machine(declared)


def _other(declared: Declared, environment: Environment, pins: Sequence[Pin], folder: Path) -> Looked:
    name, hint = f"environment {declared.name}", "the next run that needs it makes it again"
    if not os.path.lexists(folder):
        what = f"not made yet: {packages(len(pins))} of {declared.lock}, for Python {environment.python}"
        return Looked(name, True, what, hint)
    found = installed(packages_of(folder))
    different = differences(pins, found) + [f"{text}, which the lock does not have" for text in extras(pins, found)]
    python = _python(folder)
    if not different and not is_whole(folder, environment, pins):
        different = ["its interpreter is gone, or it was not made by mlops"]
    fine = f"as {declared.lock} says, Python {python}"
    return Looked(name, not different, f"{_few(different)} (Python {python})" if different else fine, hint)


def _machine(declared: Declared) -> Iterator[Looked]:
    if declared.needs:
        name = "machine" if declared.name == DEFAULT else f"machine for {declared.name}"
        found = misfits(declared.needs)
        hint = "install it, or correct system in pipeline.yaml"
        yield Looked(name, not found, _few(found) or "as declared", hint)


def _uv(*, needed: bool) -> Looked:
    try:
        return Looked("uv", True, " ".join(find_uv(os.environ)), "")
    except InvalidInput as error:
        return Looked("uv", not needed, "is not here", str(error.diagnostics[0].hint))


def _python(folder: Path) -> str:
    """Return the version of the interpreter that an environment was made with."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    said = dict(line.partition(" = ")[::2] for line in lines)
    return said.get("version_info") or said.get("version") or "of an unknown version"


@dataclass(frozen=True, slots=True)
class Unused:
    """An environment that nothing names, and the bytes of its files."""

    folder: Path
    size: int


def unused(layout: Layout, named: Collection[str]) -> list[Unused]:
    """Return the environments that are here and whose digests are not among those that something names."""
    kept = {digest.partition(":")[2] for digest in named}
    if not layout.environments.is_dir():
        return []
    folders = [path for path in sorted(layout.environments.iterdir()) if path.is_dir()]
    return [Unused(path, _size(path)) for path in folders if path.name not in kept and path.name[0] != "."]


def remove(layout: Layout, environments: Sequence[Unused]) -> None:
    """Remove environments: each loses its name first, so that a kill leaves none that is half. Raises OSError."""
    if environments:
        with exclusive(layout.environments / "lock", 0):
            for found in environments:
                aside = layout.environments / f"{TEMPORARY}{found.folder.name}"
                found.folder.rename(aside)
                shutil.rmtree(aside)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _few(texts: Sequence[str]) -> str:
    return "; ".join(texts[:MOST_NAMED]) + (f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else "")
