"""A batch of trials as fits that may end in any order: which one to start next, and what comes of each trial.

What comes of a trial depends on its own folds in their order alone, so it does not matter who does which fit when.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlops_runner.train.tuning.trial import Outcome, Trial


@dataclass(frozen=True, slots=True)
class Fit:
    """One fold of one trial."""

    trial: Trial
    fold: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fit: the metric on the rows held out, or why there is none."""

    value: float | None
    reason: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class _Course:
    """A trial that is not decided yet."""

    trial: Trial
    found: dict[int, Fitted] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)


class Batch:
    """Trials that are drawn one by one, when there is somebody to try them. sign: 1 where more is better, else -1."""

    def __init__(self, trials: Iterator[Trial], folds: int, sign: int) -> None:
        self._trials = trials
        self._folds = folds
        self._sign = sign
        self._open: dict[int, _Course] = {}
        self._drawn = False

    def next(self) -> Fit | None:
        """Return the fit to start now; None when there is none, whatever the others come to.

        A fold that is only needed if the trial is not given up before it comes last: it is for those with nothing else
        to do.
        """
        sure, likely = self._waiting()
        if sure is None and not self._drawn:
            trial = next(self._trials, None)
            self._drawn = trial is None
            if trial is not None:
                self._open[trial.number] = _Course(trial)
                sure = Fit(trial, 0)
        chosen = sure or likely
        if chosen:
            self._open[chosen.trial.number].started.add(chosen.fold)
        return chosen

    def _waiting(self) -> tuple[Fit | None, Fit | None]:
        """Return the first fit that is needed in any case, and the first that may be."""
        likely = None
        for course in self._open.values():
            for fold in range(self._folds):
                if fold in course.started:
                    continue
                before = [course.found.get(earlier) for earlier in range(fold)]
                if any(fitted is not None and fitted.value is None for fitted in before):
                    break
                if not course.trial.bounds or None not in before:
                    return Fit(course.trial, fold), likely
                likely = likely or Fit(course.trial, fold)
        return None, likely

    def tell(self, fit: Fit, fitted: Fitted) -> Outcome | None:
        """Take what came of a fit; return what came of its trial once that is known."""
        course = self._open.get(fit.trial.number)
        if course is None:
            return None
        course.found[fit.fold] = fitted
        outcome = judge(fit.trial, course.found, self._folds, self._sign)
        if outcome is not None:
            del self._open[fit.trial.number]
        return outcome

    @property
    def over(self) -> bool:
        """Whether all trials are drawn and decided."""
        return self._drawn and not self._open


def judge(trial: Trial, found: Mapping[int, Fitted], folds: int, sign: int) -> Outcome | None:
    """Say what comes of a trial, fold by fold in their order; None while a fold that counts is not there."""
    values: list[float] = []
    seconds = sum(fitted.seconds for fitted in found.values())
    for fold in range(folds):
        fitted = found.get(fold)
        if fitted is None:
            return None
        if fitted.value is None:
            return Outcome("failed", tuple(values), fitted.reason, seconds)
        values.append(fitted.value)
        if fold < folds - 1 and _is_hopeless(trial, values, sign):
            return Outcome("pruned", tuple(values), "", seconds)
    return Outcome("complete", tuple(values), "", seconds)


def _is_hopeless(trial: Trial, values: list[float], sign: int) -> bool:
    fold = len(values) - 1
    return fold < len(trial.bounds) and sign * sum(values) / len(values) < sign * trial.bounds[fold]
