"""Lock ↔ text: the version gate, and the shape of each part."""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.model import FILE_NAME, VERSION, Environment, Lock, Output, Stage
from mlops_runner.lock.text import HEADER, Section, emit_tree, parse_tree

T = TypeVar("T", Environment, Output, Stage)

_TEXT_MAPS = ("code", "inputs", "addresses", "gates")
_MAPS = (*_TEXT_MAPS, "params", "metrics")
_STAGE = tuple(f.name for f in fields(Stage))
_OPTIONAL = ("accepted", "addresses")
_NEWER = re.compile(r"^lock_version: ([1-9][0-9]{0,8})\r?$", re.MULTILINE)


def emit(lock: Lock) -> str:
    """Return the one text of a lock: sorted, one fact per line, LF."""
    environments = {name: asdict(environment) for name, environment in lock.environments.items()}
    stages = {name: _stage_tree(stage) for name, stage in lock.stages.items()}
    head = f"{HEADER}lock_version: {VERSION}\n"
    return head + "".join(emit_tree({"environments": environments, "stages": stages}))


def parse(text: str, file: str = FILE_NAME) -> Lock:
    """Read a lock. Raises InvalidInput: damaged, with conflict markers, or from a newer version."""
    _refuse_newer(text, file)
    root = parse_tree(text, file)
    _check_root(root, file)
    environments = _section(root, "environments", file)
    stages = _section(root, "stages", file)
    return Lock(
        {name: _build(Environment, environments, name, file) for name in environments.entries},
        {name: _stage(stages, name, file) for name in stages.entries},
    )


def _stage_tree(stage: Stage) -> Mapping[str, Any]:
    tree = {name: getattr(stage, name) for name in _STAGE}
    tree["outputs"] = {path: {"md5": output.md5, "sha256": output.sha256} for path, output in stage.outputs.items()}
    return {name: value for name, value in tree.items() if name not in _OPTIONAL or value not in (None, {})}


def _refuse_newer(text: str, file: str) -> None:
    """Look at the version before anything else: a newer form need not be readable here."""
    if (found := _NEWER.search(text)) and int(found[1]) > VERSION:
        place = Place(file, text.count("\n", 0, found.start()) + 1)
        message = f"the lock has version {found[1]}; this mlops reads up to {VERSION}"
        raise InvalidInput(Diagnostic("lock-newer", message, place, "upgrade mlops_runner"))


def _check_root(root: Section, file: str) -> None:
    version = root.entries.get("lock_version")
    if type(version) is not int or not 1 <= version <= VERSION:
        place = Place(file, root.lines.get("lock_version", 1))
        raise InvalidInput(
            Diagnostic("lock-version", "the lock does not say its lock_version", place, "take it from git")
        )
    if unknown := root.entries.keys() - {"lock_version", "environments", "stages"}:
        raise _wrong(min(unknown), Place(file, root.lines[min(unknown)]))


def _section(parent: Section, name: str, file: str) -> Section:
    value = parent.entries.get(name, Section())
    if isinstance(value, Section):
        return value
    raise _wrong(name, Place(file, parent.lines[name]))


def _wrong(name: str, place: Place) -> InvalidInput:
    message = f'"{name}" does not have the shape this version writes'
    return InvalidInput(
        Diagnostic("lock-shape", message, place, "take the file from git, or remove it and run: mlops run")
    )


def _stage(stages: Section, name: str, file: str) -> Stage:
    section = _section(stages, name, file)
    values: dict[str, Any] = {key: value for key, value in section.entries.items() if key not in {*_MAPS, "outputs"}}
    for key in _MAPS:
        values[key] = _map(section, name, key, file)
    outputs = _section(section, "outputs", file)
    values["outputs"] = {path: _build(Output, outputs, path, file) for path in outputs.entries}
    return _checked(Stage, values, name, Place(file, stages.lines[name]))


def _map(stage: Section, name: str, key: str, file: str) -> dict[str, Any]:
    section = _section(stage, key, file)
    for inner, value in section.entries.items():
        if isinstance(value, Section) or (key in _TEXT_MAPS and not isinstance(value, str)):
            raise _wrong(f"{name}.{key}.{inner}", Place(file, section.lines[inner]))
    return dict(section.entries)


def _build(kind: type[T], parent: Section, name: str, file: str) -> T:
    section = _section(parent, name, file)
    return _checked(kind, dict(section.entries), name, Place(file, parent.lines[name]))


def _checked(kind: type[T], values: dict[str, Any], name: str, place: Place) -> T:
    known = {f.name for f in fields(kind)}
    texts = known - {*_MAPS, "outputs"}
    wrong = values.keys() - known or {key for key in texts & values.keys() if not isinstance(values[key], str)}
    if wrong:
        raise _wrong(f"{name}.{min(wrong)}", place)
    try:
        return kind(**values)
    except TypeError:  # a fact is missing
        raise _wrong(name, place) from None
