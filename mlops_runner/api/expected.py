"""What this machine knows of a plan beyond the plan itself: notes on its steps, expected time and cost."""

from typing import TYPE_CHECKING

from mlops_runner.plan.demand import POOL, Capacity
from mlops_runner.plan.estimate import estimate
from mlops_runner.plan.model import Plan
from mlops_runner.reports.plan import Local

STANDING = frozenset({"here", "restore"})

if TYPE_CHECKING:
    from mlops_runner.api.project import Project


def local(project: "Project", plan: Plan, jobs: int | None) -> Local:
    """Look at what is here, and estimate a run of the plan; jobs: as many as a run would take, unless given."""
    notes = project.notes(plan)
    compiled = project.compiled()
    if all(note.state in STANDING for note in notes.values()):
        return Local(notes, None, compiled.price)
    from mlops_runner.execute.isolation import threads_of
    from mlops_runner.execute.machine import processors

    steps = [planned.step for planned in plan.steps if planned.step]
    pools = {f"{POOL}{name}": amount for name, amount in compiled.pools.items()}
    capacity = Capacity(jobs or max(1, processors() // threads_of(steps)), pools)
    return Local(notes, estimate(plan, notes, capacity), compiled.price)
