"""Steps: what a pipeline is made of, as small frozen values that the explainer prints and the engine executes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from mlops_runner.digest import digest_value
from mlops_runner.errors import Place
from mlops_runner.lock.model import Scalar
from mlops_runner.plan.environment import DEFAULT, Declared

Kind = Literal[
    "source", "data", "search", "train", "select", "refit", "evaluate", "package", "python", "command",
    "notebook",
]  # fmt: skip
Repro = Literal["bitwise", "tolerance", "none"]

SHOWN = ("callable", "params", "variables")
CUSTOM = frozenset({"python", "command", "notebook"})  # kinds of step that a project declares itself
PROGRAMS = frozenset({"command", "notebook"})  # they find copies of their code in the folder in which they run


@dataclass(frozen=True, slots=True)
class Input:
    """Something a step reads: a file, or all files of a folder that another step writes.

    `name` is what the handler and the key call it; a path is not part of a key, so moving a file is free.

    Of a `value` that another step returns, `name` is the param that it becomes, and `path` what it is called there.
    """

    name: str
    path: str
    producer: str | None = None
    folder: bool = False
    optional: bool = False
    value: bool = False


@dataclass(frozen=True)
class Step:
    """One step. `config` is every spec value it reads; `places` says where each of them is written.

    A built-in step writes files into the folder `output`; one that the project declares writes the paths that it names,
    and its `output` is empty: names of files are then paths in the project.

    `previous` names files that the last locked version of this very step wrote and that it looks at. They are not part
    of the key, so nothing that the step writes may depend on them: they serve warnings and refusals.

    `fits` is how many models the step fits at most, where that is more than one and somebody declared it.

    `access` says how the step reaches what lies outside, and how it is run: names of secrets (never their values),
    limits (`bounds` in seconds and bytes), what it `takes` of what steps share, retries. It is not part of the key
    either: none of it changes what the step writes.

    `env` names the environment it runs in; its digest is part of the key, and the name is not.
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
    env: str = DEFAULT

    @cached_property
    def spec(self) -> str:
        """The digest of every spec value that it reads."""
        return digest_value("c1", self.config)

    @cached_property
    def files(self) -> tuple[Input, ...]:
        """The inputs that are files or folders."""
        return tuple(item for item in self.inputs if not item.value)

    @cached_property
    def values(self) -> tuple[Input, ...]:
        """The inputs that are values which other steps return."""
        return tuple(item for item in self.inputs if item.value)

    @property
    def built_in(self) -> bool:
        """Whether the runner itself does the step, not code of the project."""
        return self.kind not in CUSTOM

    @property
    def file_name(self) -> str:
        """Its name as that of a file: values of a matrix may hold slashes."""
        return self.name.replace("/", "%2F")

    @property
    def always(self) -> bool:
        """Whether it runs every time."""
        return bool(self.access.get("always"))

    @property
    def frozen(self) -> bool:
        """Whether it never runs: what is locked stays."""
        return bool(self.access.get("frozen"))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The paths it writes, files or folders."""
        if self.built_in:
            return (self.output,)
        declared = self.config.get("outputs", ())
        executed = (self.config["executed"],) if "executed" in self.config else ()
        return (*(declared.values() if isinstance(declared, Mapping) else declared), *executed)

    def path_of(self, name: str) -> str:
        """Return where a file lies that the step calls `name`."""
        return f"{self.output}/{name}" if self.output else name

    def name_of(self, path: str) -> str:
        """Return what the step calls a file that it wrote, or that it wrote under another name of its own."""
        return path.rpartition("/")[2] if self.output else path

    @property
    def secrets(self) -> dict[str, Place]:
        """The names of the secrets that the step uses, and where they are written."""
        found = {str(name): path for path, name in flatten(self.access) if path.endswith(".secret")}
        above = "source." if self.built_in else ""
        return {name: self.place(f"{above}{path}") for name, path in found.items()}

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
        """The values somebody wrote, flat: dotted path → scalar. Defaults are in the key, but tell a reader nothing.

        Of a step of the project's own, neither what it runs nor its paths: inputs and outputs are told by their names.
        """
        settings = {f"execution.{name}": value for name, value in self.keyed_execution.items()}
        shown = self.config if self.built_in else {name: self.config[name] for name in SHOWN if name in self.config}
        values = {**dict(flatten(shown)), **settings}
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
        """Return where a value of another step, or a file, is named."""
        if item.value:
            return self.place(f"{item.name}.value")
        if not self.built_in:
            return self._listed("inputs", item.path)
        if item.name.startswith("checks."):
            return self.place(item.name)
        if item.name.startswith("files."):
            return self.place(f"trainer.{item.name}")
        if item.name == "champion":
            return self.place("champion.bundle")
        return self.place("source.path" if item.name == "source" else f"source.inputs.{item.name}")

    def output_place(self, path: str) -> Place:
        """Return where a path that the step writes is named."""
        if path == self.config.get("executed"):
            return self.place("executed")
        return self.place("") if self.built_in else self._listed("outputs", path)

    def code_place(self, name: str) -> Place:
        """Return where a callable, or a program of the project, is named."""
        if self.kind == "command":
            return self._listed("code", name)
        named = {"train": "trainer.callable", "python": "callable", "notebook": "notebook"}
        return self.place(named.get(self.kind, "source.callable"))

    def _listed(self, where: str, path: str) -> Place:
        declared = self.config.get(where, ()) if where != "code" else self.code
        pairs = declared.items() if isinstance(declared, Mapping) else enumerate(declared)
        return self.place(next((f"{where}.{name}" for name, found in pairs if found == path), where))


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of the machine costs that runs the steps; for people alone, and in no key."""

    per_hour: float
    currency: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the specs say, reduced to what planning and running need.

    `code` is the folder of python callables (empty: the project's own), `environments` are those that steps may run
    in, by name, `specs` the files all of this was read from, `pipelines` the folders below that hold pipelines of their
    own, and where each is named, `pools` how much there is of what steps share.
    """

    pipeline: str
    description: str
    steps: tuple[Step, ...]
    code: str
    environments: Mapping[str, Declared]
    specs: tuple[str, ...]
    price: Price | None = None
    pipelines: Mapping[str, Place] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)

    @property
    def dependencies(self) -> str | None:
        """The dependency lock of the project's own environment, if it has one."""
        return self.environments[DEFAULT].lock

    @property
    def trains(self) -> bool:
        """Whether a model is trained and evaluated; otherwise there are steps of the project alone."""
        return any(step.kind == "evaluate" for step in self.steps)


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
