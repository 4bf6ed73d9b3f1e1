"""Local notes on a plan: what this machine need not compute again, what it lacks, and how long things took here.

For people only. Nothing of this is in the plan's JSON or digest, which are the same on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output
from mlops_runner.plan.model import Plan, PlannedStep
from mlops_runner.plan.steps import Step
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

State = Literal["here", "restore", "rebuild", "run"]


@dataclass(frozen=True, slots=True)
class LocalNote:
    """What a run would really do with a step here, and the seconds it took the last time it was executed."""

    state: State
    seconds: float | None = None
    altered: tuple[str, ...] = ()


def local_notes(
    plan: Plan, lock: Lock, finished: Mapping[str, Finished], root: Path, stats: StatCache
) -> dict[str, LocalNote]:
    """Return a note for every step that would still exist."""
    store = ObjectStore(root)
    seconds = {done.step: done.seconds for done in finished.values()}
    notes = {}
    for planned in plan.steps:
        if planned.step is None:
            continue
        outputs = _known(planned, lock, finished)
        expected = seconds.get(planned.name)
        if outputs is None:
            notes[planned.name] = LocalNote("run", expected)
        else:
            notes[planned.name] = _note(planned, planned.step, outputs, root, store, stats, expected)
    return notes


def _known(planned: PlannedStep, lock: Lock, finished: Mapping[str, Finished]) -> dict[str, Output] | None:
    if planned.key is None:
        return None
    for stage in lock.stages.values():
        if stage.key == planned.key:
            return {path.rsplit("/", 1)[-1]: output for path, output in stage.outputs.items()}
    if done := finished.get(planned.key):
        return {name: Output(digest.md5, digest.sha256) for name, digest in done.outputs.items()}
    return None


def _note(
    planned: PlannedStep, step: Step, outputs: Mapping[str, Output], root: Path, store: ObjectStore, stats: StatCache,
    expected: float | None,
) -> LocalNote:  # fmt: skip
    standing = {name: _standing(stats, root / step.output / name, output) for name, output in outputs.items()}
    altered = tuple(f"{step.output}/{name}" for name, found in standing.items() if found is False)
    lacking = [name for name, found in standing.items() if not found]
    if not lacking:
        return LocalNote("here" if planned.action == "unchanged" else "restore", expected)
    stored = all(store.path(outputs[name].md5).exists() for name in lacking)
    return LocalNote("restore" if stored else "rebuild", expected, altered)


def _standing(stats: StatCache, path: Path, output: Output) -> bool | None:
    """Say whether a file has the recorded content; None when it is not there."""
    try:
        return stats.digest(path).sha256 == output.sha256
    except OSError:
        return None
