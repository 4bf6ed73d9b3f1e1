"""From the sides of the data to what a trainer is given: preprocessing fitted on the rows to fit on, weights, columns.

Training and the folds of a search both pass here, so that what is fitted sees the rows to fit on and no others.
"""

from dataclasses import dataclass, replace

from mlops_runner.specs.training import Training
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_trainers import RawTrainer, Trainer
from mlops_runner.train.columns.target_means import target_of_side
from mlops_runner.train.preprocess import Fitted, Rows, fit_preprocessing
from mlops_runner.train.sides import Sides
from mlops_runner.train.trainers.base import Job, Log
from mlops_runner.train.weights import training_weights


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A job for a trainer, and the fitted preprocessing that goes with the model; None when the model does its own."""

    job: Job
    preprocess: Fitted | None


def prepare(spec: Training, trainer: Trainer, sides: Sides, log: Log) -> Prepared:
    """Fit preprocessing on the training side and apply it to both. Raises InvalidInput, StepFailed."""
    weight = training_weights(trainer.class_weight, sides.schema, sides.train)
    train, validation = replace(sides.train, weight=weight), sides.validation
    if isinstance(trainer, RawTrainer):
        return Prepared(Job(sides.schema, spec.seed, spec.threads, spec.device, train, validation, log), None)
    # Classes are weighed in the fit alone: a category's mean of the target is that of the rows as they are.
    target = target_of_side(sides.schema, sides.train, spec.seed)
    fitted, x = fit_preprocessing(_preprocessing(spec, trainer), sides.schema, Rows(train.frame, target))
    if validation is not None:
        validation = replace(validation, x=fitted.transform(validation.frame))
    job = Job(sides.schema, spec.seed, spec.threads, spec.device, replace(train, x=x), validation, log, fitted.outputs)
    return Prepared(job, fitted)


def _preprocessing(spec: Training, trainer: Trainer) -> Preprocessing:
    own = None if isinstance(trainer, RawTrainer) else trainer.preprocessing
    return own or spec.preprocessing
