"""The table of kinds of step: which module does one, and what it is worth importing ahead. A command needs neither."""

import importlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError
from mlops_runner.execute.isolation import Level
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.plan.steps import Step
from mlops_runner.train.project_code import CALLABLE_FAILED

STAGES = {
    "source": "mlops_runner.execute.stages.source",
    "data": "mlops_runner.execute.stages.data",
    "search": "mlops_runner.execute.stages.search",
    "fit": "mlops_runner.execute.stages.fit",
    "train": "mlops_runner.execute.stages.train",
    "select": "mlops_runner.execute.stages.select",
    "refit": "mlops_runner.execute.stages.refit",
    "evaluate": "mlops_runner.execute.stages.evaluate",
    "package": "mlops_runner.execute.stages.package",
    "python": "mlops_runner.execute.stages.python",
    "notebook": "mlops_runner.execute.stages.notebook",
}

TRAINING = frozenset({"search", "refit"})  # they train, many times
# What other steps wait for, what waits for these alone, and then the rest: the worker imports in this order.
EARLY = frozenset({"source", "data"})
FITTING = frozenset({"train", "fit", *TRAINING})

SHARED = ("mlops_runner.execute.stages.common",)  # what every step needs

ESTIMATOR = (  # what reading and writing an estimator of scikit-learn takes
    "mlops_runner.train.audit",
    "mlops_runner.train.canonical",
    "mlops_runner.train.formats.estimator",
    "encodings.cp437",  # what zipfile writes names in
    "skops.io",
    "sklearn.compose",
    "sklearn.pipeline",
)

# Imported once by the worker and then shared by every step it forks. Imported late otherwise, so a name that is
# missing here costs time, nothing else.
PRELOAD = {
    "source": ("polars.io.plugins", "mlops_runner.data.fetch.digest"),
    "source.sql": ("mlops_runner.data.fetch.sql", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"),
    "source.http": ("mlops_runner.data.fetch.http",),
    "data": (
        "polars._utils.parquet",
        "mlops_runner.data.materialise",
        "mlops_runner.data.checks.allowed",
        "mlops_runner.data.checks.missing",
        "mlops_runner.data.checks.range",
        "mlops_runner.data.checks.rows",
        "mlops_runner.data.checks.target",
        "mlops_runner.data.checks.unique",
    ),
    "data.sklearn": ("importlib.readers", "sklearn.datasets", "mlops_runner.data.sources.sklearn"),
    "train": (
        "mlops_runner.train.fit",
        "narwhals._interchange.dataframe",
        "narwhals._polars.dataframe",
        "narwhals.stable.v2._namespace",
        "sklearn.impute",
        "sklearn.preprocessing",
    ),
    "search": ("optuna.importance", "mlops_runner.train.tuning.draw", "mlops_runner.train.tuning.bench"),
    "train.sklearn": (*ESTIMATOR, "mlops_runner.train.trainers.sklearn"),
    "train.xgboost": ("mlops_runner.train.trainers.xgboost", "xgboost", "mlops_runner.train.formats.booster"),
    "train.python": (*ESTIMATOR, "mlops_runner.train.trainers.python"),
    "train.command": (*ESTIMATOR, "mlops_runner.train.trainers.command"),
    "select": (*ESTIMATOR, "mlops_runner.evaluate.alone"),
    "refit": ("mlops_runner.evaluate.alone", "mlops_runner.train.refits"),
    "evaluate": (*ESTIMATOR, "mlops_runner.evaluate.assess", "mlops_runner.evaluate.importance"),
    "package": ("mlops_runner.train.bundle",),
    "python": (),
    "command": (),
    "notebook": ("mlops_runner.execute.kernel",),
}


def levels(steps: Sequence[Step], lanes: int, libraries: tuple[str, ...] = ()) -> tuple[Level, ...]:
    """Return what the worker should import, and when: steps that come first need not wait for what later ones use.

    libraries: what functions of the project import.
    """
    early = [step for step in steps if step.kind in EARLY]
    fitting = [step for step in steps if step.kind in FITTING]
    late = [step for step in steps if step.kind not in EARLY | FITTING]
    found = [(early, 1, EARLY), (fitting, lanes, FITTING), (late, lanes, frozenset[str]())]
    kept = [Level(preload(those), count, kinds) for those, count, kinds in found if those]
    last = kept[-1]
    return (*kept[:-1], replace(last, modules=(*last.modules, *libraries), lanes=lanes, kinds=frozenset()))


def preload(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the modules that the worker should import before it forks these steps."""
    wanted: dict[str, None] = {}
    for step in steps:
        variant = step.config.get("trainer", {}).get("trainer") or step.config.get("source", {}).get("kind")
        kind = "train" if step.kind in TRAINING else step.kind
        named = (
            *PRELOAD[step.kind],
            *PRELOAD[kind],
            *PRELOAD.get(f"{kind}.{variant}", ()),
            *_estimator(step),
            *((STAGES[step.kind],) if step.kind in STAGES else ()),
        )
        wanted |= dict.fromkeys(named)
    return tuple(wanted)


def _estimator(step: Step) -> tuple[str, ...]:
    """Return the module of scikit-learn that a step's estimator lives in."""
    module = str(step.config.get("trainer", {}).get("estimator", "")).rpartition(".")[0]
    return (module,) if module.startswith("sklearn.") else ()


def handle(request: Request) -> Reply:
    """Do a step, inside its process. An expected failure becomes a reply; anything else is a crash."""
    stage = importlib.import_module(STAGES[request.kind])
    try:
        reply: Reply = stage.execute(request)
    except InvalidInput as error:
        return Reply("invalid", diagnostics=error.diagnostics)
    except MlopsError as error:
        return Reply("failed", diagnostics=tuple(_in_project(found, request) for found in error.diagnostics))
    return reply


def _in_project(found: Diagnostic, request: Request) -> Diagnostic:
    """Place what the project's code raised as a path in the project: it was found from the folder of the code."""
    if found.code != CALLABLE_FAILED or found.place is None:
        return found
    file = os.path.relpath(Path(request.code).resolve() / found.place.file, Path(request.project).resolve())
    return replace(found, place=replace(found.place, file=file))
