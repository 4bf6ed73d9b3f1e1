"""What is known of one step of a run, what is to be done with it, and what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_runner.digest import FileDigest
from mlops_runner.lock.model import Output, Stage
from mlops_runner.plan.key import Resolved
from mlops_runner.plan.steps import Step

How = Literal["unchanged", "restored", "ran"]


@dataclass(frozen=True, slots=True)
class Result:
    """What happened to one step.

    `differs` names outputs whose bytes are not those locked under the same key; `confirmed` says that the step was
    executed under a locked key and wrote the very same bytes.
    """

    step: Step
    how: How
    stage: Stage
    files: Mapping[str, FileDigest]
    seconds: float = 0.0
    peak_kib: int = 0
    differs: tuple[str, ...] = ()
    confirmed: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the step."""
        return self.step.name


@dataclass(frozen=True, slots=True)
class Known:
    """A result that need not be computed again, and where it was found."""

    outputs: Mapping[str, Output]
    metrics: Mapping[str, float | int | None | str | bool]
    gates: Mapping[str, str]
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A step that must run, with its key and inputs."""

    step: Step
    key: str
    resolved: Resolved
