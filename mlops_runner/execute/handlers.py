"""The table of built-in steps: which module does a kind of step, and what it is worth importing ahead of time."""

import importlib
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, Place
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.plan.steps import Step

RUNNER = Path(__file__).parents[1]
STAGES = {
    "data": "mlops_runner.execute.stages.data",
    "train": "mlops_runner.execute.stages.train",
    "evaluate": "mlops_runner.execute.stages.evaluate",
    "package": "mlops_runner.execute.stages.package",
}

# Imported once by the worker and then shared by every step it forks. Imported late otherwise, so a name that is
# missing here costs time, nothing else.
PRELOAD = {
    "data": (
        "mlops_runner.data.materialise",
        "mlops_runner.data.checks.allowed",
        "mlops_runner.data.checks.missing",
        "mlops_runner.data.checks.range",
        "mlops_runner.data.checks.rows",
        "mlops_runner.data.checks.target",
        "mlops_runner.data.checks.unique",
    ),
    "data.sklearn": ("sklearn.datasets", "mlops_runner.data.sources.sklearn"),
    "train": (
        "mlops_runner.train.fit",
        "mlops_runner.train.audit",
        "mlops_runner.train.canonical",
        "mlops_runner.train.formats.estimator",
        "encodings.cp437",  # what zipfile writes names in
        "narwhals.stable.v2",
        "narwhals._polars.dataframe",
        "skops.io",
        "sklearn.compose",
        "sklearn.impute",
        "sklearn.pipeline",
        "sklearn.preprocessing",
    ),
    "train.sklearn": ("mlops_runner.train.trainers.sklearn",),
    "train.xgboost": ("mlops_runner.train.trainers.xgboost", "xgboost", "mlops_runner.train.formats.booster"),
    "train.python": ("mlops_runner.train.trainers.python",),
    "evaluate": ("mlops_runner.evaluate.assess", "mlops_runner.evaluate.importance"),
    "package": ("mlops_runner.train.bundle",),
}


def preload(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the modules that the worker should import before it forks the first of these steps."""
    wanted: dict[str, None] = {}
    for step in steps:
        variant = step.config.get("trainer", {}).get("trainer") or step.config.get("source", {}).get("kind")
        named = (*PRELOAD[step.kind], *PRELOAD.get(f"{step.kind}.{variant}", ()), *_estimator(step), STAGES[step.kind])
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
        return Reply("invalid", diagnostics=_located(error, Path(request.code)))
    except MlopsError as error:
        return Reply("failed", diagnostics=_located(error, Path(request.code)))
    return reply


def _located(error: MlopsError, code: Path) -> tuple[Diagnostic, ...]:
    """Give complaints that the project's own code has caused the line of that code where it stopped."""
    trace = traceback.extract_tb(error.__cause__.__traceback__) if error.__cause__ else []
    own = [frame for frame in trace if Path(frame.filename).is_relative_to(code) and "site-packages" not in frame[0]]
    own = [frame for frame in own if not Path(frame.filename).is_relative_to(RUNNER)]
    if not own:
        return error.diagnostics
    place = Place(str(Path(own[-1].filename).relative_to(code)), own[-1].lineno or 1)
    return tuple(
        diagnostic if diagnostic.place else replace(diagnostic, place=place) for diagnostic in error.diagnostics
    )
