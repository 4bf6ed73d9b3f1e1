"""The short verdict at the end of a run: who won, the numbers, the gates."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SIGNS = {"pass": "✓", "fail": "✗", "unmeasured": "?"}


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate: its answer, the numbers compared, and whether it stops the model."""

    name: str
    answer: str
    comparison: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run concluded. threshold: of several labels one for each, by name; winner: empty if nothing is trained."""

    pipeline: str
    winner: str
    metrics: Mapping[str, float]
    threshold: float | Mapping[str, float] | None
    gates: tuple[GateLine, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate stops the model."""
        return not any(gate.blocks for gate in self.gates)


class Settled(Protocol):
    """What the verdict needs to know of a step's result."""

    @property
    def name(self) -> str:
        """Name of the step."""

    @property
    def how(self) -> str:
        """unchanged, restored or ran."""

    @property
    def differs(self) -> tuple[str, ...]:
        """Outputs that are not what the lock had for the same key."""

    @property
    def confirmed(self) -> bool:
        """Whether it was executed and wrote what the lock had for the same key."""


def verdict_text(verdict: Verdict, results: Sequence[Settled], report: Path | None) -> str:
    """Render the verdict for people."""
    return "\n".join(_lines(verdict, results, report))


def verdict_json(verdict: Verdict, results: Sequence[Settled]) -> dict[str, Any]:
    """Return the verdict as a JSON value."""
    gates = [{"name": g.name, "answer": g.answer, "comparison": g.comparison} for g in verdict.gates]
    return {
        "pipeline": verdict.pipeline,
        "passed": verdict.passed,
        "winner": verdict.winner or None,
        "threshold": dict(verdict.threshold) if isinstance(verdict.threshold, Mapping) else verdict.threshold,
        "metrics": dict(verdict.metrics),
        "gates": gates,
        "steps": [{"name": r.name, "how": r.how, "differs": list(r.differs)} for r in results],
    }


def gates_text(verdict: Verdict) -> str:
    """Render the gates alone."""
    width = max((len(gate.name) for gate in verdict.gates), default=0)
    return "\n".join(f"  {SIGNS[gate.answer]} {gate.name:<{width}}  {gate.comparison}" for gate in verdict.gates)


def _lines(verdict: Verdict, results: Sequence[Settled], report: Path | None) -> Iterator[str]:
    yield ""
    yield from _evaluated(verdict) if verdict.winner else (f"DONE  {verdict.pipeline}",)
    yield ""
    yield from _settled(results)
    if report:
        yield f"  report: {report}"


def _evaluated(verdict: Verdict) -> Iterator[str]:
    answer = "PASS" if verdict.passed else "FAIL"
    numbers = "  ".join(f"{name} {value:g}" for name, value in verdict.metrics.items())
    yield f"{answer}  {verdict.pipeline}: {verdict.winner}   {numbers}"
    if isinstance(verdict.threshold, Mapping):
        cuts = verdict.threshold.values()
        yield f"      a label holds at a probability of its threshold or more, {min(cuts):g} to {max(cuts):g}"
    elif verdict.threshold is not None:
        yield f"      positive at a probability of {verdict.threshold:g} or more"
    if verdict.gates:
        yield gates_text(verdict)
    else:
        yield "  no gates are declared"


def results_text(results: Sequence[Settled]) -> str:
    """Say how many steps were executed, restored, or stayed."""
    counts = Counter(result.how for result in results)
    words = {"ran": "executed", "restored": "restored", "unchanged": "unchanged"}
    same = sum(result.confirmed for result in results)
    agreed = f" ({same} of them byte for byte as in pipeline.lock)" if same else ""
    return ", ".join(f"{counts[h]} {words[h]}{agreed if h == 'ran' else ''}" for h in words if counts[h])


def _settled(results: Sequence[Settled]) -> Iterator[str]:
    yield f"  {results_text(results)}"
    for result in results:
        if result.differs:
            files = ", ".join(result.differs)
            yield f"  ! {result.name}: {files} came out different from pipeline.lock under the same key"
