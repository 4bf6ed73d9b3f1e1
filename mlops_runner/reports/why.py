"""Everything that is known about one step of a plan."""

import shlex
from collections.abc import Iterator, Mapping

from mlops_runner.lock.model import Lock
from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import PlannedStep
from mlops_runner.plan.steps import Step
from mlops_runner.plan.values import readable
from mlops_runner.plan.wording import describe
from mlops_runner.reports.plan_groups import Notes, entry


def why_text(planned: PlannedStep, lock: Lock, notes: Notes) -> str:
    """Render one step: what becomes of it and why, what it does, its key, what it reads and writes."""
    return "\n".join(_lines(planned, lock, notes))


def _lines(planned: PlannedStep, lock: Lock, notes: Mapping[str, LocalNote]) -> Iterator[str]:
    shown = entry(planned, notes.get(planned.name), most=10_000)
    waits = [describe(reason) for reason in planned.reasons if reason.code == "upstream-runs"]
    own = [f"{text}   {place}".rstrip() for text, place in shown.lines if not text.startswith("depends on ")]
    yield f"  {shown.symbol} {planned.name}{shown.remark}"
    for line in (*own, *waits):
        yield f"      {line}"
    if planned.step is not None:
        stage = lock.stages.get(planned.name)
        yield ""
        yield from _done(planned.step)
        yield f"  key      {planned.key or 'known when what it reads has run'}"
        yield f"  locked   {stage.key if stage else 'not yet'}"
        yield from _joined(planned.step)


def _done(step: Step) -> Iterator[str]:
    """Say what kind of step it is, and what it runs."""
    if step.built_in:
        yield f"  kind     {step.kind}, version {step.version} of the built-in step"
    else:
        yield f"  kind     {step.kind}, a step of the project's own"
    if "command" in step.config:
        yield f"  command  {readable(shlex.join(step.config['command']))}"
    if "shell" in step.config:
        first, *more = readable(str(step.config["shell"])).splitlines()
        yield f"  shell    {first}"
        yield from (f"           {line}" for line in more)


def _joined(step: Step) -> Iterator[str]:
    """Say what a step reads and from whom, its code, and what it writes."""
    for item in step.inputs:
        name = "" if step.built_in or item.name == item.path else f"{item.name}: "
        source = f"  from {item.producer}" if item.producer else ""
        yield f"  reads    {name}{item.path}{'/' if item.folder else ''}{source}"
    yield from (f"  runs     {name}" for name in step.code)
    if step.built_in:
        yield f"  writes   {step.output}/"
    else:
        declared = step.config["outputs"]
        pairs = declared.items() if isinstance(declared, Mapping) else (("", path) for path in declared)
        yield from (f"  writes   {name}: {path}" if name else f"  writes   {path}" for name, path in pairs)
