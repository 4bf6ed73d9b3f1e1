"""Local notes on a plan: what this machine need not compute again, what it lacks, and how long things took here.

For people only. Nothing of this is in the plan's JSON or digest, which are the same on every machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output, Stage
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
    differences: tuple[str, ...] = ()


def local_notes(
    plan: Plan,
    lock: Lock,
    finished: Mapping[str, Finished],
    root: Path,
    stats: StatCache,
    difference: Callable[[str, str], str] = lambda *_: "",
) -> dict[str, LocalNote]:
    """Return a note for every step that would still exist.

    `difference` says how an input differs from one with a given digest, or nothing where that is not known here.
    """
    store = ObjectStore(root)
    seconds = {done.step: done.seconds for done in finished.values()}
    locked = {stage.key: stage for stage in lock.stages.values()}
    notes = {}
    for planned in plan.steps:
        if planned.step is not None:
            outputs = _known(planned.step, planned.key, locked, finished)
            note = LocalNote("run") if outputs is None else _note(planned, root, outputs, store, stats)
            changed = [(r.what, str(r.old)) for r in planned.reasons if r.code == "input-changed" and r.old and r.new]
            told = tuple(f"{path}: {text}" for path, then in changed if (text := difference(path, then)))
            notes[planned.name] = replace(note, seconds=seconds.get(planned.name), differences=told)
    return notes


def _known(
    step: Step, key: str | None, locked: Mapping[str, Stage], finished: Mapping[str, Finished]
) -> dict[str, Output] | None:
    """Return what a key is known to lead to, at the paths where the step writes it."""
    if key is None:
        return None
    if stage := locked.get(key):
        return {step.path_of(step.name_of(path)): output for path, output in stage.outputs.items()}
    if done := finished.get(key):
        return {step.path_of(name): Output(digest.md5, digest.sha256) for name, digest in done.outputs.items()}
    return None


def _note(
    planned: PlannedStep, root: Path, outputs: Mapping[str, Output], store: ObjectStore, stats: StatCache
) -> LocalNote:
    standing = {path: _standing(stats, root / path, output) for path, output in outputs.items()}
    altered = tuple(path for path, found in standing.items() if found is False)
    lacking = [path for path, found in standing.items() if not found]
    if not lacking:
        return LocalNote("here" if planned.action == "unchanged" else "restore")
    stored = all(store.path(outputs[path].md5).exists() for path in lacking)
    return LocalNote("restore" if stored else "rebuild", altered=altered)


def _standing(stats: StatCache, path: Path, output: Output) -> bool | None:
    """Say whether a file has the recorded content; None when it is not there."""
    try:
        return stats.digest(path).sha256 == output.sha256
    except OSError:
        return None
