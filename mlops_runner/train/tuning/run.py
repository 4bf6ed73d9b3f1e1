"""The search itself: draw a batch, try it, tell what came of it, until the budget is spent."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.base import seconds
from mlops_runner.specs.training_search import Search
from mlops_runner.train.record import rounded
from mlops_runner.train.tuning.draw import source_of
from mlops_runner.train.tuning.memory import Memory
from mlops_runner.train.tuning.trial import Bench, Direction, Outcome, Trial

# A median of fewer trials gives up too early.
FEWEST_FOR_PRUNING = 5


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
    budget also on the machine. Raises StepFailed when no trial could be measured.
    """
    source = source_of(search, direction, seed)
    done: list[tuple[Trial, Outcome]] = []
    started = time.monotonic()
    while len(done) < search.trials and not (search.time and time.monotonic() - started > seconds(search.time)):
        drawn = source.draw(min(search.batch, search.trials - len(done)))
        if not drawn:
            break
        bounds = _bounds(search, [outcome for _, outcome in done])
        batch = [Trial(len(done) + index, params, bounds) for index, params in enumerate(drawn)]
        outcomes = _outcomes(batch, bench, memory)
        source.tell(outcomes)
        done += zip(batch, outcomes, strict=True)
        for trial, outcome in zip(batch, outcomes, strict=True):
            log(_line(trial, outcome))
    best, value = _best(direction, done)
    return Found(tuple(done), best, value, source.importance())


def _outcomes(batch: Sequence[Trial], bench: Bench, memory: Memory) -> list[Outcome]:
    known = {trial.number: found for trial in batch if (found := memory.recall(trial))}
    fresh = [trial for trial in batch if trial.number not in known]
    for trial, outcome in zip(fresh, bench.try_all(fresh), strict=True):
        memory.keep(trial, outcome)
        known[trial.number] = outcome
    return [known[trial.number] for trial in batch]


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
