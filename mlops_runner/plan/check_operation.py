"""Contradictions between the documents that operate a model, and between them and those that train it."""

import hashlib
from collections.abc import Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.evaluate.metrics.names import known_metrics
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.documents import Operation
from mlops_runner.specs.environment import Environment
from mlops_runner.specs.load import Core, Loaded
from mlops_runner.specs.monitoring import Monitoring
from mlops_runner.specs.rollout import Rollout


def check_operation(core: Core, operation: Operation) -> Iterator[Diagnostic]:
    """Yield every contradiction."""
    if operation.monitoring:
        yield from _metric_is_measured(core, operation.monitoring)
        yield from _columns_are_declared(core, operation.monitoring)
    for environment in operation.environments:
        yield from _policy_is_the_pipelines(core, environment, operation.rollout)
    yield from _names_differ(core, operation)


def _metric_is_measured(core: Core, monitoring: Loaded[Monitoring]) -> Iterator[Diagnostic]:
    performance = monitoring.spec.performance
    if performance is None:
        return
    known = known_metrics(core.training.spec.task)
    place = monitoring.document.place(("performance", "metric"))
    if performance.metric not in known:
        hint = nearest(performance.metric, known) or f"known: {', '.join(sorted(known))}"
        yield Diagnostic("unknown-metric", f'metric "{performance.metric}" is not known', place, hint)
    elif performance.metric not in core.evaluation.spec.metrics:
        hint = f"add it to metrics in {core.evaluation.document.file}"
        message = f'metric "{performance.metric}" is watched but never measured before a rollout'
        yield Diagnostic("unmeasured-metric", message, place, hint)


def _columns_are_declared(core: Core, monitoring: Loaded[Monitoring]) -> Iterator[Diagnostic]:
    known = core.data.spec.columns
    named = [(("watch", "features", i), c) for i, c in enumerate(_listed(monitoring.spec.watch.features))]
    for name, detector in monitoring.spec.detectors.items():
        for key in ("columns", "closed"):
            columns = _listed(getattr(detector, key, ()))
            named += [(("detectors", name, key, i), c) for i, c in enumerate(columns)]  # type: ignore[misc]
    for path, column in named:
        if column not in known:
            hint = nearest(column, known) or f"declare it in {core.data.document.file}"
            message = f'column "{column}" is not declared'
            yield Diagnostic("unknown-column", message, monitoring.document.place(path), hint)


def _listed(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _policy_is_the_pipelines(
    core: Core, environment: Loaded[Environment], rollout: Loaded[Rollout] | None
) -> Iterator[Diagnostic]:
    state, document = environment.spec.rollout, environment.document
    ours = core.pipeline.spec.specs.rollout
    if state.policy is None:
        return
    if state.policy != ours:
        hint = f"policy: {ours}" if ours else f"name it under specs.rollout in {core.pipeline.document.file}"
        message = f"{state.policy} is not the Rollout document of this pipeline"
        yield Diagnostic("unknown-policy", message, document.place(("rollout", "policy")), hint)
        return
    if rollout is None:
        return  # it cannot be read, which is complained about already
    present = f"sha256:{hashlib.sha256(rollout.document.text.encode()).hexdigest()}"
    if state.policy_digest is not None and state.policy_digest != present:
        message = f"{state.policy} has changed since this environment pinned it"
        hint = f"a changed policy is a new rollout: raise rollout.id and set policy_digest: {present}"
        yield Diagnostic("policy-changed", message, document.place(("rollout", "policy_digest")), hint)
    yield from _ceiling_is_a_step(environment, rollout)


def _ceiling_is_a_step(environment: Loaded[Environment], rollout: Loaded[Rollout]) -> Iterator[Diagnostic]:
    ceiling, document = environment.spec.rollout.ceiling, environment.document
    if ceiling.step is None:
        return
    weights = {step.name: step.weight or 0 for step in rollout.spec.ladder()}
    if ceiling.step not in weights:
        place = document.place(("rollout", "ceiling", "step"))
        hint = nearest(ceiling.step, weights) or f"steps: {', '.join(weights)}"
        yield Diagnostic("unknown-step", f'the policy has no step "{ceiling.step}"', place, hint)
    elif ceiling.weight != weights[ceiling.step]:
        place = document.place(("rollout", "ceiling", "weight"))
        message = f"the ceiling is {ceiling.weight} %, but step {ceiling.step} grants {weights[ceiling.step]} %"
        yield Diagnostic("wrong-ceiling", message, place, f"weight: {weights[ceiling.step]}")


def _names_differ(core: Core, operation: Operation) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for environment in operation.environments:
        name, file = environment.spec.name, environment.document.file
        if seen.get(name, file) != file:
            place = environment.document.place(("name",))
            message = f'two environments are called "{name}" ({seen[name]} and this one)'
            yield Diagnostic("duplicate-name", message, place, "rename one")
        seen[name] = file
    files = core.pipeline.spec.environments
    for position, file in enumerate(files):
        if file in files[:position]:
            place = core.pipeline.document.place(("environments", position))
            yield Diagnostic("duplicate-file", f"{file} is named twice", place, "remove one")
