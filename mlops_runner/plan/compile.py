"""Specs → steps: which steps a pipeline has, what each of them reads, and where that is written."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import Place
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.plan.steps import Compiled, Input, Step
from mlops_runner.specs.base import Part
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import DistributionRule, PythonRule, ReferenceRule
from mlops_runner.specs.data_sources import CsvSource, HttpSource, ParquetSource, PythonSource, SqlSource
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Document
from mlops_runner.specs.training_search import Search
from mlops_runner.specs.training_trainers import CommandTrainer, PythonTrainer, Trainer

# Versions of what the built-in steps do. Raise one by hand when the step's result changes for equal inputs; the
# version of this package is not part of a key, so that upgrading it does not retrain the world.
SOURCE_VERSION = 1
DATA_VERSION = 2
SEARCH_VERSION = 1
TRAIN_VERSION = 2
EVALUATE_VERSION = 2
PACKAGE_VERSION = 2

SNAPSHOT = "snapshot"  # what a source that lies outside is kept as
BASELINE = "baseline"
TRAINED_ROLES = {"feature", "target", "weight"}
LIMITS = ("timeout", "memory")  # they end a fit, and change none that ends


def compile_pipeline(core: Core) -> Compiled:
    """Reduce the specs to what planning and running need."""
    spec = core.pipeline.spec
    specs = tuple(loaded.document.file for loaded in (core.pipeline, core.data, core.training, core.evaluation))
    return Compiled(spec.name, spec.description, compile_steps(core), spec.code or "", spec.dependencies.lock, specs)


def compile_steps(core: Core) -> tuple[Step, ...]:
    """Return the steps of a pipeline in an order in which each follows what it reads."""
    trainers = {BASELINE: core.training.spec.baseline, **core.training.spec.candidates}
    training = [_train_step(core, name, trainer) for name, trainer in trainers.items()]
    return (
        *_source_step(core),
        _data_step(core),
        *_search_steps(core),
        *training,
        _evaluate_step(core, list(trainers)),
        _package_step(core, list(trainers)),
    )


def sides_of(data: Data) -> dict[str, bool]:
    """Return the sides a split makes, and whether each may turn out to be absent."""
    split = data.split
    if split.kind == "predefined":
        return {"train": False, "validation": True, "test": True}
    shares = {"train": 1.0, "validation": split.validation, "test": split.test}
    return {side: False for side, share in shares.items() if share > 0}


def _source_step(core: Core) -> Iterator[Step]:
    """Yield the step that fetches what lies outside the project, if the source does.

    A plain address is part of its key: under a new one, the old digest must be seen to hold. Of a secret, not even the
    name is.
    """
    spec, document = core.data.spec, core.data.document
    source = spec.source
    if not isinstance(source, SqlSource | HttpSource):
        return
    values, access = _apart(_dump(source))
    config: dict[str, Any] = {"source": values}
    keys: tuple[str, ...] = ("source",)
    if isinstance(source, SqlSource):
        keys = ("source", "columns", "undeclared")
        columns = {name: _dump(column) for name, column in spec.columns.items()}
        config["columns"] = {n: {key: c[key] for key in ("type", "format") if key in c} for n, c in columns.items()}
        config |= {"order": list(columns), "undeclared": spec.undeclared}
        access["masked"] = [name for name, column in spec.columns.items() if "pii" in column.tags]
    else:
        headers, access["headers"] = _apart(values.pop("headers", {}))
        values |= {"headers": headers} if headers else {}
        values["format"] = {"kind": source.format.kind}  # the dialect is for the step that reads the file
        access["max_bytes"] = values.pop("max_bytes", source.max_bytes)
    yield Step(
        "source", "source", SOURCE_VERSION, config,
        places={**_shared_places(core, document), **dict(_places(document, keys))},
        output=_folder(core, "source"),
        repro=core.pipeline.spec.reproducibility,
        access=access,
    )  # fmt: skip


def _apart(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide values into what may be shown, and what stands behind a secret."""
    hidden = {name for name, value in values.items() if isinstance(value, dict) and value.keys() == {"secret"}}
    plain = {name: value for name, value in values.items() if name not in hidden}
    return plain, {name: value for name, value in values.items() if name in hidden}


