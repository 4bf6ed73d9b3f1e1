"""A plan in words: one line a step, one line a reason with the place that caused it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from mlops_runner.lock.model import Lock
from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import PENDING, SYMBOLS, Plan, PlannedStep
from mlops_runner.plan.steps import Step
from mlops_runner.plan.wording import describe

Notes = Mapping[str, LocalNote]

NOTHING = "nothing to do: everything is as pipeline.lock says"
MOST_REASONS = 8


def plan_text(plan: Plan, notes: Notes) -> str:
    """Render a plan with its local notes."""
    return "\n".join(_lines(plan, notes))


def why_text(planned: PlannedStep, lock: Lock, notes: Notes) -> str:
    """Render everything that is known about one step."""
    stage = lock.stages.get(planned.name)
    lines = [*_step(planned, notes.get(planned.name), most=10_000)]
    if planned.step is not None:
        lines += ["", f"  kind     {planned.step.kind}, version {planned.step.version} of the built-in step"]
        lines += [f"  key      {planned.key or 'known when what it reads has run'}"]
        lines += [f"  locked   {stage.key if stage else 'not yet'}"]
        for item in planned.step.inputs:
            lines.append(
                f"  reads    {item.path}{'/' if item.folder else ''}"
                + (f"  from {item.producer}" if item.producer else "")
            )
        lines += [f"  runs     {name}" for name in planned.step.code]
        lines.append(f"  writes   {planned.step.output}/")
    return "\n".join(lines)


def _lines(plan: Plan, notes: Notes) -> Iterator[str]:
    waiting = [note for note in notes.values() if note.state != "here"]
    if not plan.changes and not waiting:
        yield f"{plan.pipeline}: {NOTHING}"
    else:
        yield f"{plan.pipeline}: {_summary(plan, notes)}"
        yield ""
        for planned in plan.steps:
            yield from _step(planned, notes.get(planned.name), MOST_REASONS)
        yield ""
        yield "to do it: mlops run"
    for note in plan.notes:
        yield f"note: {note}"


def _summary(plan: Plan, notes: Notes) -> str:
    counts = Counter(_state(planned, notes.get(planned.name)) for planned in plan.steps)
    parts = [f"{count} {state}" for state, count in counts.items()]
    seconds = [note.seconds for note in notes.values() if note.state in {"run", "rebuild"}]
    known = [value for value in seconds if value is not None]
    time = f"  (about {_duration(sum(known))} by earlier runs)" if known and len(known) == len(seconds) else ""
    return ", ".join(parts) + time


def _state(planned: PlannedStep, note: LocalNote | None) -> str:
    if planned.action == "unchanged" and note:
        return {"here": "unchanged", "restore": "to restore", "rebuild": "to build again here", "run": "to run"}[
            note.state
        ]
    if note and note.state == "restore":
        return "to restore"
    words = {"add": "to run", "rerun": "to run", "rename": "renamed", "remove": "to remove", "unknown": "to decide"}
    return words.get(planned.action, planned.action)


def _step(planned: PlannedStep, note: LocalNote | None, most: int) -> Iterator[str]:
    symbol = SYMBOLS[planned.action]
    if note and note.state == "restore" and planned.action != "rename":
        symbol = "="
    if note and note.state == "rebuild":
        symbol = "~"
    yield f"  {symbol} {planned.name}".rstrip() + _remark(planned, note)
    for reason in planned.reasons[:most]:
        place = f"   {reason.place}" if reason.place else ""
        yield f"      {describe(reason)}{place}"
    if len(planned.reasons) > most:
        yield f"      and {len(planned.reasons) - most} more: mlops why {planned.name}"
    for difference in note.differences if note else ():
        yield f"      {difference}"
    for path in planned.counted_as_locked:
        yield f"      {path} is not here: counted as locked"
    for path in note.altered if note else ():
        yield f"      {path} is not the locked one here"


def _remark(planned: PlannedStep, note: LocalNote | None) -> str:
    match (planned.action, note.state if note else None):
        case ("remove", _):
            return "   nothing asks for it any more"
        case ("unchanged", "rebuild"):
            return "   locked, but its artifacts are neither here nor in the cache"
        case (_, "restore"):
            return "   from the cache"
        case (action, _) if action in PENDING and planned.step is not None and planned.step.fits:
            return f"   {_fits(planned.step)}"
        case _:
            return ""


def _fits(step: Step) -> str:
    """Say how many models a step fits: a search at most so many, a refit all of them or none."""
    number = "1 fit" if step.fits == 1 else f"{step.fits:,} fits"
    return f"at most {number}" if step.kind == "search" else f"{number} if it wins"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
