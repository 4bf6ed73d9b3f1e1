"""bundle.json: what a model reads and gives, how it decides, and what it must answer for a few known rows."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_runner.specs.base import Part, Scalar
from mlops_runner.specs.task import Task
from mlops_runner.train.features import FeatureType
from mlops_runner.train.record import FileName, Seen, StoredFile

Prediction = float | tuple[float, ...]


class ColumnSignature(Part):
    """One column the model reads: what the data spec allows, and what the training rows held."""

    type: FeatureType
    max_missing: float
    min: float | None
    max: float | None
    allowed: tuple[Scalar, ...] | None
    seen: Seen


class Probe(Part):
    """Rows with the predictions the model gave when it was bundled, rounded to nine decimals."""

    rows: tuple[dict[str, Scalar], ...]
    predictions: tuple[Prediction, ...]


class BundleRecord(Part):
    """bundle.json. Format 1; a change that an older reader would misread raises the number."""

    format: Literal[1] = 1
    name: str
    task: Task
    target: str
    classes: tuple[bool | int | float | str, ...]
    positive: Scalar
    threshold: Annotated[float, Field(ge=0, le=1)] | None
    columns: dict[str, ColumnSignature]
    metrics: dict[str, int | float]
    probe: Probe
    files: dict[FileName, StoredFile]
