"""The Monitoring document: what is watched in production, when it is an alarm, who hears it, and when to retrain."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Duration, Name, Part, Share, Spec, seconds
from mlops_runner.specs.locations import Path
from mlops_runner.specs.monitor_actions import (
    AgeTrigger,
    Alerts,
    DriftTrigger,
    PerformanceTrigger,
    Retrain,
)
from mlops_runner.specs.monitor_detectors import DETECTORS, LARGEST, Detector
from mlops_runner.specs.rules import Finding, hold, written


class Windows(Part):
    """How the traffic is cut into pieces that are compared with the reference."""

    size: Annotated[
        Duration | Annotated[int, Field(ge=1)],
        Field(description="Length of a window, as a duration or as a number of rows.", examples=["1d", 5000]),
    ] = "1d"
    step: Annotated[
        Duration | Annotated[int, Field(ge=1)] | None,
        Field(description="From the start of one window to the next, in the unit of size; size when left out."),
    ] = None
    min_rows: Annotated[int, Field(ge=30, description="With fewer rows on a side the answer is: not enough data.")] = (
        400
    )
    season: Annotated[
        Literal["none", "daily", "weekly"],
        Field(description="Compare with the same hours, or the same hours and weekdays, of the reference."),
    ] = "none"

    def step_or_size(self) -> str | int:
        """Return the step; windows that follow each other without overlap when none is given."""
        return self.size if self.step is None else self.step


class Watch(Part):
    """What is compared with the reference."""

    predictions: Annotated[bool, Field(description="The model's answers.")] = True
    features: Annotated[
        Literal["all"] | tuple[str, ...], Field(description="The inputs: all, or a list of columns.")
    ] = "all"
    target: Annotated[bool, Field(description="The true outcomes; needs labels.")] = False


class Correction(Part):
    """How looking at many columns at once is paid for."""

    method: Annotated[
        Literal["bh", "holm", "none"],
        Field(
            description="Benjamini-Hochberg for a list of columns, Holm where one alarm blocks something, or nothing."
        ),
    ] = "bh"
    alpha: Annotated[float, Field(gt=0, lt=0.5, description="Level after the correction.")] = 0.05


class AlarmRule(Part):
    """How many of the latest windows must show it before it is an alarm."""

    of: Annotated[int, Field(ge=1, le=100, description="How many windows are looked back on.")] = 3
    at_least: Annotated[int, Field(ge=1, description="In how many of them it must show.")] = 2


class Labels(Part):
    """True outcomes that arrive later."""

    maturity: Annotated[Duration, Field(description="Age from which a row's outcome is known.", examples=["30d"])]
    min_coverage: Annotated[Share, Field(description="Share of the mature rows that must have an outcome.")] = 0.95


class Performance(Part):
    """How good the model must stay."""

    metric: Annotated[str, Field(min_length=1, description="Name of the metric.", examples=["roc_auc"])]
    margin: Annotated[
        float,
        Field(gt=0, description="How much worse than the locked test metric it may be, in the metric's own unit."),
    ]


class Monitoring(Spec):
    """Describes what is watched in production, when it is an alarm, who hears it, and when a new model is trained."""

    kind: Literal["Monitoring"]
    windows: Annotated[Windows, Field(description="How the traffic is cut.")] = Windows.model_construct()
    watch: Annotated[Watch, Field(description="What is compared with the reference.")] = Watch.model_construct()
    detectors: Annotated[
        dict[Name, Annotated[Detector, Field(discriminator="kind")]],
        Field(
            min_length=1,
            description="What is asked about each window, by name. When left out: numeric, categorical, missing, "
            "unseen and predictions, each with its defaults.",
        ),
    ] = DETECTORS
    correction: Annotated[Correction, Field(description="Correction for many columns.")] = Correction.model_construct()
    rule: Annotated[AlarmRule, Field(description="How many windows make an alarm.")] = AlarmRule.model_construct()
    labels: Annotated[Labels | None, Field(description="True outcomes that arrive later; none when left out.")] = None
    performance: Annotated[Performance | None, Field(description="How good the model must stay.")] = None
    alerts: Annotated[Alerts, Field(description="Who hears an alarm.")] = Alerts.model_construct()
    retrain: Annotated[Retrain, Field(description="When a new model is trained.")] = Retrain.model_construct()

    @model_validator(mode="after")
    def _rules_hold(self) -> "Monitoring":
        return hold(self, RULES)


def _windows_fit(spec: Monitoring) -> Iterator[Finding]:
    """A step is in the unit of size and not above it; a window of rows can hold min_rows, and has no season."""
    windows = spec.windows
    size, step = windows.size, windows.step_or_size()
    if isinstance(size, str) and isinstance(step, str):
        if seconds(size) <= 0 or seconds(step) <= 0:
            field = "size" if seconds(size) <= 0 else "step"
            message = f"windows.{field} is {windows.size if field == 'size' else step}: a window lasts longer than that"
            yield Finding(("windows", field), "empty-window", message, "for example: 1d")
        elif seconds(step) > seconds(size):
            message = f"step {step} is longer than size {size}: the time between would be skipped"
            yield Finding(("windows", "step"), "step-skips", message, "lower step, or raise size")
    elif isinstance(size, int) and isinstance(step, int):
        if step > size:
            message = f"step {step} is more than size {size}: the rows between would be skipped"
            yield Finding(("windows", "step"), "step-skips", message, "lower step, or raise size")
        if size < windows.min_rows:
            message = f"a window of {size} rows never reaches min_rows {windows.min_rows}"
            at = ("windows", written(windows, "size", "min_rows"))
            yield Finding(at, "window-too-small", message, "raise size, or lower min_rows")
    else:
        message = f"step {step} and size {size} are in different units"
        yield Finding(("windows", "step"), "mixed-units", message, "give both as durations, or both as rows")
    if isinstance(size, int) and windows.season != "none":
        message = f"season {windows.season} needs windows of a duration, size is {size} rows"
        yield Finding(("windows", "season"), "season-of-rows", message, "for example: size: 1d")


def _thresholds_are_reachable(spec: Monitoring) -> Iterator[Finding]:
    """A threshold is not above the largest effect its detector can measure."""
    for name, detector in spec.detectors.items():
        effect = getattr(detector, "effect", None)
        threshold = getattr(detector, "threshold", None)
        if effect in LARGEST and threshold is not None and threshold >= LARGEST[effect]:
            message = f'threshold {threshold} of "{name}" is never reached: {effect} stays below {LARGEST[effect]:g}'
            yield Finding(("detectors", name, "threshold"), "threshold-unreachable", message, "for example: 0.1")


def _rule_is_possible(spec: Monitoring) -> Iterator[Finding]:
    """at_least is at most of."""
    if spec.rule.at_least > spec.rule.of:
        message = f"at_least {spec.rule.at_least} is more than the {spec.rule.of} windows looked back on"
        at = ("rule", written(spec.rule, "at_least", "of"))
        yield Finding(at, "rule-impossible", message, "lower at_least, or raise of")


def _labels_are_declared(spec: Monitoring) -> Iterator[Finding]:
    """Concept and performance detectors, performance triggers, performance and watch.target need labels."""
    if spec.labels is not None:
        return
    needy: list[tuple[Path, str]] = [
        (("detectors", name), f'detector "{name}"')
        for name, detector in spec.detectors.items()
        if detector.kind in {"concept", "performance"}
    ]
    if spec.performance is not None:
        needy.append((("performance",), "performance"))
    if spec.watch.target:
        needy.append((("watch", "target"), "watch.target"))
    for at, what in needy:
        yield Finding(at, "needs-labels", f"{what} needs labels", "add labels: {maturity: 30d}")


def _performance_is_declared(spec: Monitoring) -> Iterator[Finding]:
    """Performance detectors and triggers need performance: a metric and its margin."""
    if spec.performance is not None:
        return
    hint = "add performance: {metric: roc_auc, margin: 0.02}"
    for name, detector in spec.detectors.items():
        if detector.kind == "performance":
            yield Finding(("detectors", name), "needs-performance", f'detector "{name}" needs performance', hint)
    for position, trigger in enumerate(spec.retrain.triggers):
        if isinstance(trigger, PerformanceTrigger):
            message = f"retrain trigger {position + 1} needs performance"
            yield Finding(("retrain", "triggers", position), "needs-performance", message, hint)


def _named_detectors_exist(spec: Monitoring) -> Iterator[Finding]:
    """Routes and drift triggers name detectors that are declared."""
    known = list(spec.detectors)
    named: list[tuple[Path, str]] = [
        (("alerts", "routes", position, "detectors", index), name)
        for position, route in enumerate(spec.alerts.routes)
        for index, name in enumerate(route.detectors or ())
    ]
    named += [
        (("retrain", "triggers", position, "detectors", index), name)
        for position, trigger in enumerate(spec.retrain.triggers)
        if isinstance(trigger, DriftTrigger)
        for index, name in enumerate(trigger.detectors or ())
    ]
    for at, name in named:
        if name not in known:
            yield Finding(at, "unknown-detector", f'detector "{name}" is not declared', f"one of: {', '.join(known)}")


def _cooldowns_outlast_windows(spec: Monitoring) -> Iterator[Finding]:
    """A cooldown that is given is at least one step of the windows, where those are durations."""
    step = spec.windows.step_or_size()
    if not isinstance(step, str):
        return
    cooldowns: list[tuple[Path, str]] = [
        (("alerts", "routes", position, "cooldown"), route.cooldown)
        for position, route in enumerate(spec.alerts.routes)
        if "cooldown" in route.model_fields_set
    ]
    if "cooldown" in spec.retrain.model_fields_set:
        cooldowns.append((("retrain", "cooldown"), spec.retrain.cooldown))
    for at, cooldown in cooldowns:
        if seconds(cooldown) < seconds(step):
            message = f"cooldown {cooldown} is shorter than the {step} from one window to the next: it never acts"
            yield Finding(at, "cooldown-too-short", message, f"at least {step}")


def _ages_outlast_cooldown(spec: Monitoring) -> Iterator[Finding]:
    """A model's age limit is longer than the cooldown between two trainings."""
    for position, trigger in enumerate(spec.retrain.triggers):
        if isinstance(trigger, AgeTrigger) and seconds(trigger.older_than) < seconds(spec.retrain.cooldown):
            message = f"older_than {trigger.older_than} is shorter than the cooldown {spec.retrain.cooldown}"
            at = ("retrain", "triggers", position, "older_than")
            yield Finding(at, "age-below-cooldown", message, "raise older_than, or lower cooldown")


RULES = (
    _windows_fit,
    _thresholds_are_reachable,
    _rule_is_possible,
    _labels_are_declared,
    _performance_is_declared,
    _named_detectors_exist,
    _cooldowns_outlast_windows,
    _ages_outlast_cooldown,
)
