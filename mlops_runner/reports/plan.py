"""A plan in words: one line a step, one line a reason with the place that caused it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_runner.plan.estimate import Estimate
from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import Plan, PlannedStep
from mlops_runner.plan.names import listed
from mlops_runner.plan.steps import Price
from mlops_runner.reports.plan_groups import Notes, entry, grouped, instances_of, told

NOTHING = "nothing to do: everything is as pipeline.lock says"


@dataclass(frozen=True, slots=True)
class Local:
    """What this machine knows beyond a plan, for people alone: of each step, how long a run may take, and its price."""

    notes: Notes
    estimate: Estimate | None = None
    price: Price | None = None


def plan_text(plan: Plan, local: Local, *, everything: bool = False, several: bool = False) -> str:
    """Render a plan with what is known here; `everything`: each step by itself, however many are alike.

    several: it is one of the plans of several pipelines, which one command does.
    """
    return "\n".join(_lines(plan, local, everything=everything, several=several))


def _lines(plan: Plan, local: Local, *, everything: bool, several: bool) -> Iterator[str]:
    notes = local.notes
    waiting = [note for note in notes.values() if note.state != "here"]
    if not plan.changes and not waiting:
        yield f"{plan.pipeline}: {_nothing(plan)}"
    else:
        yield f"{plan.pipeline}: {plan_summary(plan, notes)}{_expected(local)}"
        yield ""
        yield from _steps(plan, notes, everything=everything)
        if not several:
            yield ""
            yield f"to do it: mlops run{_options(plan)}"
    if plan.partial:
        those = "1 step is" if len(plan.partial) == 1 else f"{len(plan.partial)} steps are"
        yield f"partial: {those} not up to date then, or may not be: {listed(plan.partial)}"
    for note in plan.notes:
        yield f"note: {note}"


def _nothing(plan: Plan) -> str:
    if not plan.steps:
        return "no steps of its own; its pipelines: mlops plan --all-pipelines"
    if not plan.selection:
        return NOTHING
    return f"nothing to do: {len(plan.steps)} selected, and as pipeline.lock says"


def _steps(plan: Plan, notes: Notes, *, everything: bool) -> Iterator[str]:
    entries = [entry(planned, notes.get(planned.name)) for planned in plan.steps]
    shown = entries if everything else grouped(entries)
    instances = instances_of(plan.steps)
    for found in shown:
        yield from told(found, instances)
    if count := len(entries) - sum(len(found.names) for found in shown):
        yield f"  · {count} unchanged   each of them: mlops plan --all"


def _options(plan: Plan) -> str:
    if any(reason.code == "pipeline-behind" for planned in plan.steps for reason in planned.reasons):
        return " --all-pipelines"
    if not plan.selection:
        return ""
    asked = (("to", plan.selection.to), ("from", plan.selection.start), ("only", plan.selection.only))
    return "".join(f" --{option} {_quoted(name)}" for option, names in asked for name in names)


def _quoted(name: str) -> str:
    return f"'{name}'" if any(char in name for char in "*?[ ") else name


def plan_summary(plan: Plan, notes: Notes) -> str:
    """Say in a few words what a run would do."""
    counts = Counter(_state(planned, notes.get(planned.name)) for planned in plan.steps)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _expected(local: Local) -> str:
    """Say how long it takes, what it costs, and how many steps nothing is known of."""
    found = local.estimate
    if found is None:
        return ""
    text = f"about {duration(found.seconds)}"
    if found.jobs > 1 and duration(found.side_by_side) != duration(found.seconds):
        text += f", {duration(found.side_by_side)} with {found.jobs} jobs"
    if local.price:
        text += f", {money(found.side_by_side, local.price)}"
    known = "by earlier runs" if found.known == found.steps else f"for the {found.known} of {found.steps} that ran here"
    return f"  ({text} {known})"


def money(seconds: float, price: Price) -> str:
    """Say what a machine costs for some time, to two places, and more where it is less than a hundredth."""
    amount = seconds / 3600 * price.per_hour
    return f"{amount:.2f} {price.currency}" if amount >= 0.005 or not amount else f"{amount:.1g} {price.currency}"


def _state(planned: PlannedStep, note: LocalNote | None) -> str:
    if planned.action == "unchanged" and note:
        return {"here": "unchanged", "restore": "to restore", "rebuild": "to build again here", "run": "to run"}[
            note.state
        ]
    if note and note.state == "restore":
        return "to restore"
    words = {"add": "to run", "rerun": "to run", "rename": "renamed", "remove": "to remove", "unknown": "to decide"}
    return words.get(planned.action, planned.action)


def duration(seconds: float) -> str:
    """Say a time in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
