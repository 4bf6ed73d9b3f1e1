"""One fit of a trial: on the rows of a fold, measured on the rows held out. Folds are prepared once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.features import Schema
from mlops_runner.train.formats.base import file_name, predicting
from mlops_runner.train.job import Prepared, prepare
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides
from mlops_runner.train.trainers.base import Job, Side, train
from mlops_runner.train.tuning.folds import Fold
from mlops_runner.train.tuning.trial import Measure, Params, with_params

# 512 MiB of float64 a worker: folds that are larger together are prepared anew for every trial.
MOST_KEPT_CELLS = 2**26


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that a trial needs besides its parameters. files: folder of the project's files that the trainer names."""

    setting: Setting
    trainer: Trainer
    schema: Schema
    folds: tuple[Fold, ...]
    measure: Measure
    files: Path | None = None


class Bench:
    """Fits trials in this process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._prepared: dict[int, Prepared] = {}

    @property
    def folds(self) -> int:
        """How many folds a trial has."""
        return len(self._plan.folds)

    def value(self, params: Params, fold: int) -> float:
        """Fit on a fold and measure. Raises StepFailed or InvalidInput for what fails the trial, not the search."""
        trainer, prepared = with_params(self._plan.trainer, params), self._fold(fold)
        job = prepared.job
        assert job.validation is not None
        model = train(trainer, job).model
        try:
            return self._plan.measure(job.validation, _predict(model, job.validation, job.schema))
        except (ValueError, TypeError) as error:
            raise StepFailed(Diagnostic("not-measured", " ".join(str(error).split())[:500])) from error

    def _fold(self, index: int) -> Prepared:
        """Return a fold as a trainer reads it; preprocessing and weights come from the rows that are fitted on."""
        if (known := self._prepared.get(index)) is not None:
            return known
        plan, fold = self._plan, self._plan.folds[index]
        found = prepare(plan.setting, plan.trainer, Sides(plan.schema, fold.fit, fold.held_out), _silent)
        prepared = Prepared(replace(found.job, files=plan.files, curves=False), found.preprocess)
        if _cells(prepared.job) * len(plan.folds) <= MOST_KEPT_CELLS:
            self._prepared[index] = prepared
        return prepared


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
