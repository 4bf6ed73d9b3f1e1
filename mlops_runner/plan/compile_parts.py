"""What compiling steps has in common: inputs, folders, code, execution settings, and where values are written."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import Place
from mlops_runner.plan.steps import Input
from mlops_runner.specs.base import Part
from mlops_runner.specs.data import Data, GroupSplit
from mlops_runner.specs.data_checks import PythonRule
from mlops_runner.specs.data_sources import PythonSource
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Document
from mlops_runner.specs.task import QUERY_ROLE
from mlops_runner.specs.training_trainers import PythonTrainer

BASELINE = "baseline"
FORECAST = ("horizon", "season")
GROUP = "group"
TRAINED_ROLES = {"feature", "target", "weight"}


def trained_roles(core: Core) -> set[str]:
    """Return the roles of the columns that training reads; of a ranking also the one that names the query."""
    return {*TRAINED_ROLES, QUERY_ROLE} if core.training.spec.task == "ranking" else TRAINED_ROLES


def sides_of(data: Data) -> dict[str, bool]:
    """Return the sides a split makes, and whether each may turn out to be absent."""
    split = data.split
    if split.kind == "predefined":
        return {"train": False, "validation": True, "test": True}
    shares = {"train": 1.0, "validation": split.validation, "test": split.test}
    return {side: False for side, share in shares.items() if share > 0}


def folds_of(data: Data) -> int:
    """Count the declared folds, those of all repetitions."""
    return 0 if data.folds is None else data.folds.count * data.folds.repeats


def side_inputs(core: Core) -> tuple[Input, ...]:
    """Return the sides of the data as inputs."""
    folder = folder_of(core, "data")
    sides = sides_of(core.data.spec).items()
    return tuple(Input(side, f"{folder}/{side}.parquet", "data", optional=optional) for side, optional in sides)


def folder_of(core: Core, step: str) -> str:
    """Return the folder that a step writes."""
    artifacts = core.pipeline.spec.artifacts
    kind, _, candidate = step.partition(".")
    names = {
        "source": "source",
        "data": "data",
        "search": f"searches/{candidate}",
        "train": f"candidates/{candidate}",
        "select": "selection",
        "refit": f"refits/{candidate}",
        "evaluate": "evaluation",
        "package": "model",
    }
    return f"{artifacts}/{names[kind]}"


def code_of(*parts: Part) -> tuple[str, ...]:
    """Return the functions of the project that a step calls."""
    named = [part.callable for part in parts if isinstance(part, PythonSource | PythonRule | PythonTrainer)]
    return tuple(dict.fromkeys([*named, *loaders(*parts)]))


def loaders(*parts: Part) -> Iterator[str]:
    """Yield the functions that read models of the project, wherever a step predicts with one."""
    for part in parts:
        if isinstance(part, PythonTrainer) and part.load is not None:
            yield part.load


def model_inputs(core: Core, models: list[str]) -> tuple[Input, ...]:
    """Return the sides of the data and the folders of models as inputs."""
    steps = {name: f"train.{name}" for name in models}
    candidates = (Input(f"model.{name}", folder_of(core, step), step, folder=True) for name, step in steps.items())
    return (*side_inputs(core), *candidates)


def all_loaders(core: Core) -> tuple[str, ...]:
    """Return the functions that read models of the project."""
    return tuple(dict.fromkeys(loaders(*(trainer for _, trainer in core.training.spec.trainers()))))


def model_places(core: Core, models: list[str]) -> dict[str, Place]:
    """Place the names of the models."""
    paths = [(name,) if name == BASELINE else ("candidates", name) for name in models]
    places = {f"models.{i}": core.training.document.place(path, key=True) for i, path in enumerate(paths)}
    return {"models": core.training.document.place(("candidates",), key=True), **places}


def series_of(core: Core) -> dict[str, Any]:
    """Return what a step needs to measure forecasts; nothing for other tasks."""
    series = core.data.spec.series
    if core.training.spec.task != "forecasting" or series is None:
        return {}
    return {"series": {key: value for key, value in dump(series).items() if key != "known"}}


def weight_of(core: Core) -> dict[str, Any]:
    """Return the column that metrics are weighted by; nothing when they are not."""
    if not core.evaluation.spec.weighted:
        return {}
    return {"weight": core.data.spec.with_role("weight")[0]}


def weight_places(core: Core) -> dict[str, Place]:
    """Place the weights of metrics."""
    return {"weight": core.evaluation.document.place(("weighted",))} if core.evaluation.spec.weighted else {}


def execution_of(core: Core) -> dict[str, Any]:
    """Return the execution settings of the steps that fit or use models."""
    spec = core.training.spec
    return {"seed": spec.seed, "threads": spec.threads, "device": spec.device}


def execution_places(core: Core) -> dict[str, Place]:
    """Place the execution settings."""
    document = core.training.document
    return {f"execution.{key}": document.place((key,)) for key in ("seed", "threads", "device")}


def columns_of(data: Data, roles: set[str], group: str | None = None) -> dict[str, Any]:
    """Describe the columns a step reads; their order counts, and a mapping's order is not part of a key.

    group: one more column, which has the role of a group there.
    """
    columns = {name: column for name, column in data.all_columns().items() if column.role in roles or name == group}
    roles_of = {name: GROUP if name == group else column.role for name, column in columns.items()}
    described = {name: {"type": c.type, "role": roles_of[name], "tags": list(c.tags)} for name, c in columns.items()}
    return {"columns": described, "order": list(columns)}


def group_of(data: Data) -> str | None:
    """Return the column of the groups, that of the split or with the role group; none that a model reads itself."""
    named = (data.split.group,) if isinstance(data.split, GroupSplit) else ()
    columns = data.all_columns()
    return next((name for name in (*named, *data.with_role(GROUP)) if columns[name].role not in TRAINED_ROLES), None)


def shared_places(core: Core, document: Document) -> dict[str, Place]:
    """Place the step as a whole, and the columns, whose order counts but is no param."""
    return {
        "": document.place(()),
        "columns": core.data.document.place(("columns",), key=True),
        "reproducibility": core.pipeline.document.place(("reproducibility",)),
    }


def dump(part: Part) -> dict[str, Any]:
    """Return what was written, in effect: a default that a later release adds changes no key."""
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def places_of(document: Document, keys: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    """Yield every value below the given keys of a document, with its place."""
    for key in document.value:
        for path, mark in document.marks.below((key,)) if key in keys else ():
            yield ".".join(map(str, path)), Place(document.file, *mark.value)


def places_below(document: Document, above: tuple[str, ...], name: str) -> Iterator[tuple[str, Place]]:
    """Yield every value below a path, under the name that the step gives it."""
    for path, mark in document.marks.below(above):
        position = mark.key if path == above else mark.value
        yield ".".join(map(str, (name, *path[len(above) :]))), Place(document.file, *position)
