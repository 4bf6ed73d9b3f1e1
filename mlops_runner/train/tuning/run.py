"""The search itself: draw a batch, try it, tell what came of it, until the budget is spent."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.base import seconds
from mlops_runner.specs.training_search import Search
from mlops_runner.train.record import rounded
from mlops_runner.train.tuning.draw import Source, source_of
from mlops_runner.train.tuning.memory import Memory
from mlops_runner.train.tuning.trial import Bench, Direction, Outcome, Trial

# A median of fewer trials gives up too early.
FEWEST_FOR_PRUNING = 5
# Fewer failed trials may be bad luck.
FEWEST_FAILED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """All trials in their order, the best of them, and how much each parameter mattered."""

    trials: tuple[tuple[Trial, Outcome], ...]
    best: Trial
    value: float
    importance: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return what is written into trials.json; times are left out: they differ from run to run."""
        return {
            "best": self.best.number,
            "importance": {name: rounded(value) for name, value in self.importance.items()},
            "trials": [_trial_json(trial, outcome) for trial, outcome in self.trials],
        }


def run_search(
    search: Search, direction: Direction, seed: int, bench: Bench, memory: Memory, log: Callable[[str], None]
) -> Found:
    """Search. What `memory` holds of an earlier, interrupted search is not tried again.

    The result depends on the search, the seed and the data, not on the number of workers of the bench; under a time
    budget also on the machine. Raises StepFailed when no trial could be measured, or too many have failed.
    """
    source = source_of(search, direction, seed)
    done: list[tuple[Trial, Outcome]] = []
    ends = time.monotonic() + seconds(search.time) if search.time else math.inf
    while batch := _batch(search, source, done, ends, bench, memory):
        source.tell([outcome for _, outcome in batch])
        done += batch
        for trial, outcome in batch:
            log(_line(trial, outcome))
        _refuse_failures(search, done)
    best, value = _best(direction, done)
    return Found(tuple(done), best, value, source.importance())


def _batch(
    search: Search, source: Source, done: Sequence[tuple[Trial, Outcome]], ends: float, bench: Bench, memory: Memory
) -> list[tuple[Trial, Outcome]]:
    """Try the next trials, and return them in their order; none when trials, points or time are used up."""
    bounds = _bounds(search, [outcome for _, outcome in done])
    tried: dict[int, tuple[Trial, Outcome]] = {}

    def fresh() -> Iterator[Trial]:
        for number in range(len(done), min(len(done) + search.batch, search.trials)):
            if time.monotonic() >= ends or (params := source.draw()) is None:
                return
            trial = Trial(number, params, bounds)
            if (known := memory.recall(trial)) is None:
                yield trial
            else:
                tried[number] = (trial, known)

    for trial, outcome in bench.try_all(fresh()):
        memory.keep(trial, outcome)
        tried[trial.number] = (trial, outcome)
    return [tried[number] for number in sorted(tried)]


def _refuse_failures(search: Search, done: Sequence[tuple[Trial, Outcome]]) -> None:
    """Raise StepFailed when more of the trials have failed than the search allows."""
    failed = [(trial, outcome) for trial, outcome in done if outcome.state == "failed"]
    if len(failed) < FEWEST_FAILED or len(failed) <= search.max_failed * len(done):
        return
    (reason, count), *others = Counter(outcome.reason for _, outcome in failed).most_common()
    first = next(trial for trial, outcome in failed if outcome.reason == reason)
    params = ", ".join(f"{name} {_short(value)}" for name, value in first.params.items())
    more = f" ({count} times, and {len(others)} other reasons)" if others else ""
    message = f"{len(failed)} of {len(done)} trials failed{more}, first with {params}: {reason}"
    hint = f"mend the trainer, narrow the space, or raise max_failed ({search.max_failed:g})"
    raise StepFailed(Diagnostic("failing-trials", message, hint=hint))


def _bounds(search: Search, outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    """Return the median of the means so far, fold by fold, of complete trials of earlier batches.

    Only earlier batches count, so that pruning does not depend on which trial of a batch ends first.
    """
    complete = [outcome.folds for outcome in outcomes if outcome.state == "complete"]
    if search.pruning == "none" or len(complete) < FEWEST_FOR_PRUNING:
        return ()
    folds = len(complete[0])
    return tuple(median(sum(found[: fold + 1]) / (fold + 1) for found in complete) for fold in range(folds))


def _best(direction: Direction, done: Sequence[tuple[Trial, Outcome]]) -> tuple[Trial, float]:
    """Return the best trial; equal values give the earlier one."""
    measured = [(trial, outcome.value) for trial, outcome in done if outcome.value is not None]
    if not measured:
        reason = next((outcome.reason for _, outcome in done if outcome.reason), "the time was over before the first")
        message = f"no trial of {len(done)} could be measured; the first said: {reason}"
        raise StepFailed(Diagnostic("no-trial", message, hint="narrow the space, or mend the trainer"))
    sign = 1 if direction == "maximize" else -1
    return max(measured, key=lambda pair: sign * pair[1])


def _line(trial: Trial, outcome: Outcome) -> str:
    value = f"{outcome.value:.6g}" if outcome.value is not None else outcome.reason or outcome.state
    params = "  ".join(f"{name} {_short(found)}" for name, found in trial.params.items())
    return f"trial {trial.number:>3}  {value:<12}  {params}"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _trial_json(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    value = None if outcome.value is None else rounded(outcome.value)
    folds = [rounded(found) for found in outcome.folds]
    found = {
        "number": trial.number,
        "state": outcome.state,
        "params": dict(trial.params),
        "value": value,
        "folds": folds,
    }
    return {**found, "reason": outcome.reason} if outcome.reason else found
