"""A run from the project's point of view: plan, inputs, engine, and the experiment log."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypedDict

from mlops_runner.api.capacity import MOST_AWAY, Given, capacity_of, refuse_lacking
from mlops_runner.errors import Diagnostic, MlopsError, PlanMismatch, UsageFailure
from mlops_runner.execute import machine
from mlops_runner.execute.ahead import workers_in
from mlops_runner.execute.engine import Engine
from mlops_runner.execute.isolation import room_of
from mlops_runner.execute.ledger import Ledger
from mlops_runner.execute.leftovers import clear_leftovers
from mlops_runner.execute.listener import Listener, Silence
from mlops_runner.execute.result import Result
from mlops_runner.plan.build import build_part, build_plan, refuse_unpinned
from mlops_runner.plan.codec import plan_digest
from mlops_runner.plan.environment import DEFAULT
from mlops_runner.plan.model import Facts, Plan
from mlops_runner.plan.select import Selection
from mlops_runner.plan.steps import Compiled, Step
from mlops_runner.store.mutex import exclusive

if TYPE_CHECKING:
    from mlops_runner.api.project import Project
    from mlops_runner.execute.cluster.lanes import Clusters


class Flags(TypedDict, total=False):
    """How a run may be asked for.

    `force` executes every step. At most `jobs` steps run at a time: as many as the threads of each leave room for,
    unless it is given. Steps that declare them share `memory` in bytes and `gpus`, by default what the machine has.
    `message` goes into the experiment log. With `keep_going`, a failure ends only what waits for
    it. With `strict`, a step fails that reads or writes what it does not declare. `selection` leaves all other steps
    as they are locked; see `Project.partial`. `executor` says where steps run: "local", or "dask" for a Dask cluster,
    whose `scheduler` is at an address, or else one on this machine.
    """

    force: bool
    jobs: int | None
    memory: int | None
    gpus: int | None
    message: str
    keep_going: bool
    strict: bool
    selection: Selection | None
    executor: str
    scheduler: str | None


MOST_COMPLAINTS = 20


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run was asked for: see `Flags`, `Project.run` and `Project.try_out`."""

    expected: str | None = None
    force: bool = False
    jobs: int | None = None
    memory: int | None = None
    gpus: int | None = None
    message: str = ""
    settings: tuple[str, ...] = ()
    keep_going: bool = False
    strict: bool = False
    selection: Selection | None = None
    executor: str = "local"
    scheduler: str | None = None


def run(project: "Project", listener: Listener | None, options: RunOptions) -> list[Result]:
    """Plan, execute and record. Raises StepFailed, InvalidInput, PlanMismatch, LockBusy."""
    if not project.layout.compiled.exists():
        project.compiled()  # before the state folder is made: there may be no project here
    with exclusive(project.layout.mutex, project.lock_timeout), workers_in(project.layout.work) as workers:
        away = clusters(project, options)
        if away is None and (last := project.sources.last()) and (options.force or not project.sources.unchanged(last)):
            workers.expect(room_of(last.compiled.steps))
        compiled, lock, facts = project.compiled(), project.lock(), project.facts()
        if workers.interrupted:
            clear_leftovers(project.layout, compiled.steps)
        project.sources.remember()
        if options.selection:
            plan = build_part(compiled.pipeline, compiled.steps, lock, facts, options.selection)
        else:
            plan = build_plan(compiled.pipeline, compiled.steps, lock, facts)
        declared = {step.name: step for step in compiled.steps}  # a plan's have the values of the last run filled in
        _refuse_nothing(compiled)
        steps = [declared[planned.name] for planned in plan.steps if planned.step is not None]
        refuse_unpinned(steps)
        if away:
            _refuse_elsewhere(steps)
        _refuse_unlocked(plan)
        if options.expected is not None and plan_digest(plan) != options.expected:
            message = f"the plan is now {plan_digest(plan)}, not {options.expected}"
            raise PlanMismatch(Diagnostic("plan-changed", message, hint="review it again: mlops plan"))
        given = Given(options.jobs, options.memory, options.gpus, away=options.scheduler is not None)
        capacity, gpus = capacity_of(compiled, steps, given)
        refuse_lacking(project, plan, capacity, force=options.force, away=given.away)
        if _bring_inputs(project, plan, facts, force=options.force):
            facts = project.facts()
            project.sources.remember()
        listener = listener or Silence()
        for folder in sorted({folder for found in facts.behind.values() for folder in found}):
            listener.note(f"{folder} is behind: what it wrote is taken as it is; --all-pipelines runs it first")
        left = _left(compiled, steps) if options.selection else None
        aside = bool(options.settings)
        ledger = Ledger(
            project.layout, lock, facts, project.sources.inputs(), project.sources.changed_code, listener.note,
            options.force, aside, left,
        )  # fmt: skip
        engine = Engine(
            ledger, project.sources.code_folder(compiled), away or workers, listener,
            project.sources.environments(facts, listener.note).interpreter,
            capacity, gpus, options.keep_going, options.strict,
        )  # fmt: skip
        results = _recorded(project, engine, steps, options)
        if not options.settings:
            project.locked.remember()
        return results


