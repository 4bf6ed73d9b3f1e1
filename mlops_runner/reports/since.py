"""How the winner stands against the one of an earlier revision: metrics and gates, then and now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

SIGNS = {"better": "+", "alike": "=", "worse": "-", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric of the winner. verdict: whether the old value lies outside the new one's interval, and on which side."""

    name: str
    then: float | None
    now: float | None
    interval: tuple[float, float] | None
    verdict: Literal["better", "alike", "worse", "unknown"]


@dataclass(frozen=True, slots=True)
class GateChange:
    """A gate whose answer is another one now, or that is new or gone."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Since:
    """A comparison with a revision.

    same_rows: whether both were measured on the same rows; reweighted: how they are weighted otherwise, if they are.
    """

    revision: str
    then: str
    now: str
    same_rows: bool
    metrics: tuple[MetricChange, ...]
    gates: tuple[GateChange, ...]
    reweighted: str = ""

    @property
    def refused(self) -> tuple[str, ...]:
        """The metrics that are worse than chance alone would make them."""
        return tuple(change.name for change in self.metrics if change.verdict == "worse")


def since_text(since: Since) -> str:
    """Render a comparison for people."""
    return "\n".join(_lines(since))


def since_json(since: Since) -> dict[str, Any]:
    """Return a comparison as a JSON value."""
    metrics = [
        {
            "name": m.name,
            "then": m.then,
            "now": m.now,
            "interval": m.interval and list(m.interval),
            "verdict": m.verdict,
        }
        for m in since.metrics
    ]
    gates = [{"name": gate.name, "then": gate.then, "now": gate.now} for gate in since.gates]
    winners = {"then": since.then, "now": since.now}
    return {
        "revision": since.revision,
        "winner": winners,
        "same_rows": since.same_rows,
        "metrics": metrics,
        "gates": gates,
    }


def _lines(since: Since) -> Iterator[str]:
    winner = since.now if since.then == since.now else f"{since.then} → {since.now}"
    yield f"against {since.revision}: {winner}"
    width = max((len(change.name) for change in since.metrics), default=0)
    for change in since.metrics:
        yield f"  {SIGNS[change.verdict]} {change.name:<{width}}  {_numbers(change)}"
    for gate in since.gates:
        yield f"  gate {gate.name}: {gate.then} → {gate.now}"
    if not since.same_rows:
        yield "  the rows are others than then, so that differences say nothing about the model"
    elif since.reweighted:
        yield f"  {since.reweighted}"
    elif since.refused:
        yield f"  worse than chance alone would make it: {', '.join(since.refused)}"


def _numbers(change: MetricChange) -> str:
    interval = f" [{change.interval[0]:g}, {change.interval[1]:g}]" if change.interval else ""
    return f"{_number(change.then)} → {_number(change.now)}{interval}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
