"""Build a plan: compare what the specs ask for with what the lock recorded, step by step, without side effects."""

from collections.abc import Mapping, Sequence

from mlops_runner.errors import Place
from mlops_runner.lock.model import Lock, Stage
from mlops_runner.plan.key import Outputs, Resolved, resolve_inputs, spec_digest, step_key
from mlops_runner.plan.model import Facts, Plan, PlannedStep, Reason
from mlops_runner.plan.reasons import explain
from mlops_runner.plan.steps import Input, Step


def build_plan(pipeline: str, steps: Sequence[Step], lock: Lock, facts: Facts) -> Plan:
    """Decide for every step whether it is new, must rerun, is unchanged, was renamed, or depends on what runs first."""
    planned: list[PlannedStep] = []
    settled: dict[str, Outputs] = {}
    claimed = {step.name for step in steps}
    for step in steps:
        decided, stage = _decide(step, lock, facts, settled, claimed)
        planned.append(decided)
        if stage is not None:
            settled[step.name] = written(stage)
    removed = [PlannedStep(name, "remove") for name in sorted(lock.stages) if name not in claimed]
    return Plan(pipeline, (*planned, *removed), facts.notes)


def written(stage: Stage) -> Outputs:
    """Return what a locked stage wrote: file name → sha256. Built-in steps write flat folders."""
    return {path.rsplit("/", 1)[-1]: output.sha256 for path, output in stage.outputs.items()}


def known_external(step: Step, stage: Stage | None, facts: Facts) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the sha256 of a step's external files; an absent one counts as its locked digest and is named."""
    external = dict(facts.external)
    counted = []
    for item in step.inputs:
        locked = stage.inputs.get(item.path) if stage else None
        if item.path in facts.absent and locked:
            external[item.path] = locked.removeprefix("sha256:")
            counted.append(item.path)
    return external, tuple(counted)


def _decide(
    step: Step, lock: Lock, facts: Facts, settled: Mapping[str, Outputs], claimed: set[str]
) -> tuple[PlannedStep, Stage | None]:
    """Return the decision, and the locked stage that stands for the step if it need not run."""
    stage = lock.stages.get(step.name)
    external, counted = known_external(step, stage, facts)
    resolved, unknown = resolve_inputs(step, settled, external)
    if missing := [item for item in unknown if item.producer is None]:
        return PlannedStep(step.name, "unresolved", step, None, _missing(step, missing)), None
    if unknown:
        return _pending(step, stage, lock, resolved, facts, unknown), None
    key = step_key(step, resolved, facts.code_of(step), facts.environment.digest)
    if stage and stage.key == key:
        return PlannedStep(step.name, "unchanged", step, key, (), counted), stage
    if renamed := _renamed_from(key, lock, claimed):
        claimed.add(renamed)
        reason = Reason("renamed", "name", renamed, step.name, step.place("trainer"))
        return PlannedStep(step.name, "rename", step, key, (reason,), counted), lock.stages[renamed]
    if stage is None:
        return PlannedStep(
            step.name, "add", step, key, (Reason("new", step.name, place=_declared(step)),), counted
        ), None
    reasons = tuple(explain(step, stage, lock, resolved, facts)) or (_unexplained(step, stage),)
    return PlannedStep(step.name, "rerun", step, key, reasons, counted), None


def _pending(
    step: Step, stage: Stage | None, lock: Lock, resolved: Resolved, facts: Facts, unknown: Sequence[Input]
) -> PlannedStep:
    waits = [Reason("upstream-runs", name) for name in dict.fromkeys(str(item.producer) for item in unknown)]
    if stage is None:
        new = Reason("new", step.name, place=_declared(step))
        return PlannedStep(step.name, "add", step, None, (new, *waits))
    own = tuple(explain(step, stage, lock, resolved, facts))
    return PlannedStep(step.name, "rerun" if own else "unknown", step, None, (*own, *waits))


def _renamed_from(key: str, lock: Lock, claimed: set[str]) -> str | None:
    return next((name for name, stage in sorted(lock.stages.items()) if stage.key == key and name not in claimed), None)


def _missing(step: Step, items: Sequence[Input]) -> tuple[Reason, ...]:
    return tuple(Reason("missing-input", item.path, place=step.place(f"source.{item.name}")) for item in items)


def _declared(step: Step) -> Place:
    return step.place("trainer" if step.kind == "train" else "")


def _unexplained(step: Step, stage: Stage) -> Reason:
    if spec_digest(step) == stage.spec:
        return Reason("runner-changed", f"this version of mlops_runner does the {step.kind} step differently")
    return Reason("spec-changed", "spec", stage.spec, spec_digest(step), step.place(""))
