"""The steps that fit models: searches for parameters, and the training of the baseline and of each candidate."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import Place
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.plan.compile_parts import (
    BASELINE,
    code_of,
    columns_of,
    dump,
    execution_of,
    execution_places,
    folder_of,
    folds_of,
    group_of,
    places_below,
    places_of,
    shared_places,
    side_inputs,
    trained_roles,
    weight_of,
    weight_places,
)
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.versions import SEARCH_VERSION, TRAIN_VERSION
from mlops_runner.specs.data import Data
from mlops_runner.specs.load import Core
from mlops_runner.specs.training_search import Search
from mlops_runner.specs.training_trainers import CommandTrainer, RawTrainer, Trainer

LIMITS = ("timeout", "memory")  # they end a fit, and change none that ends


def search_steps(core: Core) -> Iterator[Step]:
    """Yield the searches, each before the training that uses what it finds."""
    for name, trainer in core.training.spec.candidates.items():
        if trainer.search is not None:
            yield _search_step(core, name, trainer, trainer.search)


def _search_step(core: Core, name: str, trainer: Trainer, search: Search) -> Step:
    document, select = core.training.document, core.training.spec.select
    config, places = trainer_of(core, name, trainer)
    config["trainer"] |= limits_of(trainer)  # here a fit that is ended is a trial that has failed
    config["search"] = dump(search)
    config |= weight_of(core)
    config["metric"] = search.metric or select.metric
    config["direction"] = "maximize" if better(config["metric"]) == "higher" else "minimize"
    places |= dict(places_below(document, ("candidates", name, "search"), "search")) | weight_places(core)
    places |= dict(places_below(document, ("select", "metric"), "metric")) if search.metric is None else {}
    inputs = [side for side in side_inputs(core) if side.name != "test"]
    if search.measured_on == "folds":
        config["folds_in_time"] = core.data.spec.split.kind == "time"
        inputs.append(Input("folds", f"{folder_of(core, 'data')}/folds.parquet", "data"))
    return Step(
        f"search.{name}", "search", SEARCH_VERSION, config, places,
        output=folder_of(core, f"search.{name}"),
        inputs=(*inputs, *files_of(trainer)),
        code=code_of(trainer),
        repro="none" if search.time or trainer.timeout else core.pipeline.spec.reproducibility,
        execution=execution_of(core),
        fits=search.trials * _folds(core.data.spec, search),
    )  # fmt: skip


def _folds(data: Data, search: Search) -> int:
    """Count the folds of a trial; of blocks in time the first is only fitted on."""
    if search.measured_on == "validation":
        return 1
    return folds_of(data) - int(data.split.kind == "time")


def trainer_of(core: Core, name: str, trainer: Trainer) -> tuple[dict[str, Any], dict[str, Place]]:
    """Return what trying and training a candidate have in common, and where it is written."""
    spec, document = core.training.spec, core.training.document
    keys = ("task", "positive", "preprocessing")
    config = {key: value for key, value in dump(spec).items() if key in keys}
    config["trainer"] = {key: value for key, value in dump(trainer).items() if key not in {"search", *LIMITS}}
    means = not isinstance(trainer, RawTrainer) and (trainer.preprocessing or spec.preprocessing).cross_fitted()
    group = group_of(core.data.spec) if means and spec.task != "ranking" else None  # which reads its queries anyway
    config |= columns_of(core.data.spec, trained_roles(core), group)
    path = (BASELINE,) if name == BASELINE else ("candidates", name)
    places = {
        **shared_places(core, document),
        **dict(places_of(document, keys)),
        **dict(places_below(document, path, "trainer")),
        **execution_places(core),
    }
    if isinstance(trainer, RawTrainer):
        config.pop("preprocessing", None)  # it is given the columns as they are
    elif trainer.preprocessing is not None:
        config.pop("preprocessing", None)  # it has its own
    return config, places


def train_step(core: Core, name: str, trainer: Trainer) -> Step:
    """Return the step that trains a candidate or the baseline."""
    config, places = trainer_of(core, name, trainer)
    return Step(
        f"train.{name}", "train", TRAIN_VERSION, config, places,
        output=folder_of(core, f"train.{name}"),
        inputs=tuple(training_inputs(core, name, trainer)),
        code=code_of(trainer),
        repro=core.pipeline.spec.reproducibility,
        execution=execution_of(core),
        access=limits_of(trainer),
    )  # fmt: skip


def training_inputs(core: Core, name: str, trainer: Trainer) -> Iterator[Input]:
    """Yield what a candidate is trained on, never the test side: rows, parameters that were found, files it names."""
    yield from (side for side in side_inputs(core) if side.name != "test")
    if trainer.search is not None:
        yield Input("search", f"{folder_of(core, f'search.{name}')}/best.json", f"search.{name}")
    yield from files_of(trainer)


def files_of(trainer: Trainer) -> Iterator[Input]:
    """Yield the files of the project that a command names."""
    if isinstance(trainer, CommandTrainer):
        yield from (Input(f"files.{position}", path) for position, path in enumerate(trainer.files))


def limits_of(trainer: Trainer) -> dict[str, Any]:
    """Return what a fit may take."""
    return {key: value for key, value in dump(trainer).items() if key in LIMITS}
