"""candidate.json: what was trained, with which values, and the digests of the files beside it.

Format 1. A change that an older reader would misread raises the number; readers of older numbers stay.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.specs.base import Part, Scalar
from mlops_runner.train.features import Schema

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Literal["candidate.json", "model.ubj", "model.skops", "preprocess.skops"]
MAX_BYTES = 1 << 28


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
    """One trained candidate."""

    format: Literal[1] = 1
    trainer: Literal["sklearn", "xgboost", "python"]
    family: str
    params: dict[str, Scalar]
    signature: Schema
    seen: dict[str, Seen]
    metrics: dict[str, int | float]
    best_iteration: int | None
    curve: dict[str, dict[str, tuple[float, ...]]]
    importance: ImportanceRecord | None
    files: dict[FileName, StoredFile]


def encode(record: Part) -> bytes:
    """Return the record as canonical JSON with a line end."""
    return (canonical_json(record.model_dump(mode="json")) + "\n").encode("utf-8", "surrogatepass")


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