def _snapshot(source: SqlSource | HttpSource) -> dict[str, Any]:
    """Return the source that the data step sees in place of one that lies outside: the file that was fetched."""
    return {"kind": "parquet"} if isinstance(source, SqlSource) else _dump(source.format)


def _data_step(core: Core) -> Step:
    spec, document = core.data.spec, core.data.document
    keys = ("source", "columns", "undeclared", "cleaning", "checks", "split", "folds")
    config = {key: value for key, value in _dump(spec).items() if key in keys}
    config["order"] = list(spec.columns)
    source = spec.source
    inputs: tuple[Input, ...] = ()
    places = {**_shared_places(core, document), **dict(_places(document, keys))}
    if isinstance(source, SqlSource | HttpSource):
        config["source"] = _snapshot(source)
        fetched = f"{_folder(core, 'source')}/{SNAPSHOT}.{config['source']['kind']}"
        inputs = (Input("source", fetched, "source"),)
        places = {path: place for path, place in places.items() if not path.startswith("source.")}
        places |= dict(_places_below(document, ("source", "format"), "source"))
    elif isinstance(source, CsvSource | ParquetSource):
        del config["source"]["path"]  # where the file lies is not what it says
        inputs = (Input("source", source.path),)
    elif isinstance(source, PythonSource):
        inputs = tuple(Input(name, path) for name, path in source.inputs.items())
        config["source"]["inputs"] = dict.fromkeys(source.inputs, "")
    return Step(
        "data", "data", DATA_VERSION, config, places,
        output=_folder(core, "data"),
        inputs=(*inputs, *_files_of_rules(spec)),
        code=_code_of(source, *spec.checks.rules),
        repro=core.pipeline.spec.reproducibility,
        previous=_previous(spec),
    )  # fmt: skip


def _code_of(*parts: Part) -> tuple[str, ...]:
    named = [part.callable for part in parts if isinstance(part, PythonSource | PythonRule | PythonTrainer)]
    return tuple(dict.fromkeys([*named, *_loaders(*parts)]))


def _loaders(*parts: Part) -> Iterator[str]:
    """Yield the functions that read models of the project, wherever a step predicts with one."""
    for part in parts:
        if isinstance(part, PythonTrainer) and part.load is not None:
            yield part.load


def _all_loaders(core: Core) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_loaders(*(trainer for _, trainer in core.training.spec.trainers()))))


def _files_of_rules(spec: Data) -> Iterator[Input]:
    """Yield the files that rules compare with; the handler knows them by the position of the rule."""
    for position, rule in enumerate(spec.checks.rules):
        if isinstance(rule, ReferenceRule):
            yield Input(f"checks.rules.{position}", rule.file)
        elif isinstance(rule, DistributionRule) and rule.against != "previous":
            yield Input(f"checks.rules.{position}", rule.against)


def _previous(spec: Data) -> tuple[str, ...]:
    rules = spec.checks.rules
    wanted = any(isinstance(rule, DistributionRule) and rule.against == "previous" for rule in rules)
    return ("profile.json",) if wanted else ()


def _search_steps(core: Core) -> Iterator[Step]:
    """Yield the searches, each before the training that uses what it finds."""
    for name, trainer in core.training.spec.candidates.items():
        if trainer.search is not None:
            yield _search_step(core, name, trainer, trainer.search)


