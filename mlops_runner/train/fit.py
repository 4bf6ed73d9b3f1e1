"""Train one candidate and store it: read the sides, fit preprocessing and trainer, write, read back, and try it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import PythonTrainer, Trainer, batch_rows_of
from mlops_runner.train.artifacts import Candidate, load_candidate, predict_matrix, predict_model, save_candidate
from mlops_runner.train.calibrate import Calibration, fit_calibration, say_how_much
from mlops_runner.train.features import Output
from mlops_runner.train.job import prepare, rows_of
from mlops_runner.train.record import CandidateRecord, ImportanceRecord, OutputImportance, rounded
from mlops_runner.train.seen import seen_values
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides, read_sides
from mlops_runner.train.trainers.base import FILES, Fitted, Importance, Job, StoredSide, train
from mlops_runner.train.trainers.observed import refused

TRIED_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class FitResult:
    """The trainer's own numbers, such as rounds or iterations; quality is measured by the evaluation stage."""

    metrics: dict[str, float | int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a fit is given beside rows. files: folder of the project's files; personal: columns of personal data.

    scratch: folder for what is written while training, and removed after it.
    """

    files: Path
    log: Callable[[str], None]
    personal: frozenset[str] = frozenset()
    scratch: Path | None = None


def fit(
    setting: Setting,
    trainer: Trainer,
    columns: Mapping[str, Column],
    data: Path,
    out: Path,
    log: Callable[[str], None],
) -> FitResult:
    """Train one candidate on `data` and write it into the folder `out`.

    data: folder with train.parquet and validation.parquet, and, below `files`, what a command needs. out: gets the
    model, preprocess.json when the runner preprocesses, and candidate.json. The same inputs, seed and threads give the
    same bytes.
    Raises InvalidInput for the specs and the data, StepFailed for what the trainer could not do.
    """
    sides = read_sides(setting, columns, data, batch_rows_of(trainer))
    personal = frozenset(name for name, column in columns.items() if "pii" in column.tags)
    candidate, warnings = fit_candidate(setting, trainer, sides, Surroundings(data / FILES, log, personal, data))
    save_candidate(out, candidate.record, candidate.model, candidate.preprocess)
    # The stored model is the one that counts, so the stored model is the one that is tried.
    _try(_read_back(out), sides)
    return FitResult(dict(candidate.record.metrics), warnings)


def fit_candidate(
    setting: Setting, trainer: Trainer, sides: Sides, around: Surroundings
) -> tuple[Candidate, tuple[str, ...]]:
    """Train one candidate in memory; also return what there is to warn of. Raises InvalidInput, StepFailed."""
    prepared = prepare(setting, trainer, sides, around.log)
    fitted = train(trainer, replace(prepared.job, files=around.files, scratch=around.scratch))
    _refuse_divergence(fitted)
    calibration = _calibration(trainer, prepared.job, fitted.model)
    record = _record(trainer, sides, fitted, prepared.job.outputs, around.personal)
    loader = trainer.load if isinstance(trainer, PythonTrainer) else None
    record = record.model_copy(update={"calibration": calibration, "loader": loader})
    return Candidate(record, fitted.model, prepared.preprocess), fitted.warnings


def _calibration(trainer: Trainer, job: Job, model: Any) -> Calibration | None:
    if trainer.calibrate == "none":
        return None
    side = job.validation
    if side is None:
        message = "calibrate needs a validation side, and it has no rows"
        raise InvalidInput(Diagnostic("no-validation", message, hint="raise split.validation in the data spec"))
    say_how_much(trainer.calibrate, len(side.y), job.log)
    if isinstance(side, StoredSide):
        found = np.concatenate([predict_model(model, frame, x, job.schema) for _, frame, x in side.batches()])
    else:
        found = predict_model(model, side.frame, side.x, job.schema)
    return fit_calibration(trainer.calibrate, job.schema, found, side.y, side.weight)


def _record(
    trainer: Trainer, sides: Sides, fitted: Fitted, outputs: tuple[Output, ...], personal: frozenset[str]
) -> CandidateRecord:
    return CandidateRecord(
        trainer=trainer.trainer,
        family=fitted.family,
        params=dict(fitted.params),
        signature=sides.schema,
        seen=seen_values(rows_of(sides.train), personal),
        metrics=dict(fitted.metrics),
        best_iteration=fitted.best_iteration,
        curve={side: {m: tuple(map(rounded, v)) for m, v in found.items()} for side, found in fitted.curve.items()},
        importance=_importance(fitted.importance, outputs),
        batch_rows=batch_rows_of(trainer),
        files={},
    )


def _refuse_divergence(fitted: Fitted) -> None:
    for side, found in fitted.curve.items():
        for metric, values in found.items():
            lost = next((i for i, value in enumerate(values) if not math.isfinite(value)), None)
            if lost is not None:
                message = f"training diverged: {metric} on the {side} side is {values[lost]} after {lost + 1} rounds"
                raise StepFailed(Diagnostic("diverged", message, hint="lower the learning rate, or scale the target"))


def _importance(found: Importance | None, outputs: tuple[Output, ...]) -> ImportanceRecord | None:
    if found is None or len(found.values) != len(outputs):
        return None
    rows = tuple(
        OutputImportance(output=output.name, feature=output.feature, value=rounded(value))
        for output, value in zip(outputs, found.values, strict=True)
    )
    return ImportanceRecord(kind=found.kind, outputs=rows)


def _read_back(out: Path) -> Candidate:
    try:
        return load_candidate(out, project_code=True)
    except NotVerified as error:
        # Our own file, a moment old: not damaged, but made of something the lists do not know.
        message = f"the model cannot be stored without executable code: {error}"
        hint = "use other params, or an estimator that is listed"
        raise StepFailed(Diagnostic("unstorable-model", message, hint=hint)) from error


def _try(candidate: Candidate, sides: Sides) -> None:
    for side in (sides.train, sides.validation):
        if side is None:
            continue
        try:
            predict_matrix(candidate, side.frame.head(TRIED_ROWS))
        except (ValueError, TypeError) as error:
            raise refused(f"predicting with {candidate.record.family}", error) from error
