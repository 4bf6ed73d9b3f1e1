"""The answer of a gate, and how its numbers are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mlops_runner.digest import Json
from mlops_runner.evaluate.bootstrap.intervals import Bounds, Interval
from mlops_runner.evaluate.values import Unmeasured
from mlops_runner.specs.evaluation_gates import Gate

Answer = Literal["pass", "fail", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found. value: the number compared; limit: with what; comparison: the sentence for people."""

    answer: Answer
    value: float | None
    limit: str
    comparison: str
    interval: Interval | None = None
    details: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The answer of one gate; metric, split and slice are None where a gate has none."""

    name: str
    kind: str
    metric: str | None
    split: str | None
    slice: str | None
    unmeasured: Literal["fail", "warn"]
    finding: Finding = field(repr=False)

    @property
    def answer(self) -> Answer:
        """Pass, fail, or could not measure."""
        return self.finding.answer

    @property
    def comparison(self) -> str:
        """The numbers compared, as a sentence."""
        return self.finding.comparison

    @property
    def blocks(self) -> bool:
        """Whether the model is refused because of this gate."""
        return self.answer == "fail" or (self.answer == "unmeasured" and self.unmeasured == "fail")

    def as_json(self) -> dict[str, Json]:
        """Return a plain JSON value."""
        interval = self.finding.interval
        return {
            "name": self.name,
            "kind": self.kind,
            "metric": self.metric,
            "split": self.split,
            "slice": self.slice,
            "answer": self.answer,
            "blocks": self.blocks,
            "value": self.finding.value,
            "interval": None if interval is None else [interval.low, interval.high],
            "limit": self.finding.limit,
            "comparison": self.comparison,
            "unmeasured": self.unmeasured,
            "details": list(self.finding.details),
        }


def verdict_of(name: str, gate: Gate, finding: Finding) -> GateVerdict:
    """Put a name to a finding."""
    metric = getattr(gate, "metric", None) or getattr(gate, "criterion", None)
    place = (getattr(gate, "split", None), getattr(gate, "slice", None))
    return GateVerdict(name, gate.kind, metric, *place, gate.unmeasured, finding)


def unmeasured(subject: str, found: Unmeasured, limit: str = "") -> Finding:
    """Answer that something could not be measured."""
    return Finding("unmeasured", None, limit, f"{subject} could not be measured: {found.reason}")


@dataclass(frozen=True, slots=True)
class Limit:
    """A number to be compared with: the value must be at least, or at most, this."""

    side: Literal["min", "max"]
    value: float

    @property
    def sign(self) -> str:
        """The relation that passes."""
        return ">=" if self.side == "min" else "<="

    def __str__(self) -> str:
        return f"{self.sign} {number(self.value)}"

    def holds(self, value: float) -> bool:
        """Say whether a value passes."""
        return value >= self.value if self.side == "min" else value <= self.value

    def compared(self, value: float) -> str:
        """Write the inequality that is true of a value."""
        opposite = "<" if self.side == "min" else ">"
        return f"{number(value)} {self.sign if self.holds(value) else opposite} {number(self.value)}"


@dataclass(frozen=True, slots=True)
class Number:
    """A measured value with its interval; text is how it came about, up to the value itself."""

    text: str
    value: float
    bounds: Bounds

    @property
    def interval(self) -> Interval | None:
        """The interval, if there is one."""
        return self.bounds if isinstance(self.bounds, Interval) else None

    def __str__(self) -> str:
        return f"{self.text} {number(self.value)}{brackets(self.bounds)}".strip()


def decide(found: Number, limit: Limit, decide_on: Literal["value", "interval"]) -> Finding:
    """Compare a value with a limit, or the end of its interval that is nearer to failing."""
    if decide_on == "value":
        answer: Answer = "pass" if limit.holds(found.value) else "fail"
        sign = limit.sign if answer == "pass" else limit.compared(found.value).split()[1]
        return Finding(answer, found.value, str(limit), f"{found} {sign} {number(limit.value)}", found.interval)
    interval = usable(found.bounds)
    if isinstance(interval, Unmeasured):
        return replace(unmeasured(f"the interval of {found.text} {number(found.value)}", interval), limit=str(limit))
    end, name = (interval.low, "lower") if limit.side == "min" else (interval.high, "upper")
    text = f"{found}: {name} end {limit.compared(end)}"
    return Finding("pass" if limit.holds(end) else "fail", found.value, str(limit), text, interval)


def usable(bounds: Bounds) -> Interval | Unmeasured:
    """Refuse an interval without width: that all resamples agree is a fact about few rows, not about the model."""
    if isinstance(bounds, Interval) and bounds.constant and bounds.method == "percentile":
        return Unmeasured(f"every resample gives {number(bounds.low)}")
    return bounds


def brackets(bounds: Bounds) -> str:
    """Write an interval behind its number; nothing where there is none."""
    return f" [{number(bounds.low)}, {number(bounds.high)}]" if isinstance(bounds, Interval) else ""


def number(value: float) -> str:
    """Write a number the way specs and locks do: shortest form that reads back the same, without an idle `.0`."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)
