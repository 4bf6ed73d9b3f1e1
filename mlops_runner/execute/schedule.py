"""Which step comes next: each once, as soon as all that it reads stands, in the order of the plan."""

import heapq
from collections.abc import Sequence

from mlops_runner.plan.steps import Step


class Schedule:
    """The steps of a run that nobody has looked at yet. Every operation costs what the step's edges cost."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._position = {step.name: number for number, step in enumerate(steps)}
        producers = [{item.producer for item in step.inputs if item.producer in self._position} for step in steps]
        self._waits = [len(names) for names in producers]
        self._followers: list[list[int]] = [[] for _ in steps]
        for number, names in enumerate(producers):
            for name in names:
                self._followers[self._position[name]].append(number)
        self._ready = [number for number, count in enumerate(self._waits) if not count]
        self._left = set(range(len(steps)))

    def __len__(self) -> int:
        return len(self._left)

    def position(self, step: Step) -> int:
        """Return which step it is, counted from 0."""
        return self._position[step.name]

    def remaining(self) -> list[Step]:
        """Return the steps that were not taken, in order."""
        return [self._steps[number] for number in sorted(self._left)]

    def take(self) -> Step | None:
        """Return the first step that can be looked at, and count it as taken; None if all others wait."""
        if not self._ready:
            return None
        number = heapq.heappop(self._ready)
        self._left.remove(number)
        return self._steps[number]

    def settled(self, name: str) -> None:
        """Let those go on that waited for a step."""
        for number in self._followers[self._position[name]]:
            self._waits[number] -= 1
            if not self._waits[number]:
                heapq.heappush(self._ready, number)
