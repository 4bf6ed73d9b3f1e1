"""The gate of fairness: rates of the winner's decisions, compared between groups of rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio
from mlops_runner.evaluate.bootstrap.values import Counts
from mlops_runner.evaluate.gates.values import Finding, Limit, Number, decide, number, unmeasured
from mlops_runner.evaluate.measured import NO_INTERVALS, Measured
from mlops_runner.evaluate.values import Floats, Groups, Integers, Options, Sample, Side, Unmeasured
from mlops_runner.evaluate.weights import shares
from mlops_runner.specs.evaluation_gates import FairnessGate


@dataclass(frozen=True, slots=True)
class Rate:
    """A share per group. part, of: places in the sums of a group (`SUMS`)."""

    name: str
    part: int
    of: int


# Sums per group: rows, positives, negatives, decided positive, found positives, false alarms.
SUMS = 6
SELECTION, RECALL = Rate("share decided positive", 3, 0), Rate("recall", 4, 1)
FALSE_ALARMS, PRECISION = Rate("false positive rate", 5, 2), Rate("precision", 4, 3)
RATES = {
    "demographic_parity": (SELECTION,),
    "equal_opportunity": (RECALL,),
    "equalized_odds": (RECALL, FALSE_ALARMS),
    "predictive_parity": (PRECISION,),
}


def fairness(name: str, gate: FairnessGate, known: Measured) -> Finding:
    """Compare the groups that have enough rows; the worst rate decides, and the sentence names its two groups."""
    side = known.sides[gate.split]
    limit = Limit("max", gate.max_difference) if gate.max_difference is not None else Limit("min", gate.min_ratio or 0)
    groups = side.groups[name]
    sample = known.samples[known.winner][gate.split]
    sums, rows = _all_rows(groups, sample), _all_rows(groups, replace(sample, weight=None))
    rates = RATES[gate.criterion]
    enough = [(rows[:, rate.of] >= gate.min_rows) & (sums[:, rate.of] > 0) for rate in rates]
    kept = np.flatnonzero(np.all(enough, axis=0))
    details = tuple(_details(groups, sums, rows, rates, kept))
    if len(kept) < 2:
        reason = Unmeasured(f"{len(kept)} of {len(groups.names)} groups have {gate.min_rows} rows to take a rate of")
        return _with(unmeasured(f"{gate.criterion} of {gate.column}", reason, str(limit)), details)
    gaps = np.array([_gaps(sums[None, kept], rate, gate)[0] for rate in rates])
    if not np.isfinite(gaps).all():
        reason = Unmeasured("no group has a rate above 0")
        return _with(unmeasured(f"{gate.criterion} of {gate.column}", reason, str(limit)), details)
    at = int(np.argmax(gaps) if gate.max_difference is not None else np.argmin(gaps))
    value = round(float(gaps[at]), known.options.evaluation.digits) + 0.0
    text = _sentence(groups, sums, rates[at], kept, gate)
    replicates = known.replicates[gate.split].extra.get(name) if gate.split in known.replicates else None
    bounds = (
        Unmeasured(NO_INTERVALS) if replicates is None else known.percentiles(_worst(replicates[:, kept], rates, gate))
    )
    finding = decide(Number(text, value, bounds), limit, gate.decide_on)
    return _with(finding, details, len(groups.names) - len(kept), gate.min_rows)


def resampled_groups(options: Options, side: Side, sample: Sample) -> dict[str, Callable[[Counts], Floats]]:
    """Return what must be computed from the resamples of a side: the sums of the groups, per fairness gate on it."""
    gates = options.evaluation.gates.items()
    wanted = [name for name, gate in gates if gate.kind == "fairness" and gate.split == side.name]
    return {name: group_sums(side.groups[name], sample) for name in wanted}


def _all_rows(groups: Groups, sample: Sample) -> Floats:
    """Sum each row once; shape (groups, SUMS)."""
    every = np.ones((1, len(sample.target)), dtype=np.int64)
    return np.asarray(group_sums(groups, sample)(Counts(every, every.astype(np.float64)))[0])


def group_sums(groups: Groups, sample: Sample) -> Callable[[Counts], Floats]:
    """Return what sums a resample's rows per group, by their weight; shape (resamples, groups, SUMS)."""
    assert sample.decisions is not None
    positive, decided = sample.target == 1, sample.decisions == 1
    kinds = [np.ones_like(positive), positive, ~positive, decided, decided & positive, decided & ~positive]
    inside = groups.codes[:, None] == np.arange(len(groups.names))
    columns = np.concatenate([inside & kind[:, None] for kind in kinds], axis=1) * on_grid(sample.counted)[:, None]

    def measure(counts: Counts) -> Floats:
        sums = (counts.weights @ columns).reshape(len(counts.weights), SUMS, len(groups.names))
        return np.asarray(sums.transpose(0, 2, 1))

    return measure


def _gaps(sums: Floats, rate: Rate, gate: FairnessGate) -> Floats:
    """Return the largest difference or the smallest ratio of the groups, per resample; NaN if a rate has no rows."""
    found = ratio(sums[:, :, rate.part], sums[:, :, rate.of])
    high, low = found.max(axis=1), found.min(axis=1)
    return high - low if gate.max_difference is not None else ratio(low, high)


def _worst(sums: Floats, rates: tuple[Rate, ...], gate: FairnessGate) -> Floats:
    gaps = np.stack([_gaps(sums, rate, gate) for rate in rates])
    return np.asarray(gaps.max(axis=0) if gate.max_difference is not None else gaps.min(axis=0))


def _sentence(groups: Groups, sums: Floats, rate: Rate, kept: Integers, gate: FairnessGate) -> str:
    found = ratio(sums[kept, rate.part], sums[kept, rate.of])
    low, high = int(np.argmin(found)), int(np.argmax(found))
    one, two = (f"{number(round(float(found[at]), 4))} ({groups.names[kept[at]]})" for at in (high, low))
    word = "difference" if gate.max_difference is not None else "ratio"
    return f"{rate.name} by {gate.column}: {one} and {two}, {word}"


def _details(
    groups: Groups, sums: Floats, rows: Floats, rates: tuple[Rate, ...], kept: Integers
) -> Iterator[dict[str, Json]]:
    for at, name in enumerate(groups.names):
        found = {rate.name: round(float(shares(sums[at, rate.part], sums[at, rate.of])), 6) for rate in rates}
        counts = {f"rows of {rate.name}": int(rows[at, rate.of]) for rate in rates}
        yield {"group": name, "rows": int(rows[at, 0]), "compared": at in kept, **counts, **found}


def _with(finding: Finding, details: tuple[dict[str, Json], ...], left: int = 0, min_rows: int = 0) -> Finding:
    """Add the groups to a finding, and say how many were too small."""
    groups = "1 group has" if left == 1 else f"{left} groups have"
    note = f"; {groups} fewer than {min_rows} rows" if left else ""
    comparison = f"{finding.comparison}{note}"
    return Finding(finding.answer, finding.value, finding.limit, comparison, finding.interval, details)
