"""The lock as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = None | bool | int | float | str

FILE_NAME = "pipeline.lock"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Environment:
    """What a step's environment resolved to: digest of its distributions, and the Python minor version."""

    digest: str
    python: str


@dataclass(frozen=True, slots=True)
class Output:
    """One file a stage wrote: its address in the DVC cache and the digest that verification uses."""

    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step resolved to. Paths are relative to the project; `inputs` and `outputs` are files.

    `addresses` are the md5s under which DVC keeps those inputs that it tracks.
    """

    key: str
    spec: str
    env: str = "default"
    repro: str = "bitwise"
    code: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    params: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Mapping[str, Scalar] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: environments and stages by name."""

    environments: Mapping[str, Environment] = field(default_factory=dict)
    stages: Mapping[str, Stage] = field(default_factory=dict)
