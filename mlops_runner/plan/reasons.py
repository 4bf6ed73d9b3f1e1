"""Why a step differs from what the lock recorded, fact by fact."""

from collections.abc import Iterator, Mapping

from mlops_runner.errors import Place
from mlops_runner.lock.model import Lock, Scalar, Stage
from mlops_runner.plan.key import Resolved
from mlops_runner.plan.model import Facts, Reason
from mlops_runner.plan.steps import Step


def explain(step: Step, stage: Stage, lock: Lock, resolved: Resolved, facts: Facts) -> Iterator[Reason]:
    """Yield every known difference between a step and its locked stage; inputs that are not known yet are left out."""
    yield from _params(step, stage)
    yield from _code(step, stage, facts.code_of(step))
    yield from _environment(stage, lock, facts)
    yield from _inputs(step, stage, resolved)
    if step.repro != stage.repro:
        yield Reason("reproducibility", "reproducibility", stage.repro, step.repro, step.place(""))


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


def _code(step: Step, stage: Stage, now: Mapping[str, str]) -> Iterator[Reason]:
    for file in sorted(now.keys() | stage.code.keys()):
        if now.get(file) != stage.code.get(file):
            yield Reason("code-changed", file, stage.code.get(file), now.get(file), Place(file))


def _environment(stage: Stage, lock: Lock, facts: Facts) -> Iterator[Reason]:
    locked = lock.environments.get(stage.env)
    now = facts.environment
    if locked is None:
        yield Reason("environment-changed", "environment", None, now.digest)
    elif locked.python != now.python:
        yield Reason("environment-changed", "python", locked.python, now.python)
    elif locked.digest != now.digest:
        yield Reason("environment-changed", "dependencies", locked.digest, now.digest)


def _inputs(step: Step, stage: Stage, resolved: Resolved) -> Iterator[Reason]:
    by_name = _by_name(stage.inputs)
    for path, digest in sorted(resolved.files.items()):
        then = stage.inputs.get(path, by_name.get(path.rsplit("/", 1)[-1]))
        if then != digest:
            yield Reason("input-changed", path, then, digest, _input_place(step, path))


def _by_name(inputs: Mapping[str, str]) -> dict[str, str]:
    """Index inputs by file name, for those that only moved; an ambiguous name is no help."""
    names = [path.rsplit("/", 1)[-1] for path in inputs]
    return {
        path.rsplit("/", 1)[-1]: digest for path, digest in inputs.items() if names.count(path.rsplit("/", 1)[-1]) == 1
    }


def _input_place(step: Step, path: str) -> Place | None:
    external = {item.path for item in step.inputs if item.producer is None}
    return step.place("source.path") if path in external else None
