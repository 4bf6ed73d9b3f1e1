"""Drawing of parameters, in batches: what is drawn depends on the seed and on what was told before, on nothing else."""

import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from mlops_runner.specs.training_search import Range, Search
from mlops_runner.train.tuning.trial import Direction, Outcome, Params

# Below this many complete trials optuna's importance says nothing.
FEWEST_FOR_IMPORTANCE = 10


class Source(Protocol):
    """Where the parameters of the next trials come from."""

    def draw(self) -> Params | None:
        """Return the parameters of the next trial; None when there are no more."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Say what came of the trials drawn since this was last told, in their order."""

    def importance(self) -> dict[str, float]:
        """Return how much each parameter mattered, as shares of 1; empty when too few trials are complete."""


def source_of(search: Search, direction: Direction, seed: int) -> Source:
    """Return the source that a search declares."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = _sampler(search, seed)
    study = optuna.create_study(direction=direction, sampler=sampler)
    points = _points(search) if search.method == "grid" else None
    return _Drawn(study, {name: _distribution(found) for name, found in search.space.items()}, points)


def _sampler(search: Search, seed: int) -> Any:
    if search.method != "tpe":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # The trials of a batch are drawn before any of them is known: the liar keeps them apart.
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


class _Drawn:
    """Asks a study of optuna, or takes the next points of a grid; the study remembers either."""

    def __init__(self, study: Any, distributions: dict[str, BaseDistribution], points: Iterator[Params] | None) -> None:
        self._study = study
        self._distributions = distributions
        self._points = points
        self._asked: list[Any] = []

    def draw(self) -> Params | None:
        if self._points is not None:
            point = next(self._points, None)
            if point is None:
                return None
            self._study.enqueue_trial(dict(point))
        self._asked.append(self._study.ask(self._distributions))
        return dict(self._asked[-1].params)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        state = optuna.trial.TrialState
        for trial, outcome in zip(self._asked, outcomes, strict=True):
            for fold in range(len(outcome.folds)):
                trial.report(sum(outcome.folds[: fold + 1]) / (fold + 1), fold)
            if outcome.state == "complete":
                self._study.tell(trial, outcome.value)
            else:
                self._study.tell(trial, state=state.PRUNED if outcome.state == "pruned" else state.FAIL)
        self._asked = []

    def importance(self) -> dict[str, float]:
        complete = [trial for trial in self._study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
        if len(complete) < FEWEST_FOR_IMPORTANCE or len({trial.value for trial in complete}) == 1:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {name: value for name, value in found.items() if math.isfinite(value)}


def _points(search: Search) -> Iterator[Params]:
    """Yield every combination; the last parameter changes fastest."""
    values = [_values(found) for found in search.space.values()]
    return (dict(zip(search.space, chosen, strict=True)) for chosen in itertools.product(*values))


def _values(found: Range) -> list[Any]:
    if found.values is not None:
        return list(found.values)
    assert found.min is not None
    step = found.step or 1
    return [found.min + step * index for index in range(found.points or 0)]


def _distribution(found: Range) -> BaseDistribution:
    if found.values is not None:
        return CategoricalDistribution(found.values)
    assert found.min is not None
    assert found.max is not None
    if found.whole:
        low, high, step = int(found.min), int(found.max), int(found.step or 1)
        return IntDistribution(low, low + (high - low) // step * step, log=found.log, step=step)
    return FloatDistribution(float(found.min), float(found.max), log=found.log, step=found.step)
