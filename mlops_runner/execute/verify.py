"""Verify without training: is the lock fresh, is its chain whole, and are the artifacts the ones it names?"""

from collections.abc import Iterator
from pathlib import Path

from mlops_runner.errors import Diagnostic, Place
from mlops_runner.lock.model import FILE_NAME, Lock, Output
from mlops_runner.plan.model import Plan
from mlops_runner.plan.wording import describe
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.pointers import pointer_path, pointer_text
from mlops_runner.store.stats import StatCache

FRESH = Place(FILE_NAME)


def stale(plan: Plan) -> Iterator[Diagnostic]:
    """Yield a complaint for every step that is not what the lock recorded."""
    for planned in plan.steps:
        if planned.action != "unchanged":
            place = next((reason.place for reason in planned.reasons if reason.place), FRESH)
            why = "; ".join(describe(reason) for reason in planned.reasons) or "nothing asks for it any more"
            yield Diagnostic("lock-stale", f"{planned.name}: {why}", place, "run: mlops run, and commit pipeline.lock")


def broken_chain(lock: Lock) -> Iterator[Diagnostic]:
    """Yield a complaint for every input whose digest is not the one its producer wrote.

    This is what a clean text merge of two branches can leave behind.
    """
    produced = {path: (name, out.sha256) for name, stage in lock.stages.items() for path, out in stage.outputs.items()}
    folders = {path.rpartition("/")[0]: name for path, (name, _) in produced.items()}
    for name, stage in lock.stages.items():
        for path, digest in stage.inputs.items():
            if path in produced and f"sha256:{produced[path][1]}" != digest:
                message = f"{name} was made from another {path} than {produced[path][0]} wrote"
                yield Diagnostic("chain-broken", message, FRESH, f"run: mlops run (it makes {name} again)")
            elif path not in produced and path.rpartition("/")[0] in folders:
                message = (
                    f"{name} was made from {path}, which {folders[path.rpartition('/')[0]]} does not write any more"
                )
                yield Diagnostic("chain-broken", message, FRESH, f"run: mlops run (it makes {name} again)")


def wrong_artifacts(root: Path, lock: Lock, stats: StatCache) -> Iterator[Diagnostic]:
    """Yield a complaint for every artifact that is missing, or whose bytes are not the locked ones."""
    store = ObjectStore(root)
    for name, stage in lock.stages.items():
        for path, output in stage.outputs.items():
            if problem := _artifact(root, store, stats, path, output):
                yield Diagnostic(problem[0], f"{path} of {name} {problem[1]}", FRESH, problem[2])


def _artifact(
    root: Path, store: ObjectStore, stats: StatCache, path: str, output: Output
) -> tuple[str, str, str] | None:
    standing = _matches(stats, root / path, output)
    if standing is False:
        return "artifact-different", "is not the locked one", "run: mlops run (it keeps your version aside)"
    stored = _matches(stats, store.path(output.md5), output)
    if stored is False:
        return "object-damaged", "is damaged in the cache", "run: mlops run, or: dvc pull"
    if stored is None and standing is None:
        return "artifact-missing", "is not here", "run: dvc pull, or: mlops run"
    return None


def _matches(stats: StatCache, path: Path, output: Output) -> bool | None:
    try:
        digest = stats.digest(path)
    except OSError:
        return None
    return (digest.md5, digest.sha256) == (output.md5, output.sha256)


def wrong_pointers(root: Path, lock: Lock, stats: StatCache) -> Iterator[Diagnostic]:
    """Yield a complaint for every DVC pointer that does not name what the lock names."""
    for name, stage in lock.stages.items():
        folder = next(iter(stage.outputs), "").rpartition("/")[0]
        pointer = pointer_path(root, folder)
        relative = str(pointer.relative_to(root))
        if not pointer.exists():
            yield Diagnostic("pointer-missing", f"{relative} of {name} is not here", Place(relative), "run: mlops run")
            continue
        digests = {}
        for path, output in stage.outputs.items():
            for place in (root / path, ObjectStore(root).path(output.md5)):
                if _matches(stats, place, output):
                    digests[path.rpartition("/")[2]] = stats.digest(place)
                    break
        complete = len(digests) == len(stage.outputs)
        if complete and pointer.read_text(encoding="utf-8") != pointer_text(folder, digests):
            message = f"{relative} does not name what pipeline.lock names for {name}"
            yield Diagnostic("pointer-different", message, Place(relative), "run: mlops run, and commit both")
