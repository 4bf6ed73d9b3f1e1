"""Gates that compare one number: with a limit, with the baseline, and the model's size."""

from mlops_runner.evaluate.gates.values import Finding, Limit, Number, decide, number, unmeasured
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import BASELINE, Unmeasured
from mlops_runner.specs.evaluation_gates import AbsoluteGate, BaselineGate, CalibrationGate, SizeGate


def absolute(name: str, gate: AbsoluteGate, known: Measured) -> Finding:
    """Compare a metric of the winner with numbers; the first limit that does not hold is the one that is named."""
    del name
    limits = [Limit("min", gate.min)] if gate.min is not None else []
    limits += [Limit("max", gate.max)] if gate.max is not None else []
    both = " and ".join(map(str, limits))
    cell = Cell(known.winner, gate.split, gate.slice, gate.metric)
    value = known.value(cell)
    if isinstance(value, Unmeasured):
        return unmeasured(gate.metric, value, both)
    found = Number(gate.metric, value, known.interval(cell))
    findings = [decide(found, limit, gate.decide_on) for limit in limits]
    worst = next((finding for finding in findings if finding.answer != "pass"), None)
    if worst is not None or len(findings) == 1:
        return worst or findings[0]
    return Finding("pass", value, both, f"{found} {both}", found.interval)


def calibration(name: str, gate: CalibrationGate, known: Measured) -> Finding:
    """Compare a calibration error of the winner with a number."""
    del name
    limit, cell = Limit("max", gate.max), Cell(known.winner, gate.split, gate.slice, gate.metric)
    value = known.value(cell)
    if isinstance(value, Unmeasured):
        return unmeasured(gate.metric, value, str(limit))
    return decide(Number(gate.metric, value, known.interval(cell)), limit, gate.decide_on)


def baseline(name: str, gate: BaselineGate, known: Measured) -> Finding:
    """Compare the winner's gain over the baseline with a margin."""
    del name
    limit = f"baseline {gate.margin:+g}"
    cell = Cell(known.winner, gate.split, gate.slice, gate.metric)
    other = Cell(BASELINE, gate.split, gate.slice, gate.metric)
    text = against(known, cell, other)
    if isinstance(text, Finding):
        return text
    gain = known.gain(cell, other)
    assert not isinstance(gain, Unmeasured)
    found = Number(f"{text} =", gain, known.gain_interval(cell, other))
    finding = decide(found, Limit("min", gate.margin), gate.decide_on)
    value = known.value(cell)
    assert not isinstance(value, Unmeasured)
    return Finding(finding.answer, value, limit, finding.comparison, finding.interval)


def against(known: Measured, cell: Cell, other: Cell) -> str | Finding:
    """Write a difference so that it is positive when the winner is better; or answer what could not be measured."""
    one, two = known.value(cell), known.value(other)
    if isinstance(one, Unmeasured):
        return unmeasured(cell.metric, one)
    if isinstance(two, Unmeasured):
        return unmeasured(f"{other.model}'s {cell.metric}", two)
    won, lost = number(one), f"{number(two)} ({other.model})"
    return f"{cell.metric} {won} - {lost}" if better(cell.metric) == "higher" else f"{cell.metric} {lost} - {won}"


def size(name: str, gate: SizeGate, known: Measured) -> Finding:
    """Compare the bytes of the winner's files with a number."""
    del name
    limit = Limit("max", gate.max_bytes)
    if known.winner not in known.extras.sizes:
        return unmeasured("size", Unmeasured("the model has no files"), str(limit))
    bytes_ = known.extras.sizes[known.winner]
    sentence = f"size {limit.compared(bytes_)} bytes"
    return Finding("pass" if limit.holds(bytes_) else "fail", float(bytes_), str(limit), sentence)
