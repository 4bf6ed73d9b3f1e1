"""bundle.json: what a model reads and gives, how it decides, and what it must answer for a few known rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from mlops_runner.specs.base import Part, Scalar
from mlops_runner.specs.task import Task
from mlops_runner.train.features import FeatureType
from mlops_runner.train.record import FileName, Seen, StoredFile

Prediction = float | tuple[float, ...]
# Just above 1 where a rule decides no row positive, and some have a probability of 1.
Cut = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FORMAT = 2


class ColumnSignature(Part):
    """One column the model reads: what the data spec allows, and what the training rows held.

    personal: tagged `pii`; messages never show its values.
    """

    type: FeatureType
    max_missing: float
    min: float | None
    max: float | None
    allowed: tuple[Scalar, ...] | None
    personal: bool
    seen: Seen


class Probe(Part):
    """Rows with the predictions the model gave when it was bundled, rounded to nine decimals.

    about: where each row is from: the data, or made to try something, such as unseen categories.
    refused: rows of the second kind that the model has no prediction for.
    """

    rows: tuple[dict[str, Scalar], ...]
    predictions: tuple[Prediction, ...]
    about: tuple[str, ...]
    refused: tuple[str, ...]


class BundleRecord(Part):
    """bundle.json. A change that an older reader would misread raises the format.

    classes: of a multilabel task its labels, each of which has a threshold.
    """

    format: Literal[2] = 2
    name: str
    task: Task
    target: str
    classes: tuple[bool | int | float | str, ...]
    positive: Scalar
    threshold: Cut | tuple[Cut, ...] | None
    columns: dict[str, ColumnSignature]
    metrics: dict[str, int | float]
    probe: Probe
    files: dict[FileName, StoredFile]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model reads and gives. columns: in the order the model reads them."""

    task: Task
    target: str
    classes: tuple[bool | int | float | str, ...]
    positive: Scalar
    threshold: float | tuple[float, ...] | None
    columns: Mapping[str, ColumnSignature]