def clusters(project: "Project", options: RunOptions) -> "Clusters | None":
    """Return what gives a run its cluster, if it is to have one. Raises UsageFailure."""
    if options.executor == "local":
        return None
    if find_spec("distributed") is None or find_spec("dask") is None:
        message = "a run on a Dask cluster takes dask and distributed, which are not installed"
        raise UsageFailure(Diagnostic("missing-extra", message, hint="pip install mlops_runner[distributed]"))
    from mlops_runner.execute.cluster.lanes import Clusters, Terrain

    jobs = options.jobs or (MOST_AWAY if options.scheduler else machine.processors())
    return Clusters(
        project.layout.work,
        lambda: Terrain(
            options.scheduler,
            jobs,
            any(step.kind == "search" for step in project.compiled().steps),
            project.sources.distributions(),
            tuple(project.compiled().environments[DEFAULT].needs),
            project.sources.stats(),
        ),
    )


def _refuse_elsewhere(steps: Sequence[Step]) -> None:
    """Refuse steps that workers of a cluster cannot run. Raises UsageFailure."""
    own = [step for step in steps if step.env != DEFAULT]
    if own:
        message = f"{own[0].name} has an environment of its own, which the workers of a cluster do not have"
        hint = "run without --executor dask, or leave it out: --only, --to"
        raise UsageFailure(Diagnostic("own-environment", message, own[0].place("env"), hint))


def _left(compiled: Compiled, steps: Sequence[Step]) -> list[Step]:
    names = {step.name for step in steps}
    return [step for step in compiled.steps if step.name not in names]


def _refuse_nothing(compiled: Compiled) -> None:
    """Refuse to run a pipeline that consists of others. Raises UsageFailure."""
    if not compiled.steps:
        message = "this pipeline has no steps of its own, only pipelines below it"
        raise UsageFailure(Diagnostic("no-steps", message, hint="run: mlops run --all-pipelines"))


def _refuse_unlocked(plan: Plan) -> None:
    """Refuse a selection that reads what a step would have to write first that is not selected. Raises UsageFailure."""
    found = {(p.name, r) for p in plan.steps for r in p.reasons if r.code == "not-locked"}
    problems = []
    for name, reason in sorted(found, key=lambda pair: (pair[0], pair[1].what, str(pair[1].old))):
        message = f"{name} reads {reason.what}, which {reason.old} writes: that step never ran and is not selected"
        problems.append(Diagnostic("not-locked", message, reason.place, f"run: mlops run --to {name}"))
    if problems:
        raise UsageFailure(problems[:MOST_COMPLAINTS])


def _bring_inputs(project: "Project", plan: Plan, facts: Facts, *, force: bool) -> bool:
    """Take what steps will read, and what is not here, from DVC's cache; say whether anything was."""
    lacking = facts.absent & facts.pointers.keys()
    if not lacking:
        return False
    notes = project.notes(plan)
    steps = [p.step for p in plan.steps if p.step and (force or notes[p.name].state in {"run", "rebuild"})]
    wanted = sorted({item.path for step in steps for item in step.inputs if item.path in lacking})
    project.sources.bring(wanted)
    return bool(wanted)


def _recorded(project: "Project", engine: Engine, steps: Sequence[Step], options: RunOptions) -> list[Result]:
    """Run, and write into the experiment log what came of it; a run that executed nothing is no experiment."""
    started = time.monotonic()
    try:
        results = engine.run(steps)
    except MlopsError as error:
        _record(project, engine.listener, options, time.monotonic() - started, error)
        raise
    if options.message or options.settings or any(result.how == "ran" for result in results):
        _record(project, engine.listener, options, time.monotonic() - started, results)
    return results


def _record(
    project: "Project", listener: Listener, options: RunOptions, seconds: float, ended: Sequence[Result] | MlopsError
) -> None:
    """Record a run. A log that cannot be written neither undoes what was published nor hides why a step failed."""
    from mlops_runner.api import experiments

    try:
        if isinstance(ended, MlopsError):
            experiments.remember_failure(project.sources, options, seconds, ended)
        else:
            experiments.remember(project.sources, options, seconds, ended)
    except OSError as error:
        remedy = f"; move {error.filename} away" if error.filename else ""
        listener.note(f"this run is not in the experiment log: {error.strerror or error}{remedy}")
