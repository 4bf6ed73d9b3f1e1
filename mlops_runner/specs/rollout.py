"""The Rollout document: how a candidate takes over from the stable model, and what sends it back."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.base import Duration, Spec, seconds
from mlops_runner.specs.locations import Document
from mlops_runner.specs.rollout_decision import Decision, Notification, Rollback, SampleRatio
from mlops_runner.specs.rollout_metrics import LabelsSource, MeanDifference, Metric, metric_findings
from mlops_runner.specs.rollout_steps import HARD_STOPS, Assignment, Bake, HardStop, Step, preset_steps
from mlops_runner.specs.rules import Finding, hold, repeated, warnings

BAKE = "bake"
MANY_GUARDRAILS = 5


class Rollout(Spec):
    """Describes how a candidate takes over from the stable model, what is measured, and what sends it back."""

    kind: Literal["Rollout"]
    strategy: Annotated[
        Literal["canary", "blue_green", "shadow", "ab_test"],
        Field(
            description="canary climbs a ladder of weights; blue_green previews at 0 %, then switches; shadow only "
            "mirrors; ab_test keeps a fixed split and never promotes by itself."
        ),
    ] = "canary"
    authority: Annotated[
        Literal["commit", "plan"],
        Field(description="Who allows more traffic: a commit for each step, or this policy once for the whole ladder."),
    ] = "commit"
    assignment: Annotated[Assignment, Field(description="How units are divided.")] = Assignment.model_construct()
    preset: Annotated[
        Literal["progressive-3", "progressive-6"] | None,
        Field(description="A ready ladder: 10, 50, 100 or 2, 5, 10, 25, 75, 100 percent. Instead of steps."),
    ] = None
    steps: Annotated[
        tuple[Step, ...] | None, Field(min_length=1, description="The ladder, step by step. Instead of preset.")
    ] = None
    bake: Annotated[Bake, Field(description="The time after 100 %.")] = Bake.model_construct()
    hard_stops: Annotated[
        tuple[HardStop, ...], Field(description="What sends the candidate back at once, without statistics.")
    ] = HARD_STOPS
    metrics: Annotated[tuple[Metric, ...], Field(description="What is measured on both arms.")] = ()
    decision: Annotated[Decision, Field(description="How evidence becomes a verdict.")] = Decision.model_construct()
    srm: Annotated[SampleRatio, Field(description="Check of the traffic split.")] = SampleRatio.model_construct()
    progress_deadline: Annotated[Duration, Field(description="Time the candidate has to become ready.")] = "10m"
    rollback: Annotated[Rollback, Field(description="How the candidate is sent back.")] = Rollback.model_construct()
    notify: Annotated[tuple[Notification, ...], Field(description="Who is told about what.")] = ()
    accept_unsupported: Annotated[
        tuple[str, ...],
        Field(
            description="Fields that a serving engine may ignore; any other it cannot honour is refused.",
            examples=[["assignment.salt"]],
        ),
    ] = ()

    def ladder(self) -> tuple[Step, ...]:
        """Return the steps, those of the preset if one is named."""
        return preset_steps(self.preset) if self.preset else (self.steps or ())

    def guardrails(self) -> tuple[Metric, ...]:
        """Return the metrics whose failure sends the candidate back."""
        return tuple(metric for metric in self.metrics if metric.role == "guardrail")

    def bakes(self) -> bool:
        """Say whether this strategy ever reaches 100 % and stays there."""
        return self.strategy in {"canary", "blue_green"}

    @model_validator(mode="after")
    def _rules_hold(self) -> "Rollout":
        return hold(self, RULES)


def _one_ladder(spec: Rollout) -> Iterator[Finding]:
    """Exactly one of preset and steps is given."""
    if spec.preset is None and spec.steps is None:
        yield Finding((), "missing-ladder", "a rollout needs preset or steps", "for example: preset: progressive-3")
    elif spec.preset is not None and spec.steps is not None:
        message = f"preset {spec.preset} and {len(spec.steps)} steps are both given"
        yield Finding(("preset",), "two-ladders", message, "keep one of them")


def _step_is_weight_or_mirror(spec: Rollout) -> Iterator[Finding]:
    """Every step has exactly one of weight and mirror."""
    for position, step in enumerate(spec.steps or ()):
        at = ("steps", position)
        if step.weight is None and step.mirror is None:
            yield Finding(at, "empty-step", f'step "{step.name}" has neither weight nor mirror', "add weight: 10")
        elif step.weight is not None and step.mirror is not None:
            message = f'step "{step.name}" has weight {step.weight} and mirror {step.mirror}'
            yield Finding((*at, "mirror"), "two-shares", message, "keep one of them; mirror in a step of its own")


def _step_names_differ(spec: Rollout) -> Iterator[Finding]:
    """Step names are unique, and none is called bake."""
    names = [step.name for step in spec.steps or ()]
    for position, name, first in repeated(names):
        message = f'step {position + 1} is called "{name}", like step {first + 1}'
        yield Finding(("steps", position, "name"), "duplicate-step", message, "choose another name")
    if BAKE in names:
        message = 'a step cannot be called "bake": that is the time after the last step'
        yield Finding(("steps", names.index(BAKE), "name"), "reserved-name", message, "choose another name")


def _weights_never_decrease(spec: Rollout) -> Iterator[Finding]:
    """A step's weight is never below that of an earlier step."""
    highest: Step | None = None
    for position, step in enumerate(spec.steps or ()):
        if step.weight is None:
            continue
        if highest is not None and step.weight < (highest.weight or 0):
            message = f'step "{step.name}" has weight {step.weight}, after {highest.weight} in step "{highest.name}"'
            yield Finding(("steps", position, "weight"), "weight-decreases", message, "sort the steps by weight")
        else:
            highest = step


