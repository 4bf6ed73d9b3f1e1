"""How long a run may take, and what it may cost, by what its steps took here before."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_runner.plan.demand import Capacity, Floor, Waiting, demand_of
from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import Plan
from mlops_runner.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds: of all steps that would run, one after the other, and `side_by_side` when `jobs` may run at a time.

    `known` of `steps` have run here before; the others are not counted.
    """

    seconds: float
    side_by_side: float
    jobs: int
    known: int
    steps: int


def estimate(plan: Plan, notes: Mapping[str, LocalNote], capacity: Capacity) -> Estimate | None:
    """Estimate a run of a plan; None when nothing of it has run here before."""
    steps = [p.step for p in plan.steps if p.step and (note := notes.get(p.name)) and note.state in {"run", "rebuild"}]
    seconds = {step.name: found for step in steps if (found := notes[step.name].seconds) is not None}
    if not seconds:
        return None
    longest = side_by_side(steps, seconds, capacity)
    return Estimate(sum(seconds.values()), longest, capacity.jobs, len(seconds), len(steps))


def side_by_side(steps: Sequence[Step], seconds: Mapping[str, float], capacity: Capacity) -> float:
    """Return when the last step ends if each starts as soon as what it reads is there, and there is room for it.

    As the engine does: in the order of the plan, and a search alone. Steps of unknown duration take no time.
    """
    position = {step.name: number for number, step in enumerate(steps)}
    producers = [{position[i.producer] for i in step.inputs if i.producer in position} for step in steps]
    followers: list[list[int]] = [[] for _ in steps]
    for number, found in enumerate(producers):
        for producer in found:
            followers[producer].append(number)
    waits = [len(found) for found in producers]
    demands = [demand_of(step) for step in steps]
    floor, ready = Floor(capacity), Waiting[int]()
    for number in (number for number, count in enumerate(waits) if not count):
        ready.push(number, demands[number], number)
    running: list[tuple[float, int]] = []  # when each ends
    now = 0.0
    while ready or running:
        while (started := ready.pop(floor.fits)) is not None:
            floor.enter(demands[started])
            heapq.heappush(running, (now + seconds.get(steps[started].name, 0.0), started))
        now, ended = heapq.heappop(running)
        floor.leave(demands[ended])
        for follower in followers[ended]:
            waits[follower] -= 1
            if not waits[follower]:
                ready.push(follower, demands[follower], follower)
    return now
