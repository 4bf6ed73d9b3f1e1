"""Verify without training: is the lock fresh, is its chain whole, and are the artifacts the ones it names?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, Place
from mlops_runner.lock.model import FILE_NAME, Lock, Output, Stage
from mlops_runner.plan.key import same_metric, taken
from mlops_runner.plan.model import Facts, Plan, PlannedStep
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.wording import describe
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.pointers import pointer_text
from mlops_runner.store.stats import StatCache

FRESH = Place(FILE_NAME)
LOCK_AGAIN = "run: mlops run, and commit pipeline.lock"


def stale(plan: Plan) -> Iterator[Diagnostic]:
    """Yield a complaint for every step that is not what the lock recorded; what only follows is counted, not listed."""
    follows = [planned.name for planned in plan.steps if _only_follows(planned)]
    for planned in plan.steps:
        if planned.action != "unchanged" and planned.name not in follows and not _always(planned):
            place = next((reason.place for reason in planned.reasons if reason.place), FRESH)
            why = "; ".join(describe(reason) for reason in planned.reasons) or "nothing asks for it any more"
            after = f" (so must {', '.join(follows)})" if follows else ""
            message = f"{planned.name}: {why}{after}"
            below = any(reason.code == "pipeline-behind" for reason in planned.reasons)
            hint = "run: mlops run --all-pipelines, and commit the locks" if below else LOCK_AGAIN
            yield Diagnostic("lock-stale", message, place, hint)


def _always(planned: PlannedStep) -> bool:
    return [reason.code for reason in planned.reasons] == ["always"]


def _only_follows(planned: PlannedStep) -> bool:
    return bool(planned.reasons) and all(reason.code == "upstream-runs" for reason in planned.reasons)


def edited(plan: Plan, lock: Lock, facts: Facts) -> Iterator[Diagnostic]:
    """Yield a complaint for every fact of an unchanged stage that is not the one its key was made from.

    The key proves nothing of the facts that stand beside it for people: an edit by hand could make them lie.
    """
    for planned in plan.steps:
        if planned.action != "unchanged" or planned.step is None or planned.step.frozen:
            continue
        stage, step = lock.stages[planned.name], planned.step
        present = {"params": step.params, "spec": step.spec, "code": facts.code_of(step), "repro": step.repro}
        for part, value in present.items():
            if getattr(stage, part) != value:
                yield edited_part(planned.name, part)


def edited_part(stage: str, part: str) -> Diagnostic:
    """Complain about a part of a stage that is not what was computed."""
    hint = f"take the line from git, or make it again: remove {stage} from the lock and run: mlops run"
    return Diagnostic("lock-edited", f"{part} of {stage} in pipeline.lock is not what was computed", FRESH, hint)


def wrong_numbers(lock: Lock, evidence: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield a complaint for metrics and gates in the lock that are not those of the evidence, which has a digest."""
    stage = lock.stages["evaluate"]
    winner = evidence["metrics"][evidence["winner"]]
    numbers = {f"{side}.{name}": value for side, row in winner.items() for name, value in row.items()}
    expected: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    expected["winner"] = evidence["winner"]
    if evidence.get("threshold"):
        value = evidence["threshold"]["value"]
        names = [f"threshold.{label}" for label in evidence["classes"]]
        expected |= dict(zip(names, value, strict=True)) if isinstance(value, list) else {"threshold": value}
    different = sorted(
        n for n in expected.keys() | stage.metrics.keys() if not same_metric(expected.get(n), stage.metrics.get(n))
    )
    if different:
        yield edited_part("evaluate", f"metrics ({', '.join(different[:3])})")
    if {gate["name"]: gate["answer"] for gate in evidence["gates"]} != dict(stage.gates):
        yield edited_part("evaluate", "gates")


def moved_inputs(facts: Facts) -> Iterator[Diagnostic]:
    """Yield a complaint for every input that is not what DVC's pointer names."""
    for path, address in sorted(facts.addresses.items()):
        pointer = facts.pointers[path]
        if pointer.md5 != address:
            message = f"{pointer.place.file} names other bytes than {path} has: whoever pulls gets another one"
            hint = f"run: dvc add {path}, and commit" if pointer.place.file.endswith(".dvc") else "run: dvc repro"
            yield Diagnostic("input-untracked", message, pointer.place, hint)


