"""The gate on slices: every one must reach a number, or be not far below the whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_runner.evaluate.gates.values import Answer, Finding, Limit, Number, brackets, decide, number, unmeasured
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.tables import Cell, slice_rows
from mlops_runner.evaluate.values import Unmeasured
from mlops_runner.specs.evaluation_gates import SlicesGate


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    rows: int
    finding: Finding


def slices(name: str, gate: SlicesGate, known: Measured) -> Finding:
    """Judge every slice; the sentence is about the worst, and says how many there are.

    All slices must pass, so that no correction for their number is needed: a bad slice does not get more chances.
    """
    del name
    names = gate.slices or tuple(known.options.evaluation.slices)
    limit = _limit(gate)
    if not names:
        return unmeasured(gate.metric, Unmeasured("no slices are declared"), str(limit))
    found = [_judge(part, gate, limit, known) for part in names]
    worst = _worst(found, limit)
    answers = [one.finding.answer for one in found]
    answer: Answer = "fail" if "fail" in answers else "unmeasured" if "unmeasured" in answers else "pass"
    sentence = f'on "{worst.name}" ({worst.rows:,} rows) {worst.finding.comparison}'
    if len(found) > 1:
        sentence += f"; {_count(answers)}"
    details = tuple(
        {
            "slice": one.name,
            "rows": one.rows,
            "answer": one.finding.answer,
            "value": one.finding.value,
            "interval": [one.finding.interval.low, one.finding.interval.high] if one.finding.interval else None,
        }
        for one in found
    )
    return Finding(answer, worst.finding.value, str(limit), sentence, worst.finding.interval, details)


def _limit(gate: SlicesGate) -> Limit:
    if gate.min is not None:
        return Limit("min", gate.min)
    largest = gate.max if gate.max is not None else gate.max_drop
    assert largest is not None
    return Limit("max", largest)


def _judge(part: str, gate: SlicesGate, limit: Limit, known: Measured) -> _Found:
    rows = slice_rows(known.sides[gate.split], part)
    cell, whole = (Cell(known.winner, gate.split, where, gate.metric) for where in (part, None))
    value, overall = known.value(cell), known.value(whole)
    if rows < gate.min_rows:
        value = Unmeasured(f"{rows} rows < {gate.min_rows}")
    if isinstance(value, Unmeasured):
        return _Found(part, rows, unmeasured(gate.metric, value, str(limit)))
    if gate.max_drop is None:
        return _Found(part, rows, decide(Number(gate.metric, value, known.interval(cell)), limit, gate.decide_on))
    if isinstance(overall, Unmeasured):
        return _Found(part, rows, unmeasured(f"{gate.metric} of all rows", overall, str(limit)))
    drop = known.gain(whole, cell)
    assert not isinstance(drop, Unmeasured)
    text = f"{gate.metric} {number(value)}{brackets(known.interval(cell))}, {number(overall)} on all rows: drop"
    return _Found(part, rows, decide(Number(text, drop, known.gain_interval(whole, cell)), limit, gate.decide_on))


def _worst(found: list[_Found], limit: Limit) -> _Found:
    """A failing slice before an unmeasured one before the others, and of equals the value nearest to failing."""
    order = {"fail": 0, "unmeasured": 1, "pass": 2}

    def rank(one: _Found) -> tuple[int, float]:
        value = one.finding.value or 0.0
        return order[one.finding.answer], value if limit.side == "min" else -value

    return min(found, key=rank)


def _count(answers: Sequence[str]) -> str:
    words = [(answers.count("fail"), "fail"), (answers.count("unmeasured"), "could not be measured")]
    said = [f"{number_} of {len(answers)} slices {word}" for number_, word in words if number_]
    return ", ".join(said) or f"all {len(answers)} slices pass"
