"""Compare the present evidence with what the lock of an earlier revision says."""

from collections.abc import Mapping
from typing import Any, Literal

from mlops_runner.evaluate.metrics.names import METRICS
from mlops_runner.lock.model import Lock, Stage
from mlops_runner.reports.since import GateChange, MetricChange, Since
from mlops_runner.reports.weighting import WEIGHT, reweighted

SIDES = ("test", "validation", "train")
ABSENT = "absent"


def since(revision: str, old: Lock, new: Lock, evidence: Mapping[str, Any]) -> Since | None:
    """Compare the winner with the one that a revision's lock names, on the last side there is; None if it names none.

    A metric is worse, or better, when its old value lies outside the interval of the new one. That is a coarse test:
    for one with a stated error rate, name the old model as the champion.
    """
    before = old.stages.get("evaluate")
    if before is None:
        return None
    winner = evidence["winner"]
    side = next(name for name in SIDES if name in evidence["metrics"][winner])
    same = _rows(old, side) is not None and _rows(old, side) == _rows(new, side)
    note = reweighted(before.params.get(WEIGHT), evidence.get("weight"))
    numbers = evidence["metrics"][winner][side]
    bounds = ((evidence.get("intervals") or {}).get("metrics", {})).get(winner, {}).get(side, {})
    listed = [name for name in evidence.get("order", numbers) if name in numbers]
    metrics = tuple(
        _metric(name, side, before, numbers[name], bounds.get(name, {}), same=same and not note) for name in listed
    )
    return Since(revision, str(before.metrics.get("winner")), winner, same, metrics, _gates(before, evidence), note)


def _rows(lock: Lock, side: str) -> str | None:
    """Return the digest of the rows of a side."""
    stage = lock.stages.get("data")
    outputs = stage.outputs if stage else {}
    return next((output.sha256 for path, output in outputs.items() if path.endswith(f"/{side}.parquet")), None)


def _metric(
    name: str, side: str, before: Stage, now: float | None, bounds: Mapping[str, Any], *, same: bool
) -> MetricChange:
    found = before.metrics.get(f"{side}.{name}")
    then = float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
    interval = (bounds["low"], bounds["high"]) if "low" in bounds else None
    if then is None or now is None or interval is None or not same:
        verdict: Literal["better", "alike", "worse", "unknown"] = "unknown"
    elif interval[0] <= then <= interval[1]:
        verdict = "alike"
    else:
        verdict = "better" if (now > then) == (METRICS[name].better == "higher") else "worse"
    return MetricChange(f"{side}.{name}", then, now, interval, verdict)


def _gates(before: Stage, evidence: Mapping[str, Any]) -> tuple[GateChange, ...]:
    now = {gate["name"]: gate["answer"] for gate in evidence["gates"]}
    names = sorted(now.keys() | before.gates.keys())
    changes = (GateChange(name, str(before.gates.get(name, ABSENT)), now.get(name, ABSENT)) for name in names)
    return tuple(change for change in changes if change.then != change.now)
