"""The search stage: find parameters of one candidate."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import known_metrics
from mlops_runner.evaluate.values import UNRULED_THRESHOLD, Unmeasured, sample_of
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import (
    columns_from,
    log,
    out_folder,
    setting_from,
    trainer_from,
    training_folder,
    who_fits,
)
from mlops_runner.execute.stages.limits import limits_of
from mlops_runner.execute.trial_process import Terms
from mlops_runner.execute.trials import TrialProcesses
from mlops_runner.execute.trials_elsewhere import TrialsElsewhere
from mlops_runner.specs.task import DECIDED_BY_THRESHOLD
from mlops_runner.specs.training_search import Search
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.features import Schema
from mlops_runner.train.record import rounded
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides, read_sides
from mlops_runner.train.trainer_checks.base import check
from mlops_runner.train.trainers.base import FILES, Side
from mlops_runner.train.tuning.bench import Bench, Plan
from mlops_runner.train.tuning.folds import Fold, declared_folds, validation_fold
from mlops_runner.train.tuning.memory import Memory
from mlops_runner.train.tuning.run import Found, run_search
from mlops_runner.train.tuning.trial import Measure, with_params

TRIALS, BEST = "trials.json", "best.json"


def execute(request: Request) -> Reply:
    """Search, and write every trial and the parameters of the best."""
    setting, trainer, search = setting_from(request), trainer_from(request), search_from(request)
    _refuse_unknown(trainer, search, setting)
    found = _run(request, search, setting.seed, terms_of(request, setting, trainer))
    out = out_folder(request)
    about = {"metric": request.config["metric"], "direction": request.config["direction"], "method": search.method}
    (out / TRIALS).write_text(canonical_json({**about, **found.as_json()}) + "\n", encoding="utf-8")
    (out / BEST).write_text(
        canonical_json({"params": dict(found.best.params), "trial": found.best.number}) + "\n", encoding="utf-8"
    )
    return Reply("done", _metrics(found))


def search_from(request: Request) -> Search:
    """Rebuild the search of a step."""
    return Search.model_validate_json(json.dumps(request.config["search"]))


def terms_of(request: Request, setting: Setting, trainer: Trainer) -> Terms:
    """Return what holds for every trial of a step's search."""
    read = partial(_bench, request, setting, trainer, search_from(request), training_folder(request, trainer))
    sign = 1 if request.config["direction"] == "maximize" else -1
    return Terms(read, who_fits(trainer), sign, Path(request.work), limits_of(request.config["trainer"]))


def _run(request: Request, search: Search, seed: int, terms: Terms) -> Found:
    memory = Memory(Path(request.memory) if request.memory else None)
    places = min(request.jobs, search.batch)
    processes = TrialsElsewhere(terms, places) if request.elsewhere else TrialProcesses(terms, places)
    try:
        return run_search(search, request.config["direction"], seed, processes, memory, log)
    finally:
        processes.close()


def _bench(request: Request, setting: Setting, trainer: Trainer, search: Search, folder: Path) -> Bench:
    sides = read_sides(setting, columns_from(request), folder)
    measured = _measure(request, sides.schema)
    return Bench(Plan(setting, trainer, sides.schema, _folds(request, search, sides), measured, folder / FILES))


def _folds(request: Request, search: Search, sides: Sides) -> tuple[Fold, ...]:
    if search.measured_on == "validation":
        return validation_fold(sides)
    return declared_folds(sides, Path(request.inputs["folds"]), in_time=request.config["folds_in_time"])


def _measure(request: Request, schema: Schema) -> Measure:
    """Return the metric as a function of rows and predictions; decisions are made at one half."""
    metric = request.config["metric"]
    if metric not in known_metrics(schema.task):
        message = f'the search is measured by "{metric}", which a {schema.task} task does not have'
        raise InvalidInput(Diagnostic("unknown-metric", message, hint="choose a metric of the task"))
    classes = tuple(str(value) for value in schema.classes)
    cut = UNRULED_THRESHOLD if schema.task in DECIDED_BY_THRESHOLD else None
    weighted = "weight" in request.config

    def measured(side: Side, scores: Any) -> float:
        sample = sample_of(schema.task, classes, side.y, scores, cut)
        value = measure(metric, replace(sample, query=side.query, weight=side.weight if weighted else None))
        if isinstance(value, Unmeasured):
            raise ValueError(f"{metric} could not be measured: {value.reason}")
        return float(value)

    return measured


def _refuse_unknown(trainer: Trainer, search: Search, setting: Setting) -> None:
    """Check the names in the space before any trial: with the first value of each range as the parameter."""
    first = {name: found.values[0] if found.values else found.min for name, found in search.space.items()}
    if problems := check(with_params(trainer, first), setting.task):
        raise InvalidInput(problems)


def _metrics(found: Found) -> dict[str, Any]:
    states = [outcome.state for _, outcome in found.trials]
    counts: dict[str, Any] = {state: states.count(state) for state in ("pruned", "failed") if state in states}
    return {"trials": len(states), **counts, "best": found.best.number, "value": rounded(found.value)}
