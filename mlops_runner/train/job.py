"""From the sides of the data to what a trainer is given: preprocessing fitted on the rows to fit on, weights, columns.

Training and the folds of a search both pass here, so that what is fitted sees the rows to fit on and no others.
"""

from dataclasses import dataclass, replace

from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_trainers import RawTrainer, Trainer
from mlops_runner.train.columns.target_means import target_of_side
from mlops_runner.train.preprocess import Fitted, Rows, learn
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides
from mlops_runner.train.stored import AnyRows
from mlops_runner.train.trainers.base import Job, Log, Side, StoredSide, Transform
from mlops_runner.train.weights import training_weights


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A job for a trainer, and the fitted preprocessing that goes with the model; None when the model does its own."""

    job: Job
    preprocess: Fitted | None


def prepare(setting: Setting, trainer: Trainer, sides: Sides, log: Log) -> Prepared:
    """Fit preprocessing on the training side and apply it to both. Raises InvalidInput, StepFailed."""
    weight = training_weights(trainer.class_weight, sides.schema, sides.train)
    train, validation = replace(sides.train, weight=weight), sides.validation
    if isinstance(trainer, RawTrainer):
        return Prepared(Job(sides.schema, setting.seed, setting.threads, setting.device, train, validation, log), None)
    # Classes are weighed in the fit alone: a category's mean of the target is that of the rows as they are.
    target = target_of_side(sides.schema, sides.train, setting.seed)
    learned = learn(_preprocessing(setting, trainer), sides.schema, Rows(rows_of(train), target))
    fitted = learned.fitted
    train = _transformed(train, learned.transform)
    if validation is not None:
        validation = _transformed(validation, lambda frame, _: fitted.transform(frame))
    job = Job(sides.schema, setting.seed, setting.threads, setting.device, train, validation, log, fitted.outputs)
    return Prepared(job, fitted)


def rows_of(side: Side) -> AnyRows:
    """Return the matrix of all rows of a side, in memory or on the disk."""
    return side.rows if isinstance(side, StoredSide) else side.frame


def _transformed(side: Side, transform: Transform) -> Side:
    """Apply preprocessing to a side, or say how it is applied to its batches."""
    if isinstance(side, StoredSide):
        return replace(side, transform=transform)
    return replace(side, x=transform(side.frame, 0))


def _preprocessing(setting: Setting, trainer: Trainer) -> Preprocessing:
    own = None if isinstance(trainer, RawTrainer) else trainer.preprocessing
    return own or setting.preprocessing
