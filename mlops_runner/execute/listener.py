"""Who is told what happens in a run."""

from typing import Protocol

from mlops_runner.execute.live import LiveLog
from mlops_runner.execute.result import Result
from mlops_runner.plan.steps import Step


class Listener(Protocol):
    """Told what happens, in order."""

    def started(self, step: Step, position: int, total: int, expected: float | None, log: LiveLog) -> None:
        """A step starts; `expected` are seconds from earlier runs, `log` has its last lines."""

    def ended(self, step: Step) -> None:
        """A step's process has ended, well or not; or it will be tried again."""

    def settled(self, result: "Result") -> None:
        """A step's artifacts stand."""

    def note(self, text: str) -> None:
        """Something a person should know."""


class Silence:
    """A listener that nobody listens to."""

    def started(self, step: Step, position: int, total: int, expected: float | None, log: LiveLog) -> None:
        """Say nothing."""

    def ended(self, step: Step) -> None:
        """Say nothing."""

    def settled(self, result: Result) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
