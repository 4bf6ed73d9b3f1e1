"""Gates: what the winner must reach. A gate passes, fails or could not be measured, and shows the numbers compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from mlops_runner.evaluate.metrics.names import better
from mlops_runner.evaluate.values import BASELINE, Measurement, Unmeasured
from mlops_runner.specs.evaluation import AbsoluteGate, BaselineGate, Gate

Answer = Literal["pass", "fail", "unmeasured"]

# (model, split, slice or None, metric) -> the rounded measurement
Lookup: TypeAlias = Callable[[str, str, str | None, str], Measurement]


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The answer of one gate. value and limit are the numbers compared; comparison is the sentence for people."""

    name: str
    kind: Literal["absolute", "baseline"]
    metric: str
    split: str
    slice: str | None
    answer: Answer
    value: float | None
    limit: str
    comparison: str
    unmeasured: Literal["fail", "warn"]

    @property
    def blocks(self) -> bool:
        """Whether the model is refused because of this gate."""
        return self.answer == "fail" or (self.answer == "unmeasured" and self.unmeasured == "fail")


@dataclass(frozen=True, slots=True)
class _Finding:
    answer: Answer
    value: float | None
    comparison: str


def judge(name: str, gate: Gate, winner: str, lookup: Lookup, digits: int) -> GateVerdict:
    """Judge one gate on measurements rounded to `digits`, so that a reader of the numbers comes to the same answer."""
    found = lookup(winner, gate.split, gate.slice, gate.metric)
    match gate:
        case AbsoluteGate():
            limit, finding = _limits(gate), _absolute(gate, found)
        case BaselineGate():
            limit = f"baseline {gate.margin:+g}"
            finding = _baseline(gate, found, lookup(BASELINE, gate.split, gate.slice, gate.metric), digits)
        case _:
            assert_never(gate)
    return GateVerdict(
        name,
        gate.kind,
        gate.metric,
        gate.split,
        gate.slice,
        finding.answer,
        finding.value,
        limit,
        finding.comparison,
        gate.unmeasured,
    )


def _limits(gate: AbsoluteGate) -> str:
    parts = [
        f">= {number(gate.min)}" if gate.min is not None else "",
        f"<= {number(gate.max)}" if gate.max is not None else "",
    ]
    return " and ".join(part for part in parts if part)


def _absolute(gate: AbsoluteGate, found: Measurement) -> _Finding:
    if isinstance(found, Unmeasured):
        return _unmeasured(gate.metric, found)
    text = f"{gate.metric} {number(found)}"
    if gate.min is not None and found < gate.min:
        return _Finding("fail", found, f"{text} < {number(gate.min)}")
    if gate.max is not None and found > gate.max:
        return _Finding("fail", found, f"{text} > {number(gate.max)}")
    return _Finding("pass", found, f"{text} {_limits(gate)}")


def _baseline(gate: BaselineGate, winner: Measurement, baseline: Measurement, digits: int) -> _Finding:
    """Compare the gain, which is positive when the winner is better, whichever way the metric improves."""
    if isinstance(winner, Unmeasured):
        return _unmeasured(gate.metric, winner)
    if isinstance(baseline, Unmeasured):
        return _unmeasured(f"baseline's {gate.metric}", baseline)
    higher = better(gate.metric) == "higher"
    gain = round(winner - baseline if higher else baseline - winner, digits)
    won, base = number(winner), f"{number(baseline)} (baseline)"
    text = f"{gate.metric} {won} - {base}" if higher else f"{gate.metric} {base} - {won}"
    sign, answer = (">=", "pass") if gain >= gate.margin else ("<", "fail")
    return _Finding(
        "pass" if answer == "pass" else "fail", winner, f"{text} = {number(gain)} {sign} {number(gate.margin)}"
    )


def _unmeasured(subject: str, found: Unmeasured) -> _Finding:
    return _Finding("unmeasured", None, f"{subject} could not be measured: {found.reason}")


def number(value: float) -> str:
    """Write a number the way specs and locks do: shortest form that reads back the same, without an idle `.0`."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)
