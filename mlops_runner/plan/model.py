"""A plan as a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlops_runner.errors import Place
from mlops_runner.lock.model import Environment, Scalar
from mlops_runner.plan.environment import DEFAULT
from mlops_runner.plan.select import Selection
from mlops_runner.plan.steps import Step

Action = Literal["add", "rerun", "unchanged", "rename", "remove", "unknown", "unresolved"]
SYMBOLS: Mapping[Action, str] = {
    "add": "+", "rerun": "~", "unchanged": "·", "rename": ">", "remove": "-", "unknown": "?", "unresolved": "!",
}  # fmt: skip
PENDING = frozenset({"add", "rerun", "unknown", "unresolved"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step is not unchanged: a stable code, what changed, old and new value, and the line that says so."""

    code: str
    what: str
    old: Scalar = None
    new: Scalar = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What would happen to one step. A removed stage has no step; an unknown one no key."""

    name: str
    action: Action
    step: Step | None = None
    key: str | None = None
    reasons: tuple[Reason, ...] = ()
    counted_as_locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """What DVC says an input should be: its md5 (of a folder with `.dir`), and the line that says so."""

    md5: str
    place: Place


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan is decided from, besides steps and lock.

    `code` maps a callable to the fingerprints of its files, `external` what no step writes to the sha256 of a file that
    is there, or to the prefixed digest of a folder; `absent` names what is not there. For what DVC tracks, `pointers`
    holds what it should be, and `addresses` the md5 of what is there. What pipelines below write counts as they have
    locked it: `written` names these pipelines by path, and `behind` those of them that must run first. `others` are
    environments beside the project's own.
    """

    environment: Environment
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    pointers: Mapping[str, Pointer] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: Mapping[str, Environment] = field(default_factory=dict)

    def environment_of(self, step: Step) -> Environment:
        """Return the environment that a step runs in."""
        return self.environment if step.env == DEFAULT else self.others[step.env]

    def environments_of(self, steps: Iterable[Step]) -> dict[str, Environment]:
        """Return the environments that some steps run in, by name."""
        return {step.env: self.environment_of(step) for step in steps}

    def code_of(self, step: Step) -> dict[str, str]:
        """Return the fingerprints of all files behind a step's callables."""
        return {file: digest for name in step.code for file, digest in self.code[name].items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen, in the order of execution; removed stages come last.

    With a `selection`, `steps` are the selected ones alone, and `partial` names those of all steps that are not as the
    specs imply once the selected ones have run, or may not be.
    """

    pipeline: str
    steps: tuple[PlannedStep, ...]
    notes: tuple[str, ...] = ()
    selection: Selection | None = None
    partial: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is not unchanged."""
        return any(planned.action != "unchanged" for planned in self.steps)

    def find(self, name: str) -> PlannedStep | None:
        """Return the planned step of that name."""
        return next((planned for planned in self.steps if planned.name == name), None)
