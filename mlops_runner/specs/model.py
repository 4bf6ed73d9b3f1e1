"""The Model document: one registered version. Written once by `register`; only `archived` is ever added."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Digest, Part, RelativePath, Spec, Timestamp, Words
from mlops_runner.specs.rules import Finding, hold, repeated
from mlops_runner.specs.task import Task


def _hex(digits: int, prefix: str = "") -> Any:
    return Field(pattern=f"^{prefix}[0-9a-f]{{{digits}}}$")


Key = Annotated[str, _hex(32, "k1:"), Words("a key")]
ColumnType = Literal["float", "int", "string", "bool", "date", "datetime"]


class FileDigests(Part):
    """The content of one file."""

    md5: Annotated[str, _hex(32), Words("32 hex digits"), Field(description="Its address in the DVC cache.")]
    sha256: Annotated[str, _hex(64), Words("64 hex digits"), Field(description="What verification uses.")]


class Bundle(Part):
    """What was stored: everything needed to answer a request, in formats that cannot run code."""

    digest: Annotated[Digest, Field(description="Digest of the bundle as a whole; environments name it.")]
    files: Annotated[
        dict[RelativePath, FileDigests], Field(min_length=1, description="Its files by path within the bundle.")
    ]


class Measured(Part):
    """The value of a metric."""

    value: Annotated[float, Field(description="The value.")]
    interval: Annotated[
        tuple[float, float] | None, Field(description="Confidence interval [low, high].", examples=[[0.87, 0.91]])
    ] = None


class SignatureColumn(Part):
    """One input of the model."""

    name: Annotated[str, Field(min_length=1, description="Name of the column.")]
    type: Annotated[ColumnType, Field(description="Type of the values.")]
    missing: Annotated[bool, Field(description="Whether a value may be missing.")] = False


class Signature(Part):
    """What a request must hold."""

    columns: Annotated[
        tuple[SignatureColumn, ...], Field(min_length=1, description="The inputs, in the order the model takes them.")
    ]


class Archived(Part):
    """The version is no longer offered."""

    at: Annotated[Timestamp, Field(description="When it was archived.")]
    reason: Annotated[str, Field(min_length=1, description="Why.")]


class Model(Spec):
    """One registered version of a model: what it is made of, how good it was, and where it comes from."""

    kind: Literal["Model"]
    version: Annotated[int, Field(ge=1, description="Its number; given on the main branch only.")]
    task: Annotated[Task, Field(description="What it predicts.")]
    bundle: Annotated[Bundle, Field(description="What was stored.")]
    key: Annotated[Key, Field(description="Key in pipeline.lock of the stage that produced the bundle.")]
    stages: Annotated[
        dict[str, Key], Field(min_length=1, description="Keys of all stages behind it, by name of the stage.")
    ]
    data: Annotated[Digest, Field(description="Digest of the data set it was trained on.")]
    metrics: Annotated[dict[str, Measured], Field(min_length=1, description="What was measured, by name.")]
    gates: Annotated[
        dict[str, Literal["pass", "fail", "unmeasured"]],
        Field(description="The gates' answers by name; unmeasured is not fail."),
    ]
    signature: Annotated[Signature, Field(description="What a request must hold.")]
    created_from: Annotated[str, _hex(40), Words("a git revision"), Field(description="Revision it was built from.")]
    registered_by: Annotated[str, Field(min_length=1, description="Who registered it.")]
    reason: Annotated[str, Field(min_length=1, description="Why it was registered.")]
    archived: Annotated[Archived | None, Field(description="Since when and why it is no longer offered.")] = None

    @model_validator(mode="after")
    def _rules_hold(self) -> "Model":
        return hold(self, RULES)


def _key_is_among_stages(spec: Model) -> Iterator[Finding]:
    """key is one of the keys of stages."""
    if spec.key not in spec.stages.values():
        message = f"key {spec.key[:11]}… is not the key of any of the {len(spec.stages)} stages"
        yield Finding(("key",), "foreign-key", message, "it is the key of the stage that produced the bundle")


def _intervals_hold_their_value(spec: Model) -> Iterator[Finding]:
    """A metric's interval is in order and holds its value."""
    for name, measured in spec.metrics.items():
        if measured.interval is None:
            continue
        low, high = measured.interval
        if not low <= measured.value <= high:
            message = f'metric "{name}" is {measured.value}, outside its interval {low} to {high}'
            yield Finding(("metrics", name, "interval"), "value-outside-interval", message, "write [low, high]")


def _columns_differ(spec: Model) -> Iterator[Finding]:
    """The signature names each column once."""
    for position, name, first in repeated(column.name for column in spec.signature.columns):
        message = f'column {position + 1} is called "{name}", like column {first + 1}'
        yield Finding(("signature", "columns", position, "name"), "duplicate-column", message, "remove one of them")


RULES = (_key_is_among_stages, _intervals_hold_their_value, _columns_differ)
