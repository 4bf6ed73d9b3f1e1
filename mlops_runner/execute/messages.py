"""What the runner and a step's process say to each other: one JSON request, one JSON reply."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mlops_runner.errors import Diagnostic, Place

Over = Literal["", "time", "memory", "disk"]  # what a step had too much of
Status = Literal["done", "failed", "invalid"]


@dataclass(frozen=True, slots=True)
class Fence:
    """What a step is kept from: of the folders `closed` it reads nothing but what is `shown`, and writes nothing.

    In the folders `listed` it sees what there is. All paths are absolute. Its own folder, its inputs, and the
    interpreter with its packages are open to it anyway.
    """

    closed: tuple[str, ...]
    shown: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a step's process is told.

    `work` is its folder (it writes below `work`/out), `code` the folder of the project's callables, `inputs` maps
    logical names to absolute paths, `digests` maps files below folder inputs to their sha256. All paths are absolute.
    A step that fetches gets more: the `project`'s folder, its `access`, the values of the `secrets` named there, and
    the variables of its `surroundings`. Secrets travel here and not in its environment, which other processes may read.
    Of the folder `code`, it imports `modules`. A search may use `jobs` processes of its own, and remembers in the file
    `memory` what it has tried; if it is to be made `elsewhere`, it asks the runner for each fit.
    A step behind a `fence` is kept there by the kernel. `interpreter` is that of the step's environment; empty for the
    one that runs this. One of the project's own has `bounds`, in seconds and bytes, and sees `gpus`.
    """

    kind: str
    config: Mapping[str, Any]
    execution: Mapping[str, Any]
    work: str
    code: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    access: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1
    memory: str = ""
    fence: Fence | None = None
    interpreter: str = ""
    bounds: Mapping[str, float] = field(default_factory=dict)
    gpus: Sequence[str] = ()
    modules: Sequence[str] = ()
    elsewhere: bool = False

    def encode(self) -> str:
        """Return the request as one line of JSON.

        Keys are sorted: a step cannot depend on an order that its key leaves out.
        """
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a step's process answers.

    local: numbers that are true of this machine alone; surprises: what it did that its spec does not say, in words.
    """

    status: Status
    metrics: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    local: Mapping[str, float] = field(default_factory=dict)
    surprises: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return the reply as JSON."""
        return json.dumps(asdict(self))


def decode_request(line: str) -> Request:
    """Read a request back."""
    return request_from(json.loads(line))


def request_from(value: dict[str, Any]) -> Request:
    """Read a request back from its values."""
    fence = value["fence"] and Fence(**{name: tuple(paths) for name, paths in value["fence"].items()})
    return Request(**{**value, "fence": fence})


def decode_reply(text: str) -> Reply:
    """Read a reply back."""
    value = json.loads(text)
    value["diagnostics"] = tuple(_diagnostic(item) for item in value["diagnostics"])
    value["warnings"] = tuple(value["warnings"])
    value["surprises"] = tuple(value["surprises"])
    return Reply(**value)


def _diagnostic(value: dict[str, Any]) -> Diagnostic:
    place = value.pop("place")
    return Diagnostic(**value, place=Place(**place) if place else None)
