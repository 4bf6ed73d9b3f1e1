"""Plan → JSON: byte-stable, without time stamps or local notes, with a digest that `run --plan` checks.

Places are printed but not part of the digest: a comment above a line moves it without changing the plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_runner.digest import Json, digest_value
from mlops_runner.errors import Place
from mlops_runner.plan.environment import Declared, Need
from mlops_runner.plan.model import Plan, PlannedStep, Reason
from mlops_runner.plan.select import Selection
from mlops_runner.plan.steps import Compiled, Input, Price, Step

VERSION = 1
SELECTING = {"to": "to", "from": "start", "only": "only"}  # name in JSON → field of a Selection


def plan_digest(plan: Plan) -> str:
    """Digest what would be done: steps, actions, keys and reasons, without places."""
    steps: list[Json] = [
        [planned.name, planned.action, planned.key, [[r.code, r.what, r.old, r.new] for r in planned.reasons]]
        for planned in plan.steps
    ]
    return digest_value("p1", [plan.pipeline, steps])


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON value."""
    value = {
        "plan_version": VERSION,
        "plan_digest": plan_digest(plan),
        "pipeline": plan.pipeline,
        "changes": plan.changes,
        "steps": [planned_json(planned) for planned in plan.steps],
        "notes": list(plan.notes),
    }
    if plan.selection:
        value["selection"] = {name: list(getattr(plan.selection, field)) for name, field in SELECTING.items()}
        value["partial"] = list(plan.partial)
    return value


def selection_from_json(value: Mapping[str, Any]) -> Selection | None:
    """Read the selection of a plan in JSON; None without one. Raises KeyError or TypeError for another shape."""
    found = value.get("selection")
    return Selection(**{field: tuple(map(str, found[name])) for name, field in SELECTING.items()}) if found else None


def planned_json(planned: PlannedStep) -> dict[str, Any]:
    """Return one planned step as a JSON value."""
    value: dict[str, Any] = {"name": planned.name, "action": planned.action, "key": planned.key}
    value["reasons"] = [_reason(reason) for reason in planned.reasons]
    if planned.step is not None and planned.step.fits:
        value["fits"] = planned.step.fits
    if planned.counted_as_locked:
        value["counted_as_locked"] = list(planned.counted_as_locked)
    return value


def _reason(reason: Reason) -> dict[str, Any]:
    place = str(reason.place) if reason.place else None
    return {"code": reason.code, "what": reason.what, "old": reason.old, "new": reason.new, "place": place}


def compiled_json(compiled: Compiled) -> dict[str, Any]:
    """Encode a compiled pipeline for the cache."""
    files: dict[str, int] = {}
    return {
        "pipeline": compiled.pipeline,
        "description": compiled.description,
        "steps": [_step(step, files) for step in compiled.steps],
        "files": list(files),
        "code": compiled.code,
        "environments": [_declared(found) for found in compiled.environments.values()],
        "specs": list(compiled.specs),
        "price": [compiled.price.per_hour, compiled.price.currency] if compiled.price else None,
        "pipelines": [[folder, p.file, p.line, p.column] for folder, p in compiled.pipelines.items()],
        "pools": dict(compiled.pools),
    }


def compiled_from_json(value: Mapping[str, Any]) -> Compiled:
    """Decode a compiled pipeline. Raises KeyError, TypeError or ValueError for what `compiled_json` did not write."""
    fields = dict(value)
    files = fields.pop("files")
    fields["steps"] = tuple(_decode_step(step, files) for step in value["steps"])
    fields["environments"] = {found[0]: _decode_declared(found) for found in value["environments"]}
    fields["specs"] = tuple(value["specs"])
    fields["price"] = Price(*value["price"]) if value["price"] else None
    fields["pipelines"] = {folder: Place(*place) for folder, *place in value["pipelines"]}
    return Compiled(**fields)


class Places(Mapping[str, Place]):
    """The places of a step as the cache has them; they become values when they are asked for, which most never are."""

    __slots__ = ("_files", "_found")

    def __init__(self, found: Mapping[str, list[int]], files: Sequence[str]) -> None:
        self._found, self._files = found, files

    def __getitem__(self, path: str) -> Place:
        file, line, column = self._found[path]
        return Place(self._files[file], line, column)

    def __contains__(self, path: object) -> bool:
        return path in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _step(step: Step, files: dict[str, int]) -> dict[str, Any]:
    places = {path: [files.setdefault(p.file, len(files)), p.line, p.column] for path, p in step.places.items()}
    return {
        "name": step.name,
        "kind": step.kind,
        "version": step.version,
        "config": step.config,
        "places": places,
        "output": step.output,
        "inputs": [[i.name, i.path, i.producer, i.folder, i.optional, i.value] for i in step.inputs],
        "code": list(step.code),
        "repro": step.repro,
        "execution": dict(step.execution),
        "previous": list(step.previous),
        "access": dict(step.access),
        "fits": step.fits,
        "env": step.env,
        "spec": step.spec,
    }


def _declared(found: Declared) -> list[Any]:
    place = found.place and [found.place.file, found.place.line, found.place.column]
    needs = [[need.kind, need.name, need.versions] for need in found.needs]
    return [found.name, found.lock, found.python, needs, place]


def _decode_declared(value: Sequence[Any]) -> Declared:
    name, lock, python, needs, place = value
    return Declared(name, lock, python, tuple(Need(*need) for need in needs), Place(*place) if place else None)


def _decode_step(value: Mapping[str, Any], files: Sequence[str]) -> Step:
    fields = dict(value)
    fields["places"] = Places(value["places"], files)
    fields["inputs"] = inputs = tuple(Input(*item) for item in value["inputs"])
    fields["values"] = values = tuple(item for item in inputs if item.value)
    fields["files"] = tuple(item for item in inputs if not item.value) if values else inputs
    fields["code"] = tuple(value["code"])
    fields["previous"] = tuple(value["previous"])
    step = Step.__new__(Step)
    step.__dict__.update(fields)  # what dataclasses do, in one go, and what would be worked out of them again and again
    return step
