"""reference.json: what the rows looked like that a model was trained and measured on; what monitoring compares with."""

from typing import Any, Literal

from pydantic import Field, ValidationError

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.specs.base import Part

REFERENCE: Literal["reference.json"] = "reference.json"


class PredictionProfile(Part):
    """The predictions for one side. scores: by class, or by the name of the target; decisions: the classes chosen."""

    rows: int
    scores: dict[str, dict[str, Any]]
    decisions: dict[str, Any] | None = None


class Reference(Part):
    """Format 1. Profiles have the form of profile.json, whose version is `profile_version`.

    rows: of each side of the split. columns: the features, on the train side. target: on every side.
    predictions: on the sides the model was not fitted on. Of personal data there are counts, never values.
    """

    format: Literal[1] = 1
    profile_version: int
    rows: dict[str, int]
    columns: dict[str, dict[str, Any]]
    target: dict[str, Any]
    predictions: dict[str, PredictionProfile] = Field(default_factory=dict)


def encode_reference(reference: Reference) -> bytes:
    """Return the content of reference.json."""
    return (canonical_json(reference.model_dump(mode="json")) + "\n").encode("utf-8", "surrogatepass")


def decode_reference(data: bytes) -> Reference:
    """Parse reference.json. Raises NotVerified."""
    try:
        return Reference.model_validate_json(data)
    except ValidationError as error:
        message = f"{REFERENCE} is not one we wrote: {error.error_count()} fields are wrong"
        raise NotVerified(Diagnostic("unreadable-record", message, hint="pull the model again")) from error
