"""Are the metrics in the lock those that the steps gave? Held against files that say them, and against the journal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.returned import metrics_of
from mlops_runner.execute.verify import edited_part
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output, Stage
from mlops_runner.plan.key import same_metric
from mlops_runner.plan.steps import Step
from mlops_runner.store.objects import ObjectStore


def other_than_written(root: Path, steps: Sequence[Step], lock: Lock) -> Iterator[Diagnostic]:
    """Yield a complaint for metrics that are not those of the file which a step wrote them into, where it is here."""
    store = ObjectStore(root)
    for step in steps:
        stage = lock.stages.get(step.name)
        path = "" if step.built_in else str(step.config.get("metrics", ""))
        if stage is None or path not in stage.outputs:
            continue
        data = _content((root / path, store.path(stage.outputs[path].md5)), stage.outputs[path])
        if data is not None and (different := _different(stage.metrics, _metrics_in(data, path))):
            yield edited_part(step.name, f"metrics ({', '.join(different[:3])})")


def other_than_journaled(lock: Lock, finished: Mapping[str, Finished]) -> Iterator[Diagnostic]:
    """Yield a complaint for metrics that are not those which a step gave here, with the same key and the same outputs.

    That tells nothing on another machine, nor of a step that need not give the same numbers again.
    """
    for name, stage in lock.stages.items():
        done = finished.get(stage.key)
        if done is None or stage.repro != "bitwise" or stage.accepted or not _same_outputs(stage, done):
            continue
        if different := _different(stage.metrics, done.metrics):
            yield edited_part(name, f"metrics ({', '.join(different[:3])})")


def _same_outputs(stage: Stage, done: Finished) -> bool:
    locked = sorted(output.sha256 for output in stage.outputs.values())
    return locked == sorted(digest.sha256 for digest in done.outputs.values())


def _content(places: Sequence[Path], output: Output) -> bytes | None:
    """Return the bytes that are locked, from the first place that has them."""
    for place in places:
        try:
            data = place.read_bytes()
        except OSError:
            continue
        if digest_bytes(data).sha256 == output.sha256:
            return data
    return None


def _metrics_in(data: bytes, path: str) -> Mapping[str, Any]:
    """Return the metrics of a file; of one that holds none, nothing: then the lock cannot come from it."""
    try:
        return metrics_of(json.loads(data), path)
    except (ValueError, StepFailed):
        return {}


def _different(locked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    names = sorted(locked.keys() | found.keys())
    return [name for name in names if not same_metric(locked.get(name), found.get(name))]
