"""What all kinds of document share: the strict base model and the types of their fields."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

API_VERSION = "mlops/v1"
UNITS = {"MiB": 2**20, "GiB": 2**30}
SIZE = r"[1-9][0-9]{0,8}(MiB|GiB)"
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
NAME = r"[a-z][a-z0-9_-]{0,62}"
TIMESTAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"


class Part(BaseModel):
    """A piece of a document: strict, immutable, unknown keys refused, numbers finite."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True, slots=True)
class Words:
    """Says in the reference and in messages what the values of a type look like."""

    text: str


def complaint(code: str, message: str, hint: str = "", **numbers: Any) -> PydanticCustomError:
    """Build the error a validator raises: a stable code, a message with {placeholders}, and a hint for the reader."""
    return PydanticCustomError(code, message, {**numbers, "hint": hint})


def _name(value: str) -> str:
    if not re.fullmatch(NAME, value):
        raise complaint(
            "invalid-name",
            'name "{given}" must be lower-case letters, digits, - and _, starting with a letter',
            "for example: churn-model",
            given=value,
        )
    return value


def _relative_path(value: str, outside: str = "keep everything under the project's folder") -> str:
    parts = value.split("/")
    if not value or value.startswith(("/", "~")) or "\\" in value or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise complaint(
            "invalid-path",
            'path "{given}" must be relative to the project, with / between folders',
            "for example: data/train.csv",
            given=value,
        )
    if ".." in parts or re.match(r"[A-Za-z]:", value):
        raise complaint(
            "path-escapes",
            'path "{given}" leaves the project',
            outside,
            given=value,
        )
    if any(part in {"", "."} for part in parts):
        raise complaint("invalid-path", 'path "{given}" has an empty or "." part', 'write it as "a/b/c"', given=value)
    if len(value.encode()) > 1024 or any(len(part.encode()) > 255 for part in parts):
        raise complaint("invalid-path", "path is longer than file systems allow", "shorten it")
    if parts[0] in {".git", ".mlops", ".dvc"}:
        raise complaint(
            "invalid-path", 'path "{given}" is inside a folder of the tools', "choose another folder", given=value
        )
    return value


def _step_path(value: str) -> str:
    return _relative_path(value, "declare the step in the pipeline.yaml above both, which names them in pipelines:")


def _callable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
        raise complaint("invalid-callable", '"{given}" is not a callable', "write package.module:function", given=value)
    return value


def _duration(value: str) -> str:
    if not re.fullmatch(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:ms|s|m|h|d|w)", value):
        raise complaint(
            "invalid-duration",
            '"{given}" is not a duration',
            "a number with a unit: 250ms, 30s, 10m, 24h, 7d, 2w",
            given=value,
        )
    return value


def _size(value: str) -> str:
    if not re.fullmatch(SIZE, value):
        raise complaint("invalid-size", '"{given}" is not a size', "a number with a unit: 512MiB, 4GiB", given=value)
    return value


def _digest(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise complaint(
            "invalid-digest", '"{given}" is not a digest', "sha256: followed by 64 hexadecimal digits", given=value
        )
    return value


def is_timestamp(value: str) -> bool:
    """Say whether a text is a point in time: RFC 3339, with a zone."""
    return bool(re.fullmatch(TIMESTAMP, value)) and _exists(value)


def _timestamp(value: str) -> str:
    if not is_timestamp(value):
        raise complaint(
            "invalid-timestamp",
            '"{given}" is not a point in time',
            'RFC 3339 with a zone, in quotes: "2026-08-01T10:00:00Z"',
            given=value,
        )
    return value


def _exists(timestamp: str) -> bool:
    try:
        datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return True


def _timezone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        if value != "UTC":
            ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise complaint(
            "unknown-timezone",
            'time zone "{given}" is not known',
            "a name of the IANA database: UTC, Europe/Berlin, Asia/Shanghai",
            given=value,
        ) from None
    return value


def seconds(duration: str) -> float:
    """Convert a valid duration ("10m") into seconds."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", duration).groups()  # type: ignore[union-attr]
    return float(number) * SECONDS[unit]


def bytes_of(size: str) -> int:
    """Convert a valid size ("4GiB") into bytes."""
    return int(size[:-3]) * UNITS[size[-3:]]


Name = Annotated[str, AfterValidator(_name), Words("a name"), Field(json_schema_extra={"pattern": f"^{NAME}$"})]
RelativePath = Annotated[
    str,
    AfterValidator(_relative_path),
    Words("a path in the project"),
    Field(json_schema_extra={"pattern": r"^[^/~\\][^\\]*$"}),
]
StepPath = Annotated[
    str,
    AfterValidator(_step_path),
    Words("a path in the project"),
    Field(json_schema_extra={"pattern": r"^[^/~\\][^\\]*$"}),
]
CallablePath = Annotated[
    str,
    AfterValidator(_callable),
    Words("package.module:function"),
    Field(json_schema_extra={"pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"}),
]
Duration = Annotated[
    str,
    AfterValidator(_duration),
    Words("a duration"),
    Field(json_schema_extra={"pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?(ms|s|m|h|d|w)$"}),
]
Size = Annotated[str, AfterValidator(_size), Words("a size"), Field(json_schema_extra={"pattern": f"^{SIZE}$"})]
Digest = Annotated[
    str, AfterValidator(_digest), Words("a digest"), Field(json_schema_extra={"pattern": "^sha256:[0-9a-f]{64}$"})
]
Timestamp = Annotated[
    str,
    AfterValidator(_timestamp),
    Words("a point in time"),
    Field(json_schema_extra={"pattern": f"^{TIMESTAMP}$"}),
]
Timezone = Annotated[str, AfterValidator(_timezone), Words("a time zone")]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(ge=0, le=100)]
Scalar = bool | int | float | str | None


class Spec(Part):
    """A whole document."""

    apiVersion: Annotated[Literal["mlops/v1"], Field(description="Version of the format.", examples=["mlops/v1"])]
    kind: str
    name: Name = Field(description="Name of what this document describes.", examples=["churn"])
    description: str = Field(default="", description="Free text for people; never part of a key.")


class Secret(Part):
    """A value that is read from the process environment when a step runs, and never written anywhere."""

    secret: Annotated[
        str,
        Field(
            pattern=r"^[A-Z][A-Z0-9_]*$", description="Name of the environment variable.", examples=["WAREHOUSE_URL"]
        ),
    ]