def _search_step(core: Core, name: str, trainer: Trainer, search: Search) -> Step:
    document, select = core.training.document, core.training.spec.select
    config, places = _trainer(core, name, trainer)
    config["search"] = _dump(search)
    config["metric"] = search.metric or select.metric
    config["direction"] = "maximize" if better(config["metric"]) == "higher" else "minimize"
    places |= dict(_places_below(document, ("candidates", name, "search"), "search"))
    places |= dict(_places_below(document, ("select", "metric"), "metric")) if search.metric is None else {}
    inputs = [side for side in _sides(core) if side.name != "test"]
    if search.measured_on == "folds":
        config["folds_in_time"] = core.data.spec.split.kind == "time"
        inputs.append(Input("folds", f"{_folder(core, 'data')}/folds.parquet", "data"))
    return Step(
        f"search.{name}", "search", SEARCH_VERSION, config, places,
        output=_folder(core, f"search.{name}"),
        inputs=tuple(inputs),
        code=_code_of(trainer),
        repro="none" if search.time else core.pipeline.spec.reproducibility,
        execution=_execution(core),
    )  # fmt: skip


def _trainer(core: Core, name: str, trainer: Trainer) -> tuple[dict[str, Any], dict[str, Place]]:
    """Return what trying and training a candidate have in common, and where it is written."""
    spec, document = core.training.spec, core.training.document
    keys = ("task", "positive", "preprocessing")
    config = {key: value for key, value in _dump(spec).items() if key in keys}
    config["trainer"] = {key: value for key, value in _dump(trainer).items() if key not in {"search", *LIMITS}}
    config |= _columns(core.data.spec, TRAINED_ROLES)
    path = (BASELINE,) if name == BASELINE else ("candidates", name)
    places = {
        **_shared_places(core, document),
        **dict(_places(document, keys)),
        **dict(_places_below(document, path, "trainer")),
        **_execution_places(core),
    }
    if isinstance(trainer, PythonTrainer):
        config.pop("preprocessing", None)  # a python trainer receives the raw columns
    elif trainer.preprocessing is not None:
        config.pop("preprocessing", None)  # it has its own
    return config, places


def _train_step(core: Core, name: str, trainer: Trainer) -> Step:
    config, places = _trainer(core, name, trainer)
    inputs = tuple(side for side in _sides(core) if side.name != "test")
    if trainer.search is not None:
        inputs += (Input("search", f"{_folder(core, f'search.{name}')}/best.json", f"search.{name}"),)
    if isinstance(trainer, CommandTrainer):
        inputs += tuple(Input(f"files.{position}", path) for position, path in enumerate(trainer.files))
    return Step(
        f"train.{name}", "train", TRAIN_VERSION, config, places,
        output=_folder(core, f"train.{name}"),
        inputs=inputs,
        code=_code_of(trainer),
        repro=core.pipeline.spec.reproducibility,
        execution=_execution(core),
        access={key: value for key, value in _dump(trainer).items() if key in LIMITS},
    )  # fmt: skip


def _evaluate_step(core: Core, models: list[str]) -> Step:
    training, evaluation = core.training, core.evaluation
    keys = ("metrics", "digits", "intervals", "champion", "threshold", "slices", "find_slices", "worst_rows", "gates")
    config = {key: value for key, value in _dump(evaluation.spec).items() if key in keys and key != "champion"}
    selected = ("task", "positive", "select")
    config |= {key: value for key, value in _dump(training.spec).items() if key in selected}
    config["models"] = models
    config |= _columns(core.data.spec, {*TRAINED_ROLES, "group", "id", "time", "ignored"})
    places = {
        **_shared_places(core, evaluation.document),
        **dict(_places(evaluation.document, keys)),
        **dict(_places(training.document, selected)),
        **_execution_places(core),
        **_model_places(core, models),
    }
    return Step(
        "evaluate", "evaluate", EVALUATE_VERSION, config, places,
        output=_folder(core, "evaluate"),
        inputs=(*_all_inputs(core, models), *_champion(evaluation.spec)),
        code=_all_loaders(core),
        repro=core.pipeline.spec.reproducibility,
        execution=_execution(core),
    )  # fmt: skip


def _champion(evaluation: Evaluation) -> Iterator[Input]:
    """Yield the folder of the model in use; where it lies is not part of a key, what is in it is."""
    if evaluation.champion is not None:
        yield Input("champion", evaluation.champion.bundle)


