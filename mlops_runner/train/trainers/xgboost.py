"""Trainer `xgboost`: gradient-boosted trees through the native API, so that the model is one UBJSON file."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import xgboost

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import XgboostTrainer
from mlops_runner.train.features import Schema
from mlops_runner.train.queries import by_query
from mlops_runner.train.trainers.base import Curve, Fitted, Importance, Job, Side, watched_side
from mlops_runner.train.trainers.monotone import directions
from mlops_runner.train.trainers.observed import heard, refused
from mlops_runner.train.trainers.relevance import refuse_relevance

FAMILY = "xgboost"
# The first of each row is the default. All of them predict what the task promises: probabilities, values, or scores.
OBJECTIVES: dict[Task, tuple[str, ...]] = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": (
        *("reg:squarederror", "reg:absoluteerror", "reg:squaredlogerror", "reg:pseudohubererror"),
        *("reg:gamma", "reg:tweedie", "reg:quantileerror", "count:poisson"),
    ),
    "ranking": ("rank:ndcg", "rank:pairwise", "rank:map"),
}
BOOSTERS = ("gbtree", "dart")
GIVEN = {
    "seed": "seed",
    "random_state": "seed",
    "seed_per_iteration": "seed",
    "nthread": "threads",
    "n_jobs": "threads",
    "device": "device",
    "num_class": "task",
    "num_boost_round": "rounds",
    "n_estimators": "rounds",
    "early_stopping_rounds": "early_stopping_rounds",
    "monotone_constraints": "monotone",
    "verbosity": "",
    "validate_parameters": "",
}
# From the page "XGBoost Parameters" of the version in the dependency list.
_KNOWN = """
    alpha base_score booster colsample_bylevel colsample_bynode colsample_bytree eta eval_metric gamma grow_policy
    huber_slope interaction_constraints lambda lambdarank_bias_norm lambdarank_normalization
    lambdarank_num_pair_per_sample lambdarank_pair_method lambdarank_score_normalization lambdarank_unbiased
    learning_rate max_bin max_cached_hist_node max_cat_threshold max_cat_to_onehot max_delta_step max_depth max_leaves
    min_child_weight min_split_loss ndcg_exp_gain normalize_type num_parallel_tree objective one_drop quantile_alpha
    rate_drop refresh_leaf reg_alpha reg_lambda sample_type sampling_method scale_pos_weight skip_drop subsample
    tree_method tweedie_variance_power"""
KNOWN = frozenset(_KNOWN.split())


def check(trainer: XgboostTrainer, task: Task) -> tuple[Diagnostic, ...]:
    """Complain about parameters that are unknown, set elsewhere, or give another kind of prediction."""
    problems = [problem for name in trainer.params if (problem := _check_name(name))]
    for name, choices in (("objective", OBJECTIVES[task]), ("booster", BOOSTERS)):
        value = trainer.params.get(name, choices[0])
        if value not in choices:
            message = f"{name} {value} does not suit a {task} task here"
            hint = _task_of(value) or nearest(str(value), choices) or f"one of {', '.join(choices)}"
            problems.append(Diagnostic(f"unsuitable-{name}", message, hint=hint))
    return (*problems, *_check_weights(trainer), *_check_quantile(trainer.params))


def _task_of(objective: Scalar) -> str | None:
    found = next((task for task, choices in OBJECTIVES.items() if objective in choices), None)
    return None if found is None else f"it is for task: {found}"


def train(trainer: XgboostTrainer, job: Job) -> Fitted:
    """Boost for the given rounds, or until the validation side stops improving; only the best rounds are kept.

    Raises InvalidInput for the spec, StepFailed for what xgboost refuses.
    """
    if problems := check(trainer, job.schema.task):
        raise InvalidInput(problems)
    if trainer.early_stopping_rounds:
        watched_side(job)
    params = {
        "objective": OBJECTIVES[job.schema.task][0],
        **trainer.params,
        **_monotone(trainer, job),
        "seed": job.seed,
    }
    if job.schema.query is not None:
        refuse_relevance(params, job)
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


def _check_name(name: str) -> Diagnostic | None:
    if name in GIVEN:
        hint = f"remove it; set {GIVEN[name]} in the spec" if GIVEN[name] else "remove it"
        return Diagnostic("given-elsewhere", f'param "{name}" of xgboost is set by the runner', hint=hint)
    if name in KNOWN:
        return None
    return Diagnostic("unknown-param", f'xgboost has no param "{name}"', hint=nearest(name, KNOWN))


def _check_weights(trainer: XgboostTrainer) -> Iterator[Diagnostic]:
    if trainer.class_weight is not None and "scale_pos_weight" in trainer.params:
        message = "class_weight and scale_pos_weight both weigh the classes"
        yield Diagnostic("given-twice", message, hint="keep one of them")


def _check_quantile(params: Mapping[str, Scalar]) -> Iterator[Diagnostic]:
    alpha = params.get("quantile_alpha")
    if params.get("objective") != "reg:quantileerror":
        return
    if not isinstance(alpha, float) or not 0 < alpha < 1:
        message = "objective reg:quantileerror needs quantile_alpha, a number between 0 and 1"
        yield Diagnostic("missing-quantile", message, hint="for example: quantile_alpha: 0.9")


def _monotone(trainer: XgboostTrainer, job: Job) -> dict[str, Scalar]:
    if not trainer.monotone:
        return {}
    return {"monotone_constraints": f"({','.join(map(str, directions(trainer.monotone, job)))})"}


def _boost(params: dict[str, Scalar], trainer: XgboostTrainer, job: Job, curve: dict[str, Any]) -> Any:
    sides = [(_dmatrix(job.train, job), "train")]
    if job.validation is not None:
        sides.append((_dmatrix(job.validation, job), "validation"))
    machine: dict[str, Any] = {
        "nthread": job.threads,
        "device": job.device,
        "validate_parameters": True,
        "verbosity": 1,
    }
    return xgboost.train(
        {**params, **machine, **_width(job.schema)},
        sides[0][0],
        num_boost_round=trainer.rounds,
        evals=sides,
        early_stopping_rounds=trainer.early_stopping_rounds,
        evals_result=curve,
        verbose_eval=False,
    )


def _width(schema: Schema) -> dict[str, int]:
    return {"num_class": len(schema.classes)} if schema.task == "multiclass" else {}


def _dmatrix(side: Side, job: Job) -> Any:
    categorical = any(output.categorical for output in job.outputs)
    types = ["c" if output.categorical else "q" for output in job.outputs] if categorical else None
    rows = side if side.query is None else by_query(side, job.schema)
    return xgboost.DMatrix(
        rows.x, rows.y, weight=rows.weight, qid=rows.query, nthread=job.threads, feature_types=types,
        enable_categorical=categorical,
    )  # fmt: skip


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
