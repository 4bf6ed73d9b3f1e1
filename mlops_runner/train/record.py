"""candidate.json: what was trained, with which values, and the digests of the files beside it.

Format 1. A change that an older reader would misread raises the number; readers of older numbers stay.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.specs.base import Part, Scalar
from mlops_runner.train.calibrate import Calibration
from mlops_runner.train.features import Schema

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# What a model of the project may save, each file as `model.NAME`. None of these kinds runs code when it is read.
PROJECT_FILE = re.compile(r"model\.[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.(safetensors|json|ubj|onnx|npy)")
ProjectFile = Annotated[str, Field(pattern=f"^{PROJECT_FILE.pattern}$")]
FileName = (
    Literal["candidate.json", "model.ubj", "model.skops", "model.json", "preprocess.json", "reference.json"]
    | ProjectFile
)
MAX_BYTES = 1 << 28
# Fields that came after the first records, with the value that says nothing: without it, those records stay the same.
LATER: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("signature", "texts"), []),
    (("signature", "query"), None),
    (("calibration",), None),
    (("loader",), None),
    (("batch_rows",), None),
)


class StoredFile(Part):
    """A file beside the record."""

    sha256: Hex
    size: Annotated[int, Field(ge=0)]


class OutputImportance(Part):
    """How much one input column of the trainer matters."""

    output: str
    feature: str
    value: float


class ImportanceRecord(Part):
    """Importance of every input column of the trainer, in their order."""

    kind: Literal["gain", "coefficient", "impurity"]
    outputs: tuple[OutputImportance, ...]


class Seen(Part):
    """What the training rows held in one feature. Dates count as days; nothing but `missing` for personal data."""

    missing: float
    min: float | None = None
    max: float | None = None
    categories: tuple[str, ...] | None = None


class CandidateRecord(Part):
    """One trained candidate. batch_rows: how many rows it was trained on at a time, if they stayed on the disk."""

    format: Literal[1] = 1
    trainer: Literal["sklearn", "xgboost", "python", "command", "naive"]
    family: str
    params: dict[str, Scalar]
    signature: Schema
    seen: dict[str, Seen]
    metrics: dict[str, int | float]
    best_iteration: int | None
    curve: dict[str, dict[str, tuple[float, ...]]]
    importance: ImportanceRecord | None
    calibration: Calibration | None = None
    loader: str | None = None
    batch_rows: int | None = None
    files: dict[FileName, StoredFile]


def encode(record: Part) -> bytes:
    """Return the record as canonical JSON with a line end; a field of `LATER` stands in it where it says something."""
    values = record.model_dump(mode="json")
    for path, absent in LATER:
        _leave_out(values, path, absent)
    return (canonical_json(values) + "\n").encode("utf-8", "surrogatepass")


def _leave_out(values: dict[str, Any], path: tuple[str, ...], absent: Any) -> None:
    for key in path[:-1]:
        values = values.get(key, {})
    if path[-1] in values and values[path[-1]] == absent:
        del values[path[-1]]


def decode_candidate(data: bytes) -> CandidateRecord:
    """Parse candidate.json. Raises NotVerified."""
    try:
        return CandidateRecord.model_validate_json(data)
    except ValidationError as error:
        message = f"candidate.json is not one we wrote: {error.error_count()} fields are wrong"
        raise NotVerified(Diagnostic("unreadable-record", message, hint="restore it, or train again")) from error


def rounded(value: float) -> float:
    """Keep nine significant digits: more would only show the processor."""
    return float(f"{value:.9g}")