def _package_step(core: Core, models: list[str]) -> Step:
    spec = core.data.spec
    signature = ("type", "role", "tags", "min", "max", "allowed", "max_missing")
    columns = {
        name: {key: value for key, value in _dump(column).items() if key in signature}
        for name, column in spec.columns.items()
        if column.role in TRAINED_ROLES
    }
    config = {
        "name": core.pipeline.spec.name,
        "task": core.training.spec.task,
        "positive": core.training.spec.positive,
        "models": models,
        "columns": columns,
        "order": list(columns),
    }
    places = {
        **_shared_places(core, core.pipeline.document),
        **dict(_places(core.training.document, ("task", "positive"))),
        **dict(_places(core.pipeline.document, ("name",))),
        **_model_places(core, models),
    }
    evaluation = Input("evaluation", f"{_folder(core, 'evaluate')}/evaluation.json", "evaluate")
    return Step(
        "package", "package", PACKAGE_VERSION, config, places,
        output=_folder(core, "package"),
        inputs=(*_all_inputs(core, models), evaluation),
        code=_all_loaders(core),
        repro=core.pipeline.spec.reproducibility,
        execution=_execution(core),
    )  # fmt: skip


def _sides(core: Core) -> tuple[Input, ...]:
    folder = _folder(core, "data")
    sides = sides_of(core.data.spec).items()
    return tuple(Input(side, f"{folder}/{side}.parquet", "data", optional=optional) for side, optional in sides)


def _all_inputs(core: Core, models: list[str]) -> tuple[Input, ...]:
    steps = {name: f"train.{name}" for name in models}
    candidates = (Input(f"model.{name}", _folder(core, step), step, folder=True) for name, step in steps.items())
    return (*_sides(core), *candidates)


def _folder(core: Core, step: str) -> str:
    artifacts = core.pipeline.spec.artifacts
    kind, _, candidate = step.partition(".")
    names = {
        "source": "source",
        "data": "data",
        "search": f"searches/{candidate}",
        "train": f"candidates/{candidate}",
        "evaluate": "evaluation",
        "package": "model",
    }
    return f"{artifacts}/{names[kind]}"


def _execution(core: Core) -> dict[str, Any]:
    spec = core.training.spec
    return {"seed": spec.seed, "threads": spec.threads, "device": spec.device}


def _execution_places(core: Core) -> dict[str, Place]:
    document = core.training.document
    return {f"execution.{key}": document.place((key,)) for key in ("seed", "threads", "device")}


def _columns(data: Data, roles: set[str]) -> dict[str, Any]:
    """Describe the columns a step reads; their order counts, and a mapping's order is not part of a key."""
    columns = {name: column for name, column in data.columns.items() if column.role in roles}
    described = {name: {"type": c.type, "role": c.role, "tags": list(c.tags)} for name, c in columns.items()}
    return {"columns": described, "order": list(columns)}


def _shared_places(core: Core, document: Document) -> dict[str, Place]:
    """Place the step as a whole, and the columns, whose order counts but is no param."""
    return {
        "": document.place(()),
        "columns": core.data.document.place(("columns",), key=True),
        "reproducibility": core.pipeline.document.place(("reproducibility",)),
    }


def _model_places(core: Core, models: list[str]) -> dict[str, Place]:
    paths = [(name,) if name == BASELINE else ("candidates", name) for name in models]
    places = {f"models.{i}": core.training.document.place(path, key=True) for i, path in enumerate(paths)}
    return {"models": core.training.document.place(("candidates",), key=True), **places}


def _dump(part: Part) -> dict[str, Any]:
    """Return what was written, in effect: a default that a later release adds changes no key."""
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _places(document: Document, keys: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    for path, mark in document.marks.items():
        if path and path[0] in keys:
            yield ".".join(map(str, path)), Place(document.file, *mark.value)


def _places_below(document: Document, above: tuple[str, ...], name: str) -> Iterator[tuple[str, Place]]:
    for path, mark in document.marks.items():
        if path[: len(above)] == above:
            position = mark.key if path == above else mark.value
            yield ".".join(map(str, (name, *path[len(above) :]))), Place(document.file, *position)
