"""Verify by doing it again: every step in a clean room, with another hash seed, compared with the lock."""

import functools
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_runner.digest import FileDigest
from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.execute import machine
from mlops_runner.execute.executed import same_outputs
from mlops_runner.execute.handlers import levels
from mlops_runner.execute.isolation import Worker, room_of
from mlops_runner.execute.process import Ground, Ran, run_step, work_folder
from mlops_runner.execute.sources import Stored, sources_of
from mlops_runner.lock.model import Lock, Stage
from mlops_runner.plan.demand import GPUS, demand_of
from mlops_runner.plan.key import same_metric, taken
from mlops_runner.plan.steps import PROGRAMS, Input, Step
from mlops_runner.plan.values import with_values
from mlops_runner.store.inputs import Inputs
from mlops_runner.store.layout import Layout
from mlops_runner.store.objects import ObjectStore

SEEDS = 7919  # hash seeds of the reruns are multiples of a prime, and never the 0 of an ordinary run


@dataclass(frozen=True, slots=True)
class Agreement:
    """One step of one rerun that agreed with the lock, and how: by every byte, or by its metrics."""

    round: int
    step: str
    by: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Site:
    """Where steps are executed again: the project, the folder of its callables, and what gives each its interpreter."""

    layout: Layout
    code: Path
    interpreter_of: Callable[[str], str]


def rerun(where: Site, steps: Sequence[Step], lock: Lock, rounds: int, tell: Callable[[Agreement], None]) -> None:
    """Execute all steps `rounds` times. Raises NotVerified naming the first artifact that differs; both copies stay."""
    layout = where.layout
    store = ObjectStore(layout.root)
    returned = {name: stage.metrics for name, stage in lock.stages.items()}
    for number in range(1, rounds + 1):
        worker = Worker(room_of(steps, number * SEEDS), layout.work / "home")
        try:
            worker.equip(levels([step for step in steps if not step.fetches and not step.frozen], 1))
            for declared in steps:
                step, _ = with_values(declared, returned)
                if step.frozen:
                    tell(Agreement(number, step.name, "being frozen, without being run", 0.0))
                    continue
                if step.fetches:  # what was there then may be gone; its digest is checked with the other artifacts
                    tell(Agreement(number, step.name, "its pin, without being fetched again", 0.0))
                    continue
                with work_folder(layout.work) as work:
                    produced = functools.partial(_produced, store, step, lock=lock)
                    sources = sources_of(step, layout.root, Inputs(layout), produced)
                    programs = tuple(lock.stages[step.name].code) if step.kind in PROGRAMS else ()
                    gpus = machine.gpus(os.environ)[:wanted] if (wanted := demand_of(step).of(GPUS)) else ()
                    interpreter = where.interpreter_of(step.env)
                    ground = Ground(layout.root, where.code, programs, interpreter=interpreter, gpus=gpus)
                    ran = run_step(step, sources, worker, work, ground)
                    by = _compare(layout, Attempt(number, step, lock.stages[step.name], ran))
                tell(Agreement(number, step.name, by, ran.seconds))
        finally:
            worker.close()
            shutil.rmtree(layout.work, ignore_errors=True)


def _produced(store: ObjectStore, step: Step, item: Input, lock: Lock) -> dict[str, Stored]:
    """Return what the locked producer wrote of an input. Raises NotVerified for what the cache does not hold."""
    assert item.producer is not None
    outputs = lock.stages[item.producer].outputs
    wanted = {path: outputs[path] for path in taken(item, outputs)}
    for name, output in wanted.items():
        if store.verified(output.md5, output.sha256) is None:
            message = f"{name} is not in the cache, so {step.name} cannot be run again"
            raise NotVerified(Diagnostic("artifact-missing", message, hint="run: dvc pull, or: mlops run"))
    return {path: Stored(store.path(output.md5), output.sha256) for path, output in wanted.items()}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution, beside what the lock says of the step."""

    number: int
    step: Step
    stage: Stage
    ran: Ran


def _compare(layout: Layout, attempt: Attempt) -> str:
    """Say what the attempt has in common with the lock. Raises NotVerified when that is too little."""
    step, ran = attempt.step, attempt.ran
    locked = {step.name_of(path): output for path, output in attempt.stage.outputs.items()}
    different = sorted(n for n in locked.keys() | ran.files.keys() if _differs(locked.get(n), ran.files.get(n)))
    retold = [name for name in different if name == step.config.get("executed") and _tells_the_same(layout, attempt)]
    different = [name for name in different if name not in retold]
    metrics = _different_metrics(attempt.stage.metrics, ran.reply.metrics)
    if not different and not metrics:
        return "what its cells show" if retold else "every byte"
    if not different:
        message = f"{step.name}: the lock's metrics are not those of its artifacts: {', '.join(metrics[:3])}"
        raise NotVerified(Diagnostic("lock-edited", message, step.place(""), "take pipeline.lock from git"))
    if step.repro == "none":
        return "nothing (reproducibility: none)"
    if step.repro == "tolerance" and not metrics:
        return "its metrics"
    raise NotVerified(_complaint(layout, attempt, different[0], metrics))


def _differs(locked: Any, found: FileDigest | None) -> bool:
    return locked is None or found is None or locked.sha256 != found.sha256


def _tells_the_same(layout: Layout, attempt: Attempt) -> bool:
    """Say whether the executed notebook differs in its texts alone, which are in no key."""
    path = attempt.step.config["executed"]
    locked = ObjectStore(layout.root).path(attempt.stage.outputs[path].md5)
    return locked.exists() and same_outputs(locked.read_bytes(), (attempt.ran.out / path).read_bytes())


def _different_metrics(locked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    names = sorted(locked.keys() | found.keys())
    return [f"{n} {locked.get(n)} → {found.get(n)}" for n in names if not same_metric(locked.get(n), found.get(n))]


def _complaint(layout: Layout, attempt: Attempt, name: str, metrics: list[str]) -> Diagnostic:
    step, store = attempt.step, ObjectStore(layout.root)
    kept = layout.state / "rerun" / step.name
    shutil.rmtree(kept, ignore_errors=True)
    locked = {step.name_of(path): store.path(output.md5) for path, output in attempt.stage.outputs.items()}
    for side, files in (("rerun", {n: attempt.ran.out / n for n in attempt.ran.files}), ("locked", locked)):
        for file, path in files.items():
            (kept / side / file).parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                shutil.copyfile(path, kept / side / file)
    first = first_difference(kept / "locked" / name, kept / "rerun" / name)
    numbers = f"; metrics: {', '.join(metrics[:3])}" if metrics else ""
    message = f"rerun {attempt.number}: {step.path_of(name)} of {step.name} differs ({first}){numbers}"
    hint = f"both copies are in {kept.relative_to(layout.root)}"
    return Diagnostic("not-reproduced", message, step.place(""), hint)


def first_difference(one: Path, other: Path) -> str:
    """Say where two versions of a file first differ: a JSON field where possible, else the byte."""
    if not one.exists() or not other.exists():
        return "only one of the two has it"
    left, right = one.read_bytes(), other.read_bytes()
    if one.suffix in {".json", ".ipynb"}:
        try:
            return _first_field(json.loads(left), json.loads(right), "")
        except ValueError:
            pass
    position = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    return f"byte {position} of {len(left)} and {len(right)}"


def _first_field(one: Any, other: Any, path: str) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                return _first_field(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, (left, right) in enumerate(zip(one, other, strict=True)):
            if left != right:
                return _first_field(left, right, f"{path}.{position}")
    return f"{path}: {str(one)[:40]} and {str(other)[:40]}"
