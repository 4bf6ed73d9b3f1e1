"""What differs between two locks, fact by fact."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_runner.lock.model import Environment, Lock, Scalar, Stage

Part = Literal["params", "metrics", "gates", "inputs", "outputs", "code", "spec", "environment"]
PARTS: tuple[Part, ...] = ("params", "metrics", "gates", "inputs", "outputs", "code", "spec")


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs; None stands for a side that does not have it."""

    stage: str
    part: Part | Literal["stage"]
    name: str
    old: Scalar
    new: Scalar

    @property
    def delta(self) -> float | None:
        """The difference of two numbers."""
        if isinstance(self.old, bool) or isinstance(self.new, bool):
            return None
        if isinstance(self.old, int | float) and isinstance(self.new, int | float):
            return self.new - self.old
        return None


def compare(old: Lock, new: Lock) -> Iterator[Change]:
    """Yield the differences in the order environment, then stage by stage."""
    for name in sorted(old.environments.keys() | new.environments.keys()):
        yield from _environment(old.environments.get(name), new.environments.get(name))
    for name in sorted(old.stages.keys() | new.stages.keys()):
        yield from _stage(name, old.stages.get(name), new.stages.get(name))


def _environment(old: Environment | None, new: Environment | None) -> Iterator[Change]:
    for fact in ("python", "digest"):
        before, after = getattr(old, fact, None), getattr(new, fact, None)
        if before != after:
            yield Change("", "environment", fact, before, after)


def _stage(name: str, old: Stage | None, new: Stage | None) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(name, "stage", name, getattr(old, "key", None), getattr(new, "key", None))
        return
    changes = [change for part in PARTS for change in _part(name, part, _facts(old, part), _facts(new, part))]
    if not changes and old != new:
        changes.append(Change(name, "spec", "key", old.key, new.key))
    yield from changes


def _facts(stage: Stage, part: Part) -> Mapping[str, Scalar]:
    if part == "outputs":
        return {path: output.sha256 for path, output in stage.outputs.items()}
    if part == "spec":
        return {"reproducibility": stage.repro, "accepted": stage.accepted}
    facts: Mapping[str, Scalar] = getattr(stage, part)
    return facts


def _part(stage: str, part: Part, old: Mapping[str, Scalar], new: Mapping[str, Scalar]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name) or type(old.get(name)) is not type(new.get(name)):
            yield Change(stage, part, name, old.get(name), new.get(name))
