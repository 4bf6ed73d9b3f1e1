"""What an engine runs its steps on: this machine's processes, or those of a cluster."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, TypeVar

from mlops_runner.execute.isolation import Exit, Level, Room
from mlops_runner.execute.messages import Request

Place = TypeVar("Place", bound=Hashable)


class Executor(Protocol[Place]):
    """Runs steps in places, each of which takes one step at a time. See `isolation.Worker`, which is one.

    What a step wrote is in its folder, `request.work`, when its end is heard, wherever it ran.
    """

    def equip(self, levels: Sequence[Level]) -> None:
        """Say what steps will need, and how many may run at a time. Raises MlopsError."""

    def free(self, kind: str) -> Place | None:
        """Return a place where a step of a kind can start now."""

    def start(self, lane: Place, request: Request) -> None:
        """Start a step in a place. Raises MlopsError."""

    def wait(self, seconds: float | None = None) -> list[tuple[Place, Exit | None]]:
        """Wait, and return how steps ended, or None for a place that is ready now; after so many `seconds`, nothing.

        Raises MlopsError.
        """

    def dismiss(self) -> None:
        """Tell it to end, and do not wait for it."""

    def close(self) -> None:
        """End it, with whatever it runs."""


class Executors(Protocol):
    """Gives a run its executor."""

    def take(self, room: Room) -> Executor[Any]:
        """Return an executor with this room, which is the taker's to close."""
