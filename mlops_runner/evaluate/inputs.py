"""What an assessment demands of its arrays; everything that is wrong is reported at once."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.evaluate.metrics.names import known_metrics
from mlops_runner.evaluate.values import BASELINE, CHAMPION, Options, Side
from mlops_runner.specs.evaluation_gates import FairnessGate, Gate, MetricGate, SideGate, SlicesGate
from mlops_runner.specs.evaluation_threshold import FixedRule
from mlops_runner.specs.task import DECIDED_BY_THRESHOLD

Scores = Mapping[str, Mapping[str, NDArray[Any]]]


def wanted_metrics(options: Options) -> tuple[str, ...]:
    """Return the metrics to compute: those listed, then those that selection and gates need on top, each once."""
    extra = [gate.metric for gate in options.evaluation.gates.values() if isinstance(gate, MetricGate)]
    return tuple(dict.fromkeys([*options.evaluation.metrics, options.select.metric, *extra]))


def check_inputs(options: Options, sides: Mapping[str, Side], scores: Scores) -> None:
    """Refuse what cannot be assessed. Raises InvalidInput with every complaint."""
    found = [
        *_metric_complaints(options),
        *_side_complaints(options, sides),
        *_score_complaints(options, sides, scores),
    ]
    if found:
        raise InvalidInput(found)


def _metric_complaints(options: Options) -> Iterator[Diagnostic]:
    known = known_metrics(options.task)
    for metric in wanted_metrics(options):
        if metric not in known:
            hint = f"known are: {', '.join(sorted(known))}"
            yield Diagnostic("unknown-metric", f'metric "{metric}" is not known for a {options.task} task', hint=hint)


def _side_complaints(options: Options, sides: Mapping[str, Side]) -> Iterator[Diagnostic]:
    rule = options.evaluation.threshold
    needed: dict[str, str] = {options.select.split: "the winner is selected on it"}
    gates = options.evaluation.gates.items()
    needed |= {gate.split: f'gate "{name}" is measured on it' for name, gate in gates if isinstance(gate, SideGate)}
    if options.task in DECIDED_BY_THRESHOLD and rule is not None and not isinstance(rule, FixedRule):
        needed[rule.split] = "the threshold is chosen on it"
    for name, why in needed.items():
        if name not in sides:
            yield Diagnostic("side-missing", f'the split has no side "{name}", but {why}', hint="name another split")
    for side in sides.values():
        yield from _target_complaints(options, side)
    for name, gate in gates:
        for part in slices_of(gate):
            if part not in options.evaluation.slices:
                yield Diagnostic("unknown-slice", f'gate "{name}" is on slice "{part}", which is not declared')
        if isinstance(gate, FairnessGate) and gate.split in sides and name not in sides[gate.split].groups:
            yield Diagnostic("groups-missing", f'side "{gate.split}" has no groups for gate "{name}"')


def slices_of(gate: Gate) -> tuple[str, ...]:
    """Return the slices that a gate names."""
    if isinstance(gate, SlicesGate):
        return gate.slices
    part = getattr(gate, "slice", None)
    return () if part is None else (part,)


def _target_complaints(options: Options, side: Side) -> Iterator[Diagnostic]:
    size = {"binary": 2, "multilabel": 2, "multiclass": len(options.classes)}.get(options.task)
    if size is not None and len(side.target) and not np.isin(side.target, np.arange(size)).all():
        yield Diagnostic("target-unknown", f'side "{side.name}" has targets outside the {size} classes')
    if size is None and not np.isfinite(side.target).all():
        yield Diagnostic("target-not-finite", f'side "{side.name}" has targets that are not finite numbers')
    if options.task == "ranking" and (side.queries is None or side.queries.shape != side.target.shape):
        yield Diagnostic("queries-missing", f'side "{side.name}" has no query for its rows')
    for name in options.evaluation.slices:
        if name not in side.slices or side.slices[name].shape != side.target.shape[:1]:
            yield Diagnostic("slice-missing", f'side "{side.name}" has no rows marked for slice "{name}"')


def _score_complaints(options: Options, sides: Mapping[str, Side], scores: Scores) -> Iterator[Diagnostic]:
    if BASELINE not in scores or not scores.keys() - {BASELINE, CHAMPION}:
        yield Diagnostic("scores-missing", "a baseline and at least one candidate are needed")
    for model, by_side in scores.items():
        for name, side in sides.items():
            if name not in by_side:
                yield Diagnostic("scores-missing", f'model "{model}" has no scores for side "{name}"')
            else:
                yield from _array_complaints(options, f'scores of "{model}" for side "{name}"', by_side[name], side)


def _array_complaints(options: Options, what: str, scores: NDArray[Any], side: Side) -> Iterator[Diagnostic]:
    rows = len(side.target)
    shape = (rows, len(options.classes)) if options.task in {"multiclass", "multilabel"} else (rows,)
    if np.shape(scores) != shape:
        yield Diagnostic("scores-shape", f"{what} have shape {np.shape(scores)}, expected {shape}")
    elif not np.isfinite(np.asarray(scores, dtype=np.float64)).all():
        yield Diagnostic("scores-not-finite", f"{what} contain NaN or infinity", hint="impute missing values")