def broken_chain(steps: Sequence[Step], lock: Lock) -> Iterator[Diagnostic]:
    """Yield a complaint for every input whose digest is not the one its producer wrote.

    This is what a clean text merge of two branches can leave behind. A frozen step may be older than what it read.
    """
    for step in steps:
        stage = lock.stages.get(step.name) if not step.frozen else None
        for item in step.files if stage else ():
            producer = lock.stages.get(item.producer or "")
            if stage is None or producer is None:
                continue
            wrote = {path: f"sha256:{producer.outputs[path].sha256}" for path in taken(item, producer.outputs)}
            read = {path: digest for path, digest in stage.inputs.items() if path in wrote}
            hint = f"run: mlops run (it makes {step.name} again)"
            for path, digest in read.items():
                if digest != wrote[path]:
                    message = f"{step.name} was made from another {path} than {item.producer} wrote"
                    yield Diagnostic("chain-broken", message, FRESH, hint)
            others = {path for path in taken(item, stage.inputs) if path not in wrote and _alone(step, item)}
            for path in sorted(others):
                message = f"{step.name} was made from {path}, which {item.producer} does not write any more"
                yield Diagnostic("chain-broken", message, FRESH, hint)


def _alone(step: Step, item: Input) -> bool:
    """Say whether one step writes all of an input."""
    return not any(other.path == item.path and other.producer != item.producer for other in step.files)


def wrong_artifacts(root: Path, lock: Lock, stats: StatCache) -> Iterator[Diagnostic]:
    """Yield a complaint for every artifact that is not the locked one; one complaint a stage for those missing."""
    store = ObjectStore(root)
    for name, stage in lock.stages.items():
        problems = {path: _artifact(root, store, stats, path, output) for path, output in stage.outputs.items()}
        missing = [path for path, problem in problems.items() if problem and problem[0] == "artifact-missing"]
        if missing:
            message = f"{len(missing)} of {len(problems)} artifacts of {name} are not here ({missing[0]}, …)"
            yield Diagnostic("artifact-missing", message, FRESH, "run: dvc pull, or: mlops run")
        for path, problem in problems.items():
            if problem and path not in missing:
                yield Diagnostic(problem[0], f"{path} of {name} {problem[1]}", FRESH, problem[2])


def _artifact(
    root: Path, store: ObjectStore, stats: StatCache, path: str, output: Output
) -> tuple[str, str, str] | None:
    standing = _matches(stats, f"{root}/{path}", output)
    if standing is False:
        return "artifact-different", "is not the locked one", "run: mlops run (it keeps your version aside)"
    stored = _matches(stats, store.where(output.md5), output)
    if stored is False:
        return "object-damaged", "is damaged in the cache", "run: mlops run, or: dvc pull"
    if stored is None and standing is None:
        return "artifact-missing", "is not here", "run: dvc pull, or: mlops run"
    return None


def _matches(stats: StatCache, path: str, output: Output) -> bool | None:
    try:
        digest = stats.digest(path)
    except OSError:
        return None
    return (digest.md5, digest.sha256) == (output.md5, output.sha256)


def wrong_pointers(root: Path, steps: Sequence[Step], lock: Lock, stats: StatCache) -> Iterator[Diagnostic]:
    """Yield a complaint for every DVC pointer that does not name what the lock names."""
    store = ObjectStore(root)
    for step in steps:
        for declared in step.outputs if step.name in lock.stages else ():
            yield from _wrong_pointer(store, declared, step.name, lock.stages[step.name], stats)


def _wrong_pointer(
    store: ObjectStore, declared: str, name: str, stage: Stage, stats: StatCache
) -> Iterator[Diagnostic]:
    root = store.project
    relative = f"{declared}.dvc"
    try:
        present = (root / relative).read_text(encoding="utf-8")
    except FileNotFoundError:
        yield Diagnostic("pointer-missing", f"{relative} of {name} is not here", Place(relative), "run: mlops run")
        return
    outputs = {p: o for p, o in stage.outputs.items() if p == declared or p.startswith(f"{declared}/")}
    digests = {}
    for path, output in outputs.items():
        for place in (f"{root}/{path}", store.where(output.md5)):
            if _matches(stats, place, output):
                digests[path.removeprefix(declared).lstrip("/")] = stats.digest(place)
                break
    complete = len(digests) == len(outputs)
    if complete and present != pointer_text(declared, digests):
        message = f"{relative} does not name what pipeline.lock names for {name}"
        yield Diagnostic("pointer-different", message, Place(relative), "run: mlops run, and commit both")
