"""The gate of robustness: how much a metric suffers on perturbed rows."""

import numpy as np

from mlops_runner.evaluate.gates.values import Finding, Limit, number, unmeasured
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import Unmeasured, sample_on
from mlops_runner.specs.evaluation_gates import RobustnessGate


def robustness(name: str, gate: RobustnessGate, known: Measured) -> Finding:
    """Compare the mean drop over the repeats with the largest one allowed."""
    limit, options = Limit("max", gate.max_drop), known.options
    whole = known.value(Cell(known.winner, gate.split, None, gate.metric))
    if isinstance(whole, Unmeasured):
        return unmeasured(gate.metric, whole, str(limit))
    scores = known.extras.perturbed(known.winner, name)
    if isinstance(scores, Unmeasured):
        return unmeasured(f"{gate.metric} on perturbed rows", scores, str(limit))
    side, cut = known.sides[gate.split], known.thresholds.get(known.winner)
    found = [measure(gate.metric, sample_on(options.reading, side, one, cut)) for one in scores]
    lost = next((value for value in found if isinstance(value, Unmeasured)), None)
    if lost is not None:
        return unmeasured(f"{gate.metric} on perturbed rows", lost, str(limit))
    digits = options.evaluation.digits
    values = np.array(found, dtype=np.float64)
    mean = round(float(values.mean()), digits) + 0.0
    drop = round(whole - mean if better(gate.metric) == "higher" else mean - whole, digits) + 0.0
    spread = f" (mean of {len(values)}, {number(_short(values.min()))} to {number(_short(values.max()))})"
    text = (
        f"{gate.metric} {number(mean)}{spread if len(values) > 1 else ''} with {_words(gate)}, {number(whole)} without"
    )
    return Finding("pass" if limit.holds(drop) else "fail", drop, str(limit), f"{text}: drop {limit.compared(drop)}")


def _short(value: float) -> float:
    return round(float(value), 4) + 0.0


def _words(gate: RobustnessGate) -> str:
    done = gate.perturbation
    match done.kind:
        case "noise":
            return f"noise of {done.sd:g} sd"
        case "shift":
            return f"a shift of {done.sd:+g} sd"
        case "missing":
            return f"{100 * done.share:g} % missing"
        case "unseen":
            return f"{100 * done.share:g} % unseen categories"
