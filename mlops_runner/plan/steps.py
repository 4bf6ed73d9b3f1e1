"""Steps: what a pipeline is made of, as small frozen values that the explainer prints and the engine executes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_runner.errors import Place
from mlops_runner.lock.model import Scalar

Kind = Literal["source", "data", "search", "train", "select", "refit", "evaluate", "package"]
Repro = Literal["bitwise", "tolerance", "none"]


@dataclass(frozen=True, slots=True)
class Input:
    """Something a step reads: a file, or all files of a folder that another step writes.

    `name` is what the handler and the key call it; a path is not part of a key, so moving a file is free.
    """

    name: str
    path: str
    producer: str | None = None
    folder: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `config` is every spec value it reads; `places` says where each of them is written.

    `previous` names files that the last locked version of this very step wrote and that it looks at. They are not part
    of the key, so nothing that the step writes may depend on them: they serve warnings and refusals.

    `fits` is how many models the step fits at most, where that is more than one and somebody declared it.

    `access` says how the step reaches what lies outside: names of secrets (never their values), limits. It is not part
    of the key either, because a digest in `config` pins what the step brings.
    """

    name: str
    kind: Kind
    version: int
    config: Mapping[str, Any]
    places: Mapping[str, Place]
    output: str
    inputs: tuple[Input, ...] = ()
    code: tuple[str, ...] = ()
    repro: Repro = "bitwise"
    execution: Mapping[str, Scalar] = field(default_factory=dict)
    previous: tuple[str, ...] = ()
    access: Mapping[str, Any] = field(default_factory=dict)
    fits: int = 0

    @property
    def secrets(self) -> dict[str, Place]:
        """The names of the secrets that the step uses, and where they are written."""
        found = {str(name): path for path, name in flatten(self.access) if path.endswith(".secret")}
        return {name: self.place(f"source.{path}") for name, path in found.items()}

    @property
    def fetches(self) -> bool:
        """Whether the step brings what a digest pins: then no environment can change its result."""
        return self.kind == "source"

    @property
    def pinned(self) -> bool:
        """Whether what the step brings is pinned."""
        return "digest" in self.config["source"]

    @property
    def params(self) -> dict[str, Scalar]:
        """The values somebody wrote, flat: dotted path → scalar. Defaults are in the key, but tell a reader nothing."""
        settings = {f"execution.{name}": value for name, value in self.keyed_execution.items()}
        values = {**dict(flatten(self.config)), **settings}
        return {name: value for name, value in values.items() if name in self.places}

    @property
    def keyed_execution(self) -> dict[str, Scalar]:
        """The execution settings that belong to the key: all under bitwise reproducibility, else the seed.

        A seed is a choice that somebody wrote down; threads and device only matter to those who ask for the same bytes.
        """
        everything = self.repro == "bitwise"
        return {name: value for name, value in self.execution.items() if everything or name == "seed"}

    def place(self, param: str) -> Place:
        """Return where a param is written, or the nearest thing above it."""
        while param and param not in self.places:
            param = param.rpartition(".")[0]
        return self.places[param]

    def input_place(self, item: Input) -> Place:
        """Return where a file that no step writes is named."""
        if item.name.startswith("checks."):
            return self.place(item.name)
        if item.name.startswith("files."):
            return self.place(f"trainer.{item.name}")
        if item.name == "champion":
            return self.place("champion.bundle")
        return self.place("source.path" if item.name == "source" else f"source.inputs.{item.name}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the specs say, reduced to what planning and running need.

    `code` is the folder of python callables (empty: the project's own), `dependencies` the dependency lock, `specs`
    the files all of this was read from.
    """

    pipeline: str
    description: str
    steps: tuple[Step, ...]
    code: str
    dependencies: str | None
    specs: tuple[str, ...]


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Scalar]]:
    """Yield the scalar leaves of a nested value with dotted paths; an empty collection is a leaf of its own."""
    match value:
        case Mapping() if value:
            for key, inner in value.items():
                yield from flatten(inner, f"{path}.{key}" if path else str(key))
        case list() | tuple() if value:
            for position, inner in enumerate(value):
                yield from flatten(inner, f"{path}.{position}" if path else str(position))
        case Mapping():
            yield path, "{}"
        case list() | tuple():
            yield path, "[]"
        case _:
            yield path, value
