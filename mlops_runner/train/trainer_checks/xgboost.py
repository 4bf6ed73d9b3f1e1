"""Params of xgboost: known ones, objectives that suit the task, nothing that the runner sets itself."""

from collections.abc import Iterator, Mapping

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import XgboostTrainer

VALUES = (
    *("reg:squarederror", "reg:absoluteerror", "reg:squaredlogerror", "reg:pseudohubererror"),
    *("reg:gamma", "reg:tweedie", "reg:quantileerror", "count:poisson"),
)
# The first of each row is the default. All of them predict what the task promises: probabilities, values, or scores.
OBJECTIVES: dict[Task, tuple[str, ...]] = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "multilabel": ("binary:logistic",),
    "regression": VALUES,
    "forecasting": VALUES,
    "ranking": ("rank:ndcg", "rank:pairwise", "rank:map"),
}
STRATEGIES = ("one_output_per_tree", "multi_output_tree")
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
    min_child_weight min_split_loss multi_strategy ndcg_exp_gain normalize_type num_parallel_tree objective one_drop
    quantile_alpha rate_drop refresh_leaf reg_alpha reg_lambda sample_type sampling_method scale_pos_weight skip_drop
    subsample tree_method tweedie_variance_power"""
KNOWN = frozenset(_KNOWN.split())


def check(trainer: XgboostTrainer, task: Task) -> tuple[Diagnostic, ...]:
    """Complain about parameters that are unknown, set elsewhere, or give another kind of prediction."""
    problems = [problem for name in trainer.params if (problem := _check_name(name))]
    for name, choices in (("objective", OBJECTIVES[task]), ("booster", BOOSTERS)):
        value = trainer.params.get(name, choices[0])
        if value not in choices:
            message = f'param "{name}" is {value}, which does not suit a {task} task here'
            hint = _task_of(value) or nearest(str(value), choices) or f"one of {', '.join(choices)}"
            problems.append(Diagnostic(f"unsuitable-{name}", message, hint=hint))
    return (*problems, *_check_weights(trainer), *_check_quantile(trainer.params), *_check_strategy(trainer, task))


def _task_of(objective: Scalar) -> str | None:
    found = next((task for task, choices in OBJECTIVES.items() if objective in choices), None)
    return None if found is None else f"it is for task: {found}"


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


def _check_strategy(trainer: XgboostTrainer, task: Task) -> Iterator[Diagnostic]:
    strategy = trainer.params.get("multi_strategy")
    if strategy is None:
        return
    if task != "multilabel":
        message = f"multi_strategy is for several labels; this is a {task} task"
        yield Diagnostic("unsuitable-param", message, hint="remove it, or set task: multilabel")
    elif strategy not in STRATEGIES:
        message = f"multi_strategy {strategy} is not known"
        yield Diagnostic("unsuitable-param", message, hint=nearest(str(strategy), STRATEGIES) or "remove it")
    elif trainer.monotone and strategy == "multi_output_tree":
        message = "a tree of all labels cannot hold a column to one direction"
        yield Diagnostic("no-monotone", message, hint="multi_strategy: one_output_per_tree, or remove monotone")


def _check_quantile(params: Mapping[str, Scalar]) -> Iterator[Diagnostic]:
    alpha = params.get("quantile_alpha")
    if params.get("objective") != "reg:quantileerror":
        return
    if not isinstance(alpha, float) or not 0 < alpha < 1:
        message = "objective reg:quantileerror needs quantile_alpha, a number between 0 and 1"
        yield Diagnostic("missing-quantile", message, hint="for example: quantile_alpha: 0.9")
