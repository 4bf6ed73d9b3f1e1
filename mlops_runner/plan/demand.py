"""What steps take up while they run, what there is of it, and which of the steps that wait may start.

Whatever fits starts, in the order of the plan. A step that needs much would wait for ever while small ones pass it:
when enough have, nothing that comes after it starts before it does.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mlops_runner.plan.steps import Step

ALONE = "search"  # this kind of step uses all processors itself
PATIENCE = 8  # how many may pass a step that waits
THREADS, MEMORY, GPUS, POOL = "threads", "memory", "gpus", "pools."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Demand:
    """What a step takes up: amounts of `threads`, `memory` in bytes, `gpus`, and `pools.NAME`."""

    kind: str
    amounts: tuple[tuple[str, int], ...]

    def of(self, resource: str) -> int:
        """Return how much of a resource the step takes up."""
        return dict(self.amounts).get(resource, 0)


def demand_of(step: Step) -> Demand:
    """Return what a step takes up."""
    threads = (THREADS, int(str(step.execution.get(THREADS, 1))))
    return Demand(step.kind, (threads, *sorted(step.access.get("takes", {}).items())))


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many steps may run at a time, and how much of each resource these may have; what is not named has no end."""

    jobs: int
    amounts: Mapping[str, int] = field(default_factory=dict)


class Floor:
    """What the steps that run take up, and what is left."""

    def __init__(self, capacity: Capacity) -> None:
        self._jobs = capacity.jobs
        self._left = dict(capacity.amounts)
        self._kinds: Counter[str] = Counter()

    def fits(self, demand: Demand) -> bool:
        """Say whether a step may start now. What runs alone may take more than there is."""
        running = self._kinds.total()
        if not running:
            return True
        if running >= self._jobs or demand.kind == ALONE or self._kinds[ALONE]:
            return False
        return all(amount <= self._left.get(resource, amount) for resource, amount in demand.amounts)

    def enter(self, demand: Demand) -> None:
        """Count a step that starts."""
        self._count(demand, 1)

    def leave(self, demand: Demand) -> None:
        """Count a step that has ended."""
        self._count(demand, -1)

    def _count(self, demand: Demand, sign: int) -> None:
        self._kinds[demand.kind] += sign
        for resource, amount in demand.amounts:
            if resource in self._left:
                self._left[resource] -= sign * amount


class Waiting(Generic[T]):
    """Steps that wait for room, in the order of the plan. Those that take up the same are looked at as one."""

    def __init__(self) -> None:
        self._lines: dict[Demand, list[tuple[int, T]]] = {}
        self._passed: Counter[int] = Counter()  # by position, how often something that comes after it started before it
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def push(self, position: int, demand: Demand, item: T) -> None:
        """Have an item wait. Positions differ."""
        heapq.heappush(self._lines.setdefault(demand, []), (position, item))
        self._number += 1

    def items(self) -> list[T]:
        """Return all that wait, in order."""
        return [item for _, item in sorted((e for line in self._lines.values() for e in line), key=lambda e: e[0])]

    def pop(self, may: Callable[[Demand], bool | None]) -> T | None:
        """Take the first that may start; None when nothing may.

        may: whether there is room for a demand; None where that is not the question: then nothing passes it.
        """
        before = list[int]()
        for demand, line in sorted(self._lines.items(), key=lambda pair: pair[1][0][0]):
            position = line[0][0]
            answer = may(demand)
            if answer:
                self._passed.update(before)
                return self._taken(demand)
            if answer is None:
                continue
            if self._passed[position] >= PATIENCE:
                return None
            before.append(position)
        return None

    def _taken(self, demand: Demand) -> T:
        line = self._lines[demand]
        position, item = heapq.heappop(line)
        if not line:
            del self._lines[demand]
        del self._passed[position]
        self._number -= 1
        return item
