"""From the sides of the data to what a trainer is given: preprocessing fitted on the rows to fit on, weights, columns.

Training and the folds of a search both pass here, so that what is fitted sees the rows to fit on and no others.
"""

from dataclasses import dataclass, replace
from typing import Any

from mlops_runner.specs.training import Training
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.preprocess import fit_preprocessing, outputs_of, transform
from mlops_runner.train.sides import Sides
from mlops_runner.train.trainers.base import RAW, Job, Log
from mlops_runner.train.weights import training_weights


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A job for a trainer, and the fitted preprocessing that goes with the model; None when the model does its own."""

    job: Job
    preprocess: Any | None


def prepare(spec: Training, trainer: Trainer, sides: Sides, log: Log) -> Prepared:
    """Fit preprocessing on the training side and apply it to both. Raises InvalidInput, StepFailed."""
    weight = training_weights(trainer.class_weight, sides.schema, sides.train)
    train, validation = replace(sides.train, weight=weight), sides.validation
    if trainer.trainer in RAW:
        return Prepared(Job(sides.schema, spec.seed, spec.threads, spec.device, train, validation, log), None)
    fitted = fit_preprocessing(spec.preprocessing, sides.schema, sides.train.frame)
    train = replace(train, x=transform(fitted, train.frame))
    if validation is not None:
        validation = replace(validation, x=transform(fitted, validation.frame))
    outputs = outputs_of(fitted)
    return Prepared(Job(sides.schema, spec.seed, spec.threads, spec.device, train, validation, log, outputs), fitted)
