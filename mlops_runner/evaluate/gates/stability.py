"""The gate of stability: how far a metric moves when the winner is trained again."""

from mlops_runner.digest import Json
from mlops_runner.evaluate.gates.values import Finding, Limit, number, unmeasured
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.refits import Refits
from mlops_runner.evaluate.tables import Cell, rounded
from mlops_runner.evaluate.values import Measurement, Unmeasured
from mlops_runner.specs.evaluation_gates import StabilityGate

UNUSED_SEED = "the trainer does not use the seed"


def stability(name: str, gate: StabilityGate, known: Measured) -> Finding:
    """Compare the distance between the largest and the smallest value with the largest one allowed."""
    del name
    limit, digits = Limit("max", gate.max_spread), known.options.evaluation.digits
    refits = known.extras.refits.get(known.winner)
    if refits is None:
        return unmeasured(f"the spread of {gate.metric}", Unmeasured("nothing was trained again"), str(limit))
    found = _values(gate, known, refits)
    lost = next(((at, value) for at, value in found if isinstance(value, Unmeasured)), None)
    details = tuple(_detail(at, value) for at, value in found)
    if lost is not None:
        what = f"seed {lost[0]}" if gate.over == "seeds" else f"the fit without fold {lost[0]}"
        finding = unmeasured(f"{gate.metric} of {what}", lost[1], str(limit))
        return Finding("unmeasured", None, str(limit), finding.comparison, details=details)
    values = [value for _, value in found if not isinstance(value, Unmeasured)]
    spread = round(max(values) - min(values), digits) + 0.0
    sentence = f"{gate.metric} {_words(gate, len(values))} from {number(min(values))} to {number(max(values))}"
    sentence += f": spread {limit.compared(spread)}"
    if gate.over == "seeds" and refits.alike and spread == 0:
        sentence += f"; {UNUSED_SEED}"
    return Finding("pass" if limit.holds(spread) else "fail", spread, str(limit), sentence, details=details)


def _values(gate: StabilityGate, known: Measured, refits: Refits) -> list[tuple[int | float, Measurement]]:
    """Return the value of each training; among the seeds the winner itself, which has the first of them."""
    digits = known.options.evaluation.digits
    fits = [(fit.at, rounded(fit.value(gate.split, gate.metric), digits)) for fit in refits.over(gate.over)]
    if gate.over == "folds":
        return fits
    own = known.value(Cell(known.winner, gate.split, None, gate.metric))
    return [(known.extras.seed, own), *fits[: gate.seeds - 1]]


def _words(gate: StabilityGate, fits: int) -> str:
    return f"over {fits} seeds" if gate.over == "seeds" else f"of {fits} fits without one fold each"


def _detail(at: int | float, value: Measurement) -> dict[str, Json]:
    return {"at": at, "value": None if isinstance(value, Unmeasured) else value}
