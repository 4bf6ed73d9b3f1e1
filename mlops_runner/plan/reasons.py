"""Why a step differs from what the lock recorded, fact by fact."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from mlops_runner.errors import Place
from mlops_runner.lock.model import Lock, Scalar, Stage
from mlops_runner.plan.key import Resolved, taken
from mlops_runner.plan.model import Facts, Reason
from mlops_runner.plan.steps import Input, Step


def explain(
    step: Step, stage: Stage, lock: Lock, resolved: Resolved, facts: Facts, unknown: Collection[Input] = ()
) -> Iterator[Reason]:
    """Yield every known difference between a step and its locked stage; inputs that are `unknown` yet are left out."""
    yield from _params(step, stage)
    yield from _code(stage, facts.code_of(step))
    if not step.fetches:
        yield from _environment(step, stage, lock, facts)
    yield from _inputs(step, stage, resolved, unknown)
    if step.repro != stage.repro:
        yield Reason("reproducibility", "reproducibility", stage.repro, step.repro, step.place("reproducibility"))


def unexplained(step: Step, stage: Stage) -> Reason:
    """Say what is left when no single fact differs: the spec as a whole, or this package."""
    now = step.spec
    if now == stage.spec:
        return Reason("runner-changed", f"this version of mlops_runner does the {step.kind} step differently")
    if not step.built_in:
        return Reason("declared-otherwise", "spec", stage.spec, now, step.place(""))
    return Reason("spec-changed", "spec", stage.spec, now, step.place("columns"))


def _params(step: Step, stage: Stage) -> Iterator[Reason]:
    now, then = step.params, stage.params
    for name in sorted(now.keys() | then.keys()):
        if name not in then:
            yield Reason("param-added", name, None, now[name], step.place(name))
        elif name not in now:
            yield Reason("param-removed", name, then[name], None, step.place(name))
        elif not same(now[name], then[name]):
            yield Reason("param-changed", name, then[name], now[name], step.place(name))


def same(one: Scalar, other: Scalar) -> bool:
    """Compare as a key does: 1, 1.0 and true are three different values."""
    return type(one) is type(other) and one == other


def _code(stage: Stage, now: Mapping[str, str]) -> Iterator[Reason]:
    for file in sorted(now.keys() | stage.code.keys()):
        if now.get(file) != stage.code.get(file):
            yield Reason("code-changed", file, stage.code.get(file), now.get(file), Place(file))


def _environment(step: Step, stage: Stage, lock: Lock, facts: Facts) -> Iterator[Reason]:
    locked = lock.environments.get(stage.env)
    now = facts.environment_of(step)
    place = step.places.get("env")
    if locked is None:
        yield Reason("environment-changed", "environment", None, now.digest, place)
    elif locked.python != now.python:
        yield Reason("environment-changed", "python", locked.python, now.python, place)
    elif locked.digest != now.digest:
        yield Reason("environment-changed", "dependencies", locked.digest, now.digest, place)


def _inputs(step: Step, stage: Stage, resolved: Resolved, unknown: Collection[Input]) -> Iterator[Reason]:
    places = {item.path: step.input_place(item) for item in step.inputs if item.producer is None}
    gone = {path: digest for path, digest in stage.inputs.items() if path not in resolved.files}
    moved = _by_name(gone)
    for path, digest in sorted(resolved.files.items()):
        before = path if path in stage.inputs else moved.get(_name(path), "")
        gone.pop(before, None)
        if stage.inputs.get(before) != digest:
            yield Reason("input-changed", path, stage.inputs.get(before), digest, places.get(path))
    for path, digest in sorted(gone.items()):
        if not any(taken(item, (path,)) for item in unknown if not item.value):
            yield Reason("input-changed", path, digest, None)


def _by_name(paths: Collection[str]) -> dict[str, str]:
    """Index paths by file name, for those that only moved; an ambiguous name is no help."""
    names = Counter(map(_name, paths))
    return {_name(path): path for path in paths if names[_name(path)] == 1}


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