def _ladder_suits_strategy(spec: Rollout) -> Iterator[Finding]:
    """A canary ends at 100, blue_green has 0 and 100, shadow only mirrors, ab_test has one weight below 100."""
    steps = spec.ladder()
    weights = [step.weight for step in steps if step.weight is not None]
    shown = ", ".join(map(str, weights)) or "none"
    at = ("preset",) if spec.preset else ("steps",)
    mirrors = any(step.mirror is not None for step in steps)
    if spec.strategy == "canary" and steps and (not weights or weights[-1] != 100):
        message = f"the last weight of a canary must be 100, here the weights are {shown}"
        yield Finding(at, "unfinished-ladder", message, "add a step with weight: 100")
    if spec.strategy == "blue_green" and steps and (weights != [0, 100] or mirrors):
        message = f"blue_green has the weights 0 and 100 only, here they are {shown}{' and mirrors' if mirrors else ''}"
        yield Finding(at, "blue-green-steps", message, "one step with weight: 0, then one with weight: 100")
    if spec.strategy == "shadow" and weights:
        message = f"a shadow rollout only mirrors, here the weights are {shown}"
        yield Finding(at, "shadow-weight", message, "write mirror instead of weight, or set strategy: canary")
    if spec.strategy == "ab_test" and steps and (len(weights) != 1 or not 0 < weights[0] < 100):
        message = f"an ab_test has one weight between 1 and 99, here the weights are {shown}"
        yield Finding(at, "ab-test-weights", message, "keep one step, for example weight: 50")


def _ab_test_never_promotes(spec: Rollout) -> Iterator[Finding]:
    """An ab_test does not promote on its own."""
    if spec.strategy == "ab_test" and spec.decision.on_inconclusive == "promote":
        message = "an ab_test never promotes by itself, but on_inconclusive is promote"
        yield Finding(("decision", "on_inconclusive"), "ab-test-promotes", message, "use hold or rollback")


def _metric_names_differ(spec: Rollout) -> Iterator[Finding]:
    """Metric names are unique."""
    for position, name, first in repeated(metric.name for metric in spec.metrics):
        message = f'metric {position + 1} is called "{name}", like metric {first + 1}'
        yield Finding(("metrics", position, "name"), "duplicate-metric", message, "choose another name")


def _tests_suit_sources(spec: Rollout) -> Iterator[Finding]:
    """A metric's test suits its source: paired tests need shadow or labels, errors and latency a rate_ratio."""
    for position, metric in enumerate(spec.metrics):
        for found in metric_findings(metric):
            yield Finding(("metrics", position, *found.path), found.code, found.message, found.hint)


def _required_steps_exist(spec: Rollout) -> Iterator[Finding]:
    """required_at names steps of the ladder, or bake where the strategy has one."""
    known = [*(step.name for step in spec.ladder()), *([BAKE] if spec.bakes() else [])]
    for position, metric in enumerate(spec.metrics):
        for index, name in enumerate(metric.required_at or ()):
            if name not in known:
                message = f'metric "{metric.name}" is required at "{name}", which is not a step of this {spec.strategy}'
                at = ("metrics", position, "required_at", index)
                yield Finding(at, "unknown-step", message, f"one of: {', '.join(known)}")


