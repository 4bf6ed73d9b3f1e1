"""Estimators of the catalogue that fit the task, and params that they have."""

from collections.abc import Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.task import PROBABILISTIC, Task
from mlops_runner.specs.training_trainers import SklearnTrainer
from mlops_runner.train.trainers.catalogue import ESTIMATORS, LABELLERS
from mlops_runner.train.trainers.constructors import params_of

# Given by the spec itself: a second place for the same value could contradict the first.
GIVEN = {"random_state": "seed", "n_jobs": "threads"}
# These can watch the validation side; others that stop early set rows of the training side apart.
STOPPING = frozenset(
    {
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.HistGradientBoostingRegressor",
    }
)
STOPPED_BY = ("early_stopping", "n_iter_no_change", "validation_fraction", "scoring")


def check(trainer: SklearnTrainer, task: Task) -> tuple[Diagnostic, ...]:
    """Complain about an estimator that is not listed, does not fit the task, or has no such parameter."""
    entry = ESTIMATORS.get(trainer.estimator)
    if entry is None:
        return (_unknown_estimator(trainer.estimator, task),)
    wanted = "classifier" if task in PROBABILISTIC else "regressor"
    if entry.kind != wanted:
        message = f"{trainer.estimator} is a {entry.kind}; a {task} task needs a {wanted}"
        other = trainer.estimator.replace(entry.kind.capitalize(), wanted.capitalize())
        hint = f'did you mean "{other}"?' if other in ESTIMATORS and other != trainer.estimator else None
        return (Diagnostic("wrong-task", message, hint=hint),)
    return (*_check_params(trainer), *_check_fields(trainer), *_check_labels(trainer, task))


def _unknown_estimator(path: str, task: Task) -> Diagnostic:
    message = f'estimator "{path}" is not in the list of those that can be stored without executable code'
    same_name = [known for known in ESTIMATORS if known.rsplit(".", 1)[1] == path.rsplit(".", 1)[-1]]
    wanted = "classifier" if task in PROBABILISTIC else "regressor"
    fitting = [known for known, entry in ESTIMATORS.items() if entry.kind == wanted]
    hint = f'did you mean "{same_name[0]}"?' if same_name else nearest(path, fitting) or nearest(path, ESTIMATORS)
    return Diagnostic("unknown-estimator", message, hint=hint or "or use a trainer of kind python or xgboost")


def _check_params(trainer: SklearnTrainer) -> list[Diagnostic]:
    known = params_of(trainer.estimator)
    problems = []
    for name in trainer.params:
        if name in GIVEN:
            message = f'param "{name}" of {trainer.estimator} is set from the key {GIVEN[name]}'
            problems.append(Diagnostic("given-elsewhere", message, hint=f"remove it; set {GIVEN[name]} in the spec"))
        elif name not in known:
            message = f'{trainer.estimator} has no param "{name}"'
            hint = nearest(name, known) or f"known params: {', '.join(sorted(set(known) - set(GIVEN)))}"
            problems.append(Diagnostic("unknown-param", message, hint=hint))
    return problems


def _check_fields(trainer: SklearnTrainer) -> Iterator[Diagnostic]:
    known = params_of(trainer.estimator)
    if trainer.class_weight is not None and "class_weight" in trainer.params:
        message = f'the key class_weight and param "class_weight" of {trainer.estimator} both weigh the classes'
        yield Diagnostic("given-twice", message, hint="remove the param")
    if trainer.monotone and "monotonic_cst" not in known:
        hint = f"these can: {', '.join(sorted(_able('monotonic_cst', ESTIMATORS[trainer.estimator].kind)))}; or xgboost"
        yield Diagnostic("no-monotone", f"{trainer.estimator} cannot hold a column to one direction", hint=hint)
    if trainer.early_stopping_rounds and trainer.estimator not in STOPPING:
        message = f"{trainer.estimator} cannot watch the validation side"
        yield Diagnostic("no-early-stopping", message, hint=f"these can: {', '.join(sorted(STOPPING))}; or xgboost")
    if trainer.early_stopping_rounds:
        for name in STOPPED_BY:
            if name in trainer.params:
                message = f'param "{name}" of {trainer.estimator} is set from the key early_stopping_rounds'
                yield Diagnostic("given-elsewhere", message, hint="remove one of them")
    if trainer.params.get("loss") == "quantile" and "quantile" in known and trainer.params.get("quantile") is None:
        message = f'loss: quantile of {trainer.estimator} needs the param "quantile", a number between 0 and 1'
        yield Diagnostic("missing-quantile", message, hint="for example: quantile: 0.9")


def _check_labels(trainer: SklearnTrainer, task: Task) -> Iterator[Diagnostic]:
    if task == "multilabel" and trainer.monotone and trainer.estimator in LABELLERS:
        message = f"{trainer.estimator} learns all labels at once, and cannot hold a column to one direction then"
        hint = "take xgboost, or sklearn.ensemble.HistGradientBoostingClassifier, which learns them one by one"
        yield Diagnostic("no-monotone", message, hint=hint)


def _able(param: str, kind: str) -> Iterator[str]:
    for path, entry in ESTIMATORS.items():
        if entry.kind == kind and param in params_of(path):
            yield path
