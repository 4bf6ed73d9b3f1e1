"""The gate against the champion: superiority or non-inferiority, by the paired bootstrap or by McNemar's test."""

import math

import numpy as np

from mlops_runner.evaluate.bootstrap.intervals import MOST_UNMEASURED
from mlops_runner.evaluate.gates.limits import against
from mlops_runner.evaluate.gates.values import Finding, number, unmeasured
from mlops_runner.evaluate.measured import NO_INTERVALS, Measured
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import CHAMPION, Floats, Mask, Unmeasured
from mlops_runner.specs.evaluation_gates import ChampionGate

MOST_SUMMED = 1000


def champion(name: str, gate: ChampionGate, known: Measured) -> Finding:
    """Say whether the winner is shown to be better than the champion, or not worse by the margin."""
    del name
    cell = Cell(known.winner, gate.split, gate.slice, gate.metric)
    other = Cell(CHAMPION, gate.split, gate.slice, gate.metric)
    text = against(known, cell, other)
    if isinstance(text, Finding):
        return text
    gain = known.gain(cell, other)
    assert not isinstance(gain, Unmeasured)
    text = f"{text} = {number(gain)}"
    return (
        _mcnemar(gate, known, text, gain) if gate.method == "mcnemar" else _bootstrap(gate, known, text, (cell, other))
    )


def _limit(gate: ChampionGate) -> float:
    """The gain that must be exceeded."""
    return (gate.margin if gate.test == "superiority" else -gate.margin) + 0.0


def _words(gate: ChampionGate) -> str:
    return f"champion {_limit(gate):+g}, alpha {gate.alpha:g}"


def _bootstrap(gate: ChampionGate, known: Measured, text: str, cells: tuple[Cell, Cell]) -> Finding:
    """Take the alpha quantile of the paired gains as the bound that the true gain exceeds with 1 - alpha confidence."""
    replicates = known.gain_replicates(*cells)
    if replicates is None:
        return unmeasured("the gain over the champion", Unmeasured(NO_INTERVALS), _words(gate))
    bound = lower_bound(replicates, gate.alpha)
    if isinstance(bound, Unmeasured):
        return unmeasured("the gain over the champion", bound, _words(gate))
    bound = round(bound, known.options.evaluation.digits) + 0.0
    limit, value = _limit(gate), known.value(cells[0])
    assert not isinstance(value, Unmeasured)
    passed = bound > limit
    sure = f"at least {number(bound)} with {number(round(100 * (1 - gate.alpha), 6))} % confidence"
    sentence = f"{text}, {sure} {'>' if passed else '<='} {number(limit)}"
    return Finding("pass" if passed else "fail", value, _words(gate), sentence)


def lower_bound(gains: Floats, alpha: float) -> float | Unmeasured:
    """Return the alpha quantile of the gains, if enough resamples could be measured."""
    known = gains[np.isfinite(gains)]
    if len(known) < (1 - MOST_UNMEASURED) * len(gains):
        return Unmeasured(f"{1 - len(known) / len(gains):.0%} of {len(gains)} resamples could not be measured")
    return float(np.quantile(known, alpha))


def _mcnemar(gate: ChampionGate, known: Measured, text: str, gain: float) -> Finding:
    better, worse, rows = discordant(known, gate.split, gate.slice)
    limit = _limit(gate)
    p = exact_p(better, worse) if limit == 0 else tango_p(better, worse, rows, limit)
    passed = p <= gate.alpha
    counts = f"right where the champion errs in {better} rows, wrong where it is right in {worse}"
    sentence = f"{text}: {counts}; p {p_text(p, gate.alpha)} {'<=' if passed else '>'} {number(gate.alpha)}"
    if limit:
        sentence += f" for a gain above {number(limit)}"
    return Finding("pass" if passed else "fail", gain, _words(gate), sentence)


def p_text(p: float, alpha: float) -> str:
    """Write a p by three digits, or as many as make its comparison with alpha true to the reader."""
    texts = (f"{p:.{digits}g}" for digits in range(3, 18))
    return next(text for text in texts if (float(text) <= alpha) == (p <= alpha))


def discordant(known: Measured, split: str, part: str | None) -> tuple[int, int, int]:
    """Count the rows only the winner decides rightly, those only the champion does, and all rows."""
    rows: Mask = (
        np.ones(len(known.sides[split].target), dtype=np.bool_) if part is None else known.sides[split].slices[part]
    )
    one, other = known.samples[known.winner][split], known.samples[CHAMPION][split]
    right, theirs = (one.target == one.decisions)[rows], (other.target == other.decisions)[rows]
    return int(np.sum(right & ~theirs)), int(np.sum(~right & theirs)), int(rows.sum())


def exact_p(better: int, worse: int) -> float:
    """Return the exact one-sided p of McNemar's test: P(at least `better` of the rows that differ), each with 1/2.

    Of very many rows the sum is that of the normal distribution to three digits, and is taken from it.
    """
    differing = better + worse
    if differing > MOST_SUMMED:
        return tango_p(better, worse, differing, 0.0)
    return float(sum(math.comb(differing, k) for k in range(better, differing + 1)) / 2**differing)


def tango_p(better: int, worse: int, rows: int, margin: float) -> float:
    """Return the one-sided p of a difference of paired shares above `margin` (Tango 1998, equations 7 to 9).

    Without a margin it is McNemar's statistic.
    """
    a = 2 * rows
    b = -better - worse + (2 * rows - better + worse) * margin
    c = -worse * margin * (1 - margin)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = rows * (2 * share + margin * (1 - margin))
    distance = better - worse - rows * margin
    if variance <= 0:
        return 0.0 if distance > 0 else 1.0
    return 0.5 * math.erfc(distance / math.sqrt(2 * variance))
