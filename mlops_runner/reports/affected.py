"""What changes since a revision affect, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.plan.affected import Affected
from mlops_runner.plan.codec import planned_json
from mlops_runner.reports.plan_groups import entry, grouped, instances_of, told


def affected_text(found: Affected, *, everything: bool = False) -> str:
    """Render for people; `everything`: each step by itself."""
    return "\n".join(_lines(found, everything=everything))


def affected_json(found: Affected) -> dict[str, Any]:
    """Return the affected steps as a JSON value, each as a plan has it."""
    values = [{k: v for k, v in planned_json(planned).items() if k != "key"} for planned in found.steps if planned.step]
    removed = [planned.name for planned in found.steps if not planned.step]
    return {"revision": found.revision, "total": found.total, "steps": values, "removed": removed}


def _lines(found: Affected, *, everything: bool) -> Iterator[str]:
    count = sum(planned.action != "remove" for planned in found.steps)
    if not found.steps:
        yield f"nothing that the {found.total} steps are made of has changed since {found.revision}"
        return
    yield f"{count} of {found.total} steps may come out differently than at {found.revision}"
    yield ""
    entries = [entry(planned, None) for planned in found.steps]
    for shown in entries if everything else grouped(entries):
        yield from told(shown, instances_of(found.steps))
