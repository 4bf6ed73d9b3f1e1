"""The assessment: choose thresholds, measure every model, select the winner, judge the gates. Pure, deterministic."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.evaluate.assessment import Assessment
from mlops_runner.evaluate.bootstrap.intervals import Bounds
from mlops_runner.evaluate.bootstrap.replicates import Job, Replicates, interval_of, replicate
from mlops_runner.evaluate.curves.base import draw_curves
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.gates.base import JUDGES, judge
from mlops_runner.evaluate.gates.fairness import resampled_groups
from mlops_runner.evaluate.inputs import check_inputs, wanted_metrics
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.tables import Cell, Table, measure_side
from mlops_runner.evaluate.threshold import ChosenThreshold, choose_threshold, choose_thresholds
from mlops_runner.evaluate.values import (
    BASELINE,
    CHAMPION,
    UNRULED_THRESHOLD,
    Cut,
    Measurement,
    Options,
    Reading,
    Sample,
    Side,
    Unmeasured,
    sample_on,
)
from mlops_runner.specs.evaluation_threshold import FixedRule
from mlops_runner.specs.task import DECIDED_BY_THRESHOLD
from mlops_runner.specs.training import Select

Samples = Mapping[str, Mapping[str, Sample]]
NO_EXTRAS = Extras()


def assess(
    options: Options,
    sides: Mapping[str, Side],
    scores: Mapping[str, Mapping[str, NDArray[Any]]],
    extras: Extras = NO_EXTRAS,
) -> Assessment:
    """Assess the models: "baseline", at least one candidate, and "champion" if there is one.

    sides: by name of the side; scores: model -> side -> array, shaped (rows,), or (rows, classes or labels): the
    score of the positive class, the prediction of a regression, the score of a ranking. Each model is measured at
    its own threshold, so that the comparison with the baseline is fair; the champion's is the one it is in use with.
    Raises InvalidInput when the arrays do not fit, or when the winner or a threshold cannot be determined.
    """
    check_inputs(options, sides, scores)
    thresholds = thresholds_of(options.reading, sides, scores, extras)
    samples = samples_of(options.reading, sides, scores, thresholds)
    table = _measure_all(options, sides, samples)
    winner = select_winner(options.select, [model for model in scores if model not in (BASELINE, CHAMPION)], table)
    jobs = _jobs(options, sides, samples, table, winner, extras)
    replicates = {name: replicate(job, wanted_metrics(options)) for name, job in jobs.items()}
    cuts = {model: chosen.value for model, chosen in thresholds.items()}
    bounds = _bounds(jobs, replicates)
    known = Measured(options, extras, winner, sides, samples, cuts, table, replicates, bounds)
    gates = options.evaluation.gates.items()
    verdicts = tuple(judge(name, gate, known) for name, gate in gates if gate.kind in JUDGES)
    return Assessment(known, thresholds, verdicts, draw_curves(known, thresholds))


def _jobs(
    options: Options, sides: Mapping[str, Side], samples: Samples, table: Table, winner: str, extras: Extras
) -> dict[str, Job]:
    """Say what is resampled: every model on every side, and on slices those that are shown there."""
    intervals = options.evaluation.intervals
    if intervals is None:
        return {}
    seed = extras.seed if intervals.seed is None else intervals.seed
    sliced = tuple(model for model in (winner, BASELINE, CHAMPION) if model in samples)
    jobs = {}
    for name, side in sides.items():
        here = {model: by_side[name] for model, by_side in samples.items()}
        groups = resampled_groups(options, side, here[winner])
        jobs[name] = Job(options, intervals, seed, side, here, table, sliced, groups)
    return jobs


def _bounds(jobs: Mapping[str, Job], replicates: Mapping[str, Replicates]) -> dict[Cell, Bounds]:
    return {
        cell: interval_of(job, replicates[name], cell) for name, job in jobs.items() for cell in replicates[name].cells
    }


def thresholds_of(
    reading: Reading, sides: Mapping[str, Side], scores: Mapping[str, Mapping[str, NDArray[Any]]], extras: Extras
) -> dict[str, ChosenThreshold]:
    """Choose a threshold per model; none for tasks without one. The champion keeps its own. Raises InvalidInput."""
    if reading.task not in DECIDED_BY_THRESHOLD:
        return {}
    kept = extras.champion_threshold
    own = {CHAMPION: ChosenThreshold("fixed", kept)} if CHAMPION in scores and kept is not None else {}
    chosen = _chosen(reading, sides, {model: by_side for model, by_side in scores.items() if model not in own})
    return {model: own.get(model) or chosen[model] for model in scores}


def _chosen(
    reading: Reading, sides: Mapping[str, Side], scores: Mapping[str, Mapping[str, NDArray[Any]]]
) -> dict[str, ChosenThreshold]:
    rule = reading.rule
    if rule is None or isinstance(rule, FixedRule):
        one = UNRULED_THRESHOLD if rule is None else rule.value
        value: Cut = (one,) * len(reading.classes) if reading.task == "multilabel" else one
        return dict.fromkeys(scores, ChosenThreshold("fixed", value))
    found: dict[str, ChosenThreshold] = {}
    for model, by_side in scores.items():
        side, values = sides[rule.split], by_side[rule.split].astype("float64")
        target = side.target.astype("int64")
        if reading.task == "multilabel":
            found[model] = choose_thresholds(rule, reading.classes, target, values, side.weight)
            continue
        chosen = choose_threshold(rule, target, values, side.weight)
        if isinstance(chosen, Unmeasured):
            message = f'threshold rule {rule.rule} on side "{rule.split}": {chosen.reason}'
            raise InvalidInput(
                Diagnostic("threshold-unmeasured", message, hint="choose another split or rule", path="threshold")
            )
        found[model] = chosen
    return found


def samples_of(
    reading: Reading,
    sides: Mapping[str, Side],
    scores: Mapping[str, Mapping[str, NDArray[Any]]],
    thresholds: Mapping[str, ChosenThreshold],
) -> Samples:
    """Return what every model says of the rows of every side, decided at its threshold."""

    def sample(model: str, side: Side) -> Sample:
        cut = thresholds[model].value if model in thresholds else None
        return sample_on(reading, side, scores[model][side.name], cut)

    return {model: {name: sample(model, side) for name, side in sides.items()} for model in scores}


def _measure_all(options: Options, sides: Mapping[str, Side], samples: Samples) -> Table:
    metrics = wanted_metrics(options)
    table: dict[Cell, Measurement] = {}
    for model, by_side in samples.items():
        for name, sample in by_side.items():
            table |= measure_side(options, model, sides[name], sample, metrics)
    return table


def select_winner(select: Select, candidates: list[str], table: Table) -> str:
    """Return the best candidate; equal rounded values give the one declared first. Raises InvalidInput."""
    values: dict[str, float] = {}
    complaints = []
    for model in candidates:
        value = table[Cell(model, select.split, None, select.metric)]
        if isinstance(value, Unmeasured):
            message = f'{select.metric} of "{model}" on side "{select.split}" could not be measured: {value.reason}'
            complaints.append(Diagnostic("winner-unmeasured", message, hint="select by another metric or split"))
        else:
            values[model] = value
    if complaints:
        raise InvalidInput(complaints)
    best = max if select.direction == "maximize" else min
    return best(values, key=lambda model: values[model])
