"""What happened to one step of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_runner.digest import FileDigest
from mlops_runner.lock.model import Stage
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
