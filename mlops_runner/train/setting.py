"""The part of a Training document that every fit reads, whichever candidate it fits."""

from dataclasses import dataclass
from typing import Literal

from mlops_runner.specs.base import Scalar
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Setting:
    """The fields have the meaning that they have in the document."""

    task: Task
    positive: Scalar
    preprocessing: Preprocessing
    seed: int
    threads: int
    device: Literal["cpu", "cuda"]
