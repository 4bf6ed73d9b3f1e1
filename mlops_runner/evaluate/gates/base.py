"""The table that binds every kind of gate to the function that judges it, and the one way to call them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from mlops_runner.evaluate.gates import champion, fairness, limits, robustness, slices, stability
from mlops_runner.evaluate.gates.values import Finding, GateVerdict, verdict_of
from mlops_runner.evaluate.measured import Measured
from mlops_runner.specs.evaluation_gates import Gate

# (name of the gate, the gate, what was measured) -> what it found
Judge: TypeAlias = Callable[[str, Any, Measured], Finding]

# The gate of latency is not here: a time is no evidence.
JUDGES: Mapping[str, Judge] = {
    "absolute": limits.absolute,
    "baseline": limits.baseline,
    "calibration": limits.calibration,
    "champion": champion.champion,
    "fairness": fairness.fairness,
    "robustness": robustness.robustness,
    "size": limits.size,
    "slices": slices.slices,
    "stability": stability.stability,
}


def judge(name: str, gate: Gate, known: Measured) -> GateVerdict:
    """Judge one gate on rounded numbers, so that a reader of the numbers comes to the same answer."""
    return verdict_of(name, gate, JUDGES[gate.kind](name, gate, known))
