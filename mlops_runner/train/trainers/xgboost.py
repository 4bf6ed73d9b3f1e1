"""Trainer `xgboost`: gradient-boosted trees through the native API, so that the model is one UBJSON file."""

import re
from functools import partial
from typing import Any

import numpy as np
import xgboost

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.training_trainers import XgboostTrainer
from mlops_runner.train.features import Schema
from mlops_runner.train.trainer_checks.xgboost import OBJECTIVES
from mlops_runner.train.trainers.base import Curve, Fitted, Importance, Job, watched_side
from mlops_runner.train.trainers.devices import refuse_absent
from mlops_runner.train.trainers.matrices import matrices
from mlops_runner.train.trainers.monotone import directions
from mlops_runner.train.trainers.observed import heard, refused
from mlops_runner.train.trainers.relevance import suited_to_relevance

FAMILY = "xgboost"


def train(trainer: XgboostTrainer, job: Job) -> Fitted:
    """Boost for the given rounds, or until the validation side stops improving; only the best rounds are kept.

    Raises InvalidInput for the spec, StepFailed for what xgboost refuses and for a device that is not there.
    """
    refuse_absent(job.device)
    if trainer.early_stopping_rounds:
        watched_side(job)
    params = {
        "objective": OBJECTIVES[job.schema.task][0],
        **trainer.params,
        **_monotone(trainer, job),
        "seed": job.seed,
    }
    if job.schema.query is not None:
        params = suited_to_relevance(params, job)
    curve: dict[str, dict[str, list[float]]] = {}
    try:
        result = heard(partial(_boost, params, trainer, job, curve), job.log)
    except xgboost.core.XGBoostError as error:
        raise refused("xgboost", ValueError(_readable(str(error)))) from error
    _refuse_unused(result.warnings)
    booster = result.result
    best = booster.best_iteration if trainer.early_stopping_rounds else None
    kept = booster if best is None else booster[: best + 1]
    rounds = kept.num_boosted_rounds()
    return Fitted(kept, FAMILY, params, {"rounds": rounds}, best, _frozen(curve), _importance(kept))


def _monotone(trainer: XgboostTrainer, job: Job) -> dict[str, Scalar]:
    if not trainer.monotone:
        return {}
    return {"monotone_constraints": f"({','.join(map(str, directions(trainer.monotone, job)))})"}


def _boost(params: dict[str, Scalar], trainer: XgboostTrainer, job: Job, curve: dict[str, Any]) -> Any:
    with matrices(job, params) as sides:
        return xgboost.train(
            {**params, **_machine(job), **_width(job.schema)},
            sides[0][0],
            num_boost_round=trainer.rounds,
            evals=sides if job.curves else sides[1:] if trainer.early_stopping_rounds else [],
            early_stopping_rounds=trainer.early_stopping_rounds,
            evals_result=curve,
            verbose_eval=False,
        )


def _machine(job: Job) -> dict[str, Any]:
    return {"nthread": job.threads, "device": job.device, "validate_parameters": True, "verbosity": 1}


def _width(schema: Schema) -> dict[str, int]:
    return {"num_class": len(schema.classes)} if schema.task == "multiclass" else {}


def _refuse_unused(warnings: tuple[tuple[str, str], ...]) -> None:
    unused = [name for _, text in warnings if "are not used" in text for name in re.findall(r'"([^"]+)"', text)]
    if unused:
        raise StepFailed(
            Diagnostic(
                "unused-param", f'xgboost does not use "{name}" with this objective and booster', hint="remove it"
            )
            for name in dict.fromkeys(unused)
        )


def _readable(text: str) -> str:
    """Drop the source position and the C++ stack from a message of xgboost."""
    return re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", text.split("Stack trace:")[0].strip())


def _frozen(curve: dict[str, dict[str, list[float]]]) -> Curve:
    return {side: {metric: tuple(values) for metric, values in found.items()} for side, found in curve.items()}


def _importance(booster: Any) -> Importance:
    gains = booster.get_score(importance_type="gain")
    values = np.zeros(booster.num_features())
    for name, gain in gains.items():
        values[int(name[1:])] = gain
    return Importance("gain", tuple(values.tolist()))
