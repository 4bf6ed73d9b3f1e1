"""What differs between two locks, fact by fact."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_runner.lock.model import Lock, Scalar, Stage

Part = Literal["params", "metrics", "gates", "inputs", "outputs", "code", "environment"]
PARTS: tuple[Part, ...] = ("params", "metrics", "gates", "inputs", "outputs", "code")


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
        one, other = old.environments.get(name), new.environments.get(name)
        if one != other:
            for fact in ("python", "digest"):
                yield Change("", "environment", fact, getattr(one, fact, None), getattr(other, fact, None))
    for name in sorted(old.stages.keys() | new.stages.keys()):
        yield from _stage(name, old.stages.get(name), new.stages.get(name))


def _stage(name: str, old: Stage | None, new: Stage | None) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(name, "stage", name, getattr(old, "key", None), getattr(new, "key", None))
        return
    for part in PARTS:
        yield from _part(name, part, _facts(old, part), _facts(new, part))


def _facts(stage: Stage, part: Part) -> Mapping[str, Scalar]:
    if part == "outputs":
        return {path: output.sha256 for path, output in stage.outputs.items()}
    facts: Mapping[str, Scalar] = getattr(stage, part)
    return facts


def _part(stage: str, part: Part, old: Mapping[str, Scalar], new: Mapping[str, Scalar]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name) or type(old.get(name)) is not type(new.get(name)):
            yield Change(stage, part, name, old.get(name), new.get(name))