def _bake_outlasts_labels(spec: Rollout) -> Iterator[Finding]:
    """The bake lasts longer than the labels of every metric required at it need to mature."""
    if not spec.bakes():
        return
    waiting = [
        (seconds(metric.source.maturity), metric.name, metric.source.maturity)
        for metric in spec.metrics
        if isinstance(metric.source, LabelsSource) and metric.is_required_at(BAKE)
    ]
    if not waiting:
        return
    longest, name, maturity = max(waiting)
    missing = longest - seconds(spec.bake.duration)
    if missing >= 0:
        lack = f"{_span(missing)} are missing" if missing else "not a second is left to collect them"
        message = f'bake lasts {spec.bake.duration}, but labels of "{name}" mature after {maturity}: {lack}'
        hint = "make bake.duration longer than that, plus the time to collect enough samples"
        yield Finding(("bake", "duration"), "bake-too-short", message, hint)


def _control_suits_means(spec: Rollout) -> Iterator[Finding]:
    """Means are compared with a matched control, never with the rest."""
    if spec.assignment.control != "rest":
        return
    for metric in spec.metrics:
        if isinstance(metric.chosen_test(), MeanDifference):
            message = (
                f'metric "{metric.name}" compares means, which needs a control as large as the canary, not the rest'
            )
            yield Finding(("assignment", "control"), "unsuited-control", message, "use auto or matched")


def _accepted_fields_exist(spec: Rollout) -> Iterator[Finding]:
    """accept_unsupported names fields of this document."""
    for position, name in enumerate(spec.accept_unsupported):
        if name.split(".")[0] not in Rollout.model_fields:
            message = f'accept_unsupported names "{name}", which is not a field of a Rollout'
            at = ("accept_unsupported", position)
            yield Finding(at, "unknown-field", message, "write its path, for example assignment.salt")


def _span(duration: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if duration >= size:
            return f"{round(duration / size, 1):g}{unit}"
    return f"{duration:g}s"


RULES = (
    _one_ladder,
    _step_is_weight_or_mirror,
    _step_names_differ,
    _weights_never_decrease,
    _ladder_suits_strategy,
    _ab_test_never_promotes,
    _metric_names_differ,
    _tests_suit_sources,
    _required_steps_exist,
    _bake_outlasts_labels,
    _control_suits_means,
    _accepted_fields_exist,
)


def rollout_warnings(spec: Rollout, document: Document | None = None) -> list[Diagnostic]:
    """Return what is allowed but rarely wise, as warnings; with places when the document is given."""
    return warnings((finding for rule in ADVICE for finding in rule(spec)), document)


def _few_guardrails(spec: Rollout) -> Iterator[Finding]:
    """At most five metrics are guardrails."""
    count = len(spec.guardrails())
    if count > MANY_GUARDRAILS:
        message = f"{count} metrics are guardrails; more than {MANY_GUARDRAILS} make each of them slow to decide"
        yield Finding(("metrics",), "many-guardrails", message, "make some of them role: signal or role: observe")


def _drift_only_observes(spec: Rollout) -> Iterator[Finding]:
    """Drift of the inputs is observed; it meets both arms alike and is not the candidate's fault."""
    for position, metric in enumerate(spec.metrics):
        if metric.source_name() == "gateway features" and metric.role != "observe":
            message = f'metric "{metric.name}" is a {metric.role}, but drifting inputs are not the candidate\'s fault'
            yield Finding(("metrics", position, "role"), "drift-blamed", message, "use role: observe")


def _labels_arrive_in_time(spec: Rollout) -> Iterator[Finding]:
    """Steps that wait for labels last longer than the labels need to mature."""
    for position, metric in enumerate(spec.metrics):
        if not isinstance(metric.source, LabelsSource):
            continue
        for step in spec.ladder():
            late = seconds(metric.source.maturity) >= seconds(step.hold.max_duration)
            if metric.is_required_at(step.name) and late:
                message = (
                    f'step "{step.name}" ends after {step.hold.max_duration}, before labels of "{metric.name}" '
                    f"mature after {metric.source.maturity}: it can never pass"
                )
                yield Finding(("metrics", position), "labels-too-late", message, "add required_at: [bake]")


def _bake_has_control(spec: Rollout) -> Iterator[Finding]:
    """The bake has a control, or nothing compares the candidate while it bakes."""
    if spec.bakes() and spec.bake.compare == "none" and any(m.is_required_at(BAKE) for m in spec.guardrails()):
        message = "compare: none leaves only hard stops and thresholds during the bake"
        yield Finding(("bake", "compare"), "bake-without-control", message, "use reverse_shadow or holdback")


ADVICE = (_few_guardrails, _drift_only_observes, _labels_arrive_in_time, _bake_has_control)
