"""Trying trials: fit on each fold, measure on the rows held out; in this process or in several beside each other.

Workers are forked before anything is read: a library that has started its threads does not survive a fork. Each reads
the rows itself, and prepares the folds it needs once.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, StepFailed
from mlops_runner.specs.training import Training
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.features import Schema
from mlops_runner.train.formats.base import file_name, predicting
from mlops_runner.train.job import Prepared, prepare
from mlops_runner.train.sides import Sides
from mlops_runner.train.trainers.base import Job, Side, module_of
from mlops_runner.train.tuning.folds import Fold
from mlops_runner.train.tuning.trial import Measure, Outcome, Trial, with_params

# 512 MiB of float64 a worker: folds that are larger together are prepared anew for every trial.
MOST_KEPT_CELLS = 2**26


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that a trial needs besides its parameters. `sign` is 1 where more is better, else -1."""

    spec: Training
    trainer: Trainer
    schema: Schema
    folds: tuple[Fold, ...]
    measure: Measure
    sign: int


class Alone:
    """A bench of one worker: this process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._prepared: dict[int, Prepared] = {}

    def try_all(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Try one trial after the other."""
        return [self.try_one(trial) for trial in trials]

    def try_one(self, trial: Trial) -> Outcome:
        """Fit and measure fold by fold. What the trainer complains about fails the trial, not the search."""
        started = time.monotonic()
        values: list[float] = []
        state, reason = "complete", ""
        try:
            trainer = with_params(self._plan.trainer, trial.params)
            for index in range(len(self._plan.folds)):
                values.append(self._value(trainer, self._fold(index)))
                if self._is_hopeless(trial, values):
                    state = "pruned"
                    break
        except MlopsError as error:
            state, reason = "failed", error.diagnostics[0].message
        except ValueError as error:
            state, reason = "failed", str(error)
        return Outcome(state, tuple(values), reason, time.monotonic() - started)  # type: ignore[arg-type]

    def _is_hopeless(self, trial: Trial, values: list[float]) -> bool:
        fold = len(values) - 1
        if fold >= len(trial.bounds) or fold == len(self._plan.folds) - 1:
            return False
        mean = sum(values) / len(values)
        return self._plan.sign * mean < self._plan.sign * trial.bounds[fold]

    def _fold(self, index: int) -> Prepared:
        """Return a fold as a trainer reads it; preprocessing and weights come from the rows that are fitted on."""
        if (known := self._prepared.get(index)) is not None:
            return known
        plan, fold = self._plan, self._plan.folds[index]
        prepared = prepare(plan.spec, plan.trainer, Sides(plan.schema, fold.fit, fold.held_out), _silent)
        if _cells(prepared.job) * len(plan.folds) <= MOST_KEPT_CELLS:
            self._prepared[index] = prepared
        return prepared

    def _value(self, trainer: Trainer, prepared: Prepared) -> float:
        job = prepared.job
        assert job.validation is not None
        model = module_of(trainer).train(trainer, job).model
        return self._plan.measure(job.validation.y, _predict(model, job.validation, job.schema))


class Pool:
    """A bench of several workers; the outcomes are those of one worker.

    read: makes the plan, in each worker. Raises InvalidInput when it does.
    """

    def __init__(self, read: Callable[[], Plan], workers: int) -> None:
        context = multiprocessing.get_context("fork")
        self._pool = ProcessPoolExecutor(workers, context, _start, (read,))
        if problems := self._pool.submit(_problems).result():
            self.close()
            raise InvalidInput(problems)

    def try_all(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Try the trials beside each other. Raises StepFailed when a worker dies of one."""
        try:
            return list(self._pool.map(_try_here, trials))
        except BrokenProcessPool as error:
            numbers = f"{trials[0].number} to {trials[-1].number}"
            message = f"a worker died while it tried one of the trials {numbers}"
            raise StepFailed(
                Diagnostic("trial-crashed", message, hint="out of memory? try: mlops run --jobs 1")
            ) from error

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(cancel_futures=True)


_HERE: list[Alone | InvalidInput] = []  # the bench of a worker process, or why there is none


def _start(read: Callable[[], Plan]) -> None:
    try:
        _HERE[:] = [Alone(read())]
    except InvalidInput as error:
        _HERE[:] = [error]


def _problems() -> tuple[Diagnostic, ...]:
    return _HERE[0].diagnostics if isinstance(_HERE[0], InvalidInput) else ()


def _try_here(trial: Trial) -> Outcome:
    assert isinstance(_HERE[0], Alone)
    return _HERE[0].try_one(trial)


def _cells(job: Job) -> int:
    sides = [side for side in (job.train, job.validation) if side is not None]
    return sum(side.frame.width * side.frame.height if side.x is None else side.x.size for side in sides)


def _predict(model: Any, side: Side, schema: Schema) -> Any:
    kind = file_name(model)
    found = np.asarray(predicting(kind).predict(model, side.frame, side.x, schema), dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("predictions are not finite")
    return found


_silent: Callable[[str], None] = lambda _: None  # noqa: E731
