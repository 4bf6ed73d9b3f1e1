"""Trainer `naive`: the seasonal naive forecast (Hyndman and Athanasopoulos 2021, section 5.2), from lags of the target.

With a lag of a season, the forecast is the value of the same moment a season before. Where that is missing, the next
column that is named counts; where all are, the mean of the training rows.
"""

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.training_trainers import NaiveTrainer
from mlops_runner.train.naive import NaiveForecast
from mlops_runner.train.trainers.base import Fitted, Job

FAMILY = "naive"


def train(trainer: NaiveTrainer, job: Job) -> Fitted:
    """Keep the mean of the training rows, weighed as they are. Raises InvalidInput for a column that is no number."""
    numeric = job.schema.numeric
    if absent := [name for name in trainer.columns if name not in numeric]:
        message = f'naive names "{absent[0]}", which is not a feature that holds numbers'
        raise InvalidInput(Diagnostic("unknown-column", message, hint=nearest(absent[0], numeric)))
    unknown = np.all([np.isnan(job.train.frame[name].to_numpy()) for name in trainer.columns], axis=0)
    if lost := int(unknown.sum()):
        job.log(f"naive: {lost} of {len(unknown)} training rows have no past; they are given the mean")
    mean = float(np.average(job.train.y, weights=job.train.weight))
    return Fitted(NaiveForecast(trainer.columns, mean), FAMILY, {})
