"""Mend a lock: keep what the present specs still prove, drop the rest so that it runs again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_runner.errors import Diagnostic, UsageFailure
from mlops_runner.lock.model import Lock, Scalar, Stage
from mlops_runner.plan.build import known_external, written
from mlops_runner.plan.key import Outputs, resolve_inputs, step_key
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.values import with_values


@dataclass(frozen=True, slots=True)
class Mended:
    """The new lock; the stages that were kept, each with the side it came from; and those that must run."""

    lock: Lock
    kept: tuple[tuple[str, str], ...]
    to_run: tuple[str, ...]


def resolve(steps: Sequence[Step], ours: Lock, theirs: Lock, facts: Facts) -> Mended:
    """Choose for every step the side whose key the present specs lead to, following the chain from its start.

    A step is proven when its key comes out of the specs, the code and the outputs chosen for what it reads. Where
    neither side has it under its name, one of the project's own may have been renamed: its files keep their paths.
    """
    chosen: dict[str, Stage] = {}
    kept: list[tuple[str, str]] = []
    settled: dict[str, Outputs] = {}
    returned: dict[str, Mapping[str, Scalar]] = {}
    sides = (("ours", ours), ("theirs", theirs))
    by_key = {stage.key: (side, stage) for side, lock in reversed(sides) for stage in lock.stages.values()}
    for declared in steps:
        step, lacking = with_values(declared, returned)
        if lacking:
            continue
        named = ((side, lock.stages[step.name]) for side, lock in sides if step.name in lock.stages)
        found = next((one for one in named if _proven(step, one[1], settled, facts)), None)
        if found is None and not step.built_in:
            found = by_key.get(_key(step, None, settled, facts) or "")
        if found is not None:
            side, stage = found
            chosen[step.name] = replace(stage, env=step.env)
            settled[step.name], returned[step.name] = written(step, stage), stage.metrics
            kept.append((step.name, side))
    to_run = tuple(step.name for step in steps if step.name not in chosen)
    environments = facts.environments_of(step for step in steps if step.name in chosen)
    return Mended(Lock(environments, chosen), tuple(kept), to_run)


def prune(steps: Sequence[Step], lock: Lock) -> tuple[Lock, tuple[str, ...]]:
    """Drop the stages that no step stands for; return the new lock and their names."""
    names = {step.name for step in steps}
    gone = tuple(sorted(lock.stages.keys() - names))
    stages = {name: stage for name, stage in lock.stages.items() if name in names}
    used = {stage.env for stage in stages.values()}
    return Lock({name: found for name, found in lock.environments.items() if name in used}, stages), gone


def accept(steps: Sequence[Step], lock: Lock, facts: Facts, names: Sequence[str], reason: str) -> Lock:
    """Declare that the locked outputs of some steps are still right although their keys changed.

    Their stages take the present key and facts and keep outputs and metrics; the reason stands in the lock, for the
    reviewer. Raises UsageFailure for a step that is unknown, not locked, or reads what is not known yet.
    """
    stages = dict(lock.stages)
    settled: dict[str, Outputs] = {}
    returned: dict[str, Mapping[str, Scalar]] = {}
    for declared in steps:
        step, lacking = with_values(declared, returned)
        if step.name in names:
            _refuse_unknown(step, lacking)
            stages[step.name] = _accepted(step, stages.get(step.name), settled, facts, reason)
        stage = stages.get(step.name)
        if stage and (step.name in names or (not lacking and _proven(step, stage, settled, facts))):
            settled[step.name], returned[step.name] = written(step, stage), stage.metrics
    if unknown := sorted(set(names) - {step.name for step in steps}):
        known = ", ".join(step.name for step in steps)
        raise UsageFailure([_unknown_step(name, known) for name in unknown])
    if not stages.keys() <= settled.keys():  # those still stale can only say why beside what they were made in
        return Lock(lock.environments, stages)
    present = [step for step in steps if step.name in stages]
    return Lock(facts.environments_of(present), {s.name: replace(stages[s.name], env=s.env) for s in present})


def _unknown_step(name: str, known: str) -> Diagnostic:
    return Diagnostic("unknown-step", f'there is no step "{name}"', hint=f"steps: {known}")


def _proven(step: Step, stage: Stage, settled: dict[str, Outputs], facts: Facts) -> bool:
    return step.frozen or stage.key == _key(step, stage, settled, facts)


def _key(step: Step, stage: Stage | None, settled: dict[str, Outputs], facts: Facts) -> str | None:
    """Return a step's key if what it reads is known. What is absent counts as it was locked in the stage."""
    external, _ = known_external(step, stage, facts)
    resolved, unknown = resolve_inputs(step, settled, external)
    return None if unknown else step_key(step, resolved, facts.code_of(step), facts.environment_of(step).digest)


def _accepted(step: Step, stage: Stage | None, settled: dict[str, Outputs], facts: Facts, reason: str) -> Stage:
    if stage is None:
        message = f"{step.name} is not in pipeline.lock: there is nothing to accept"
        raise UsageFailure(Diagnostic("not-locked", message, hint="run: mlops run"))
    external, _ = known_external(step, stage, facts)
    resolved, unknown = resolve_inputs(step, settled, external)
    _refuse_unknown(step, unknown)
    return replace(
        stage,
        key=step_key(step, resolved, facts.code_of(step), facts.environment_of(step).digest),
        spec=step.spec,
        repro=step.repro,
        code=facts.code_of(step),
        inputs=dict(resolved.files),
        params=step.params,
        accepted=reason,
    )


def _refuse_unknown(step: Step, unknown: Sequence[Input]) -> None:
    if unknown:
        waits = ", ".join(sorted({item.producer or item.path for item in unknown}))
        message = f"{step.name} reads what is not known yet: {waits}"
        raise UsageFailure(Diagnostic("unknown-input", message, hint=f"accept or run {waits} first"))


def describe(mended: Mended) -> Iterator[str]:
    """Say what was kept and what must run."""
    for name, side in mended.kept:
        yield f"  kept    {name:<24} {side}"
    for name in mended.to_run:
        yield f"  to run  {name}"
