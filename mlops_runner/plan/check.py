"""What no document can check alone: names that one document uses and another declares."""

from collections.abc import Callable, Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.evaluate.metrics.names import better, known_metrics
from mlops_runner.plan.check_evaluation import EVALUATION_CHECKS, unknown_metric
from mlops_runner.plan.check_multilabel import MULTILABEL_CHECKS
from mlops_runner.plan.check_quantiles import QUANTILE_CHECKS
from mlops_runner.plan.check_training import TRAINING_CHECKS
from mlops_runner.plan.compile_parts import sides_of
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.load import Core, Loaded
from mlops_runner.specs.locations import Path
from mlops_runner.specs.task import CLASSIFYING
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.trainers.catalogue import ESTIMATORS

NUMERIC = {"float", "int"}


def check_core(core: Core) -> Iterator[Diagnostic]:
    """Yield every contradiction between the documents that decide what is trained."""
    for check in _CHECKS:
        yield from check(core)


def _target_fits_task(core: Core) -> Iterator[Diagnostic]:
    data, training = core.data, core.training
    if len(targets := data.spec.with_role("target")) > 1 or training.spec.task == "multilabel":
        return  # their number, and what labels can be, have a check of their own
    target = targets[0]
    column = data.spec.columns[target]
    if training.spec.task not in CLASSIFYING and column.type not in NUMERIC:
        message = f'a {training.spec.task} task needs a numeric target; "{target}" is {column.type}'
        yield _at(data, "target-type", message, ("columns", target, "type"), "change the type, or the task")
    if training.spec.task in CLASSIFYING and column.type in {"date", "datetime"}:
        message = f'"{target}" is a {column.type}; a class is a string, int or bool'
        yield _at(data, "target-type", message, ("columns", target, "type"), "change the type, or the task")
    positive = training.spec.positive
    if positive is not None and column.allowed is not None and positive not in column.allowed:
        known = [str(value) for value in column.allowed]
        message = f'positive "{positive}" is not an allowed value of "{target}"'
        hint = nearest(str(positive), known) or f"one of: {', '.join(known)}"
        if str(positive) in known:
            hint = f"the column is {column.type}: write it {'in' if column.type == 'string' else 'without'} quotes"
        yield _at(training, "unknown-class", message, ("positive",), hint)


def _select_direction_is_right(core: Core) -> Iterator[Diagnostic]:
    select = core.training.spec.select
    if select.metric not in known_metrics(core.training.spec.task):
        return
    right = "maximize" if better(select.metric) == "higher" else "minimize"
    if select.direction != right:
        message = f"{select.metric} is better when {better(select.metric)}, but select says {select.direction}"
        yield _at(core.training, "wrong-direction", message, ("select", "direction"), f"direction: {right}")


def _searches_can_be_measured(core: Core) -> Iterator[Diagnostic]:
    """A search needs folds that the Data document declares, or a validation side, and a metric of the task."""
    known = known_metrics(core.training.spec.task)
    for name, trainer in core.training.spec.candidates.items():
        if (search := trainer.search) is None:
            continue
        path: Path = ("candidates", name, "search")
        if search.measured_on == "folds" and core.data.spec.folds is None:
            message = f"the search of {name} is measured on folds, and {core.data.document.file} declares none"
            yield _at(
                core.training, "no-folds", message, path, "add folds: {count: 5, seed: 1}, or measure on validation"
            )
        if search.measured_on == "validation" and "validation" not in sides_of(core.data.spec):
            message = f"the search of {name} is measured on the validation side, which the split does not make"
            yield _at(
                core.training, "unknown-side", message, path, "give split.validation a share, or measure on folds"
            )
        if search.metric is not None and search.metric not in known:
            yield unknown_metric(core.training, search.metric, (*path, "metric"), known, core.training.spec.task)


def _sides_exist(core: Core) -> Iterator[Diagnostic]:
    sides = sides_of(core.data.spec)
    side = core.training.spec.select.split
    if side not in sides:
        hint = f"give {side} a share in {core.data.document.file}, or use another side"
        yield _at(core.training, "unknown-side", f"the split makes no {side} side", ("select", "split"), hint)
    for name, trainer in core.training.spec.candidates.items():
        if getattr(trainer, "early_stopping_rounds", None) and "validation" not in sides:
            message = "early stopping needs a validation side, and the split makes none"
            path = ("candidates", name, "early_stopping_rounds")
            yield _at(core.training, "unknown-side", message, path, "give validation a share, or remove early stopping")


def _specs_outside_artifacts(core: Core) -> Iterator[Diagnostic]:
    artifacts = core.pipeline.spec.artifacts
    files = {"data": core.pipeline.spec.specs.data, "training": core.pipeline.spec.specs.training,
             "evaluation": core.pipeline.spec.specs.evaluation}  # fmt: skip
    for name, file in files.items():
        if file == artifacts or file.startswith(f"{artifacts}/"):
            message = f"{file} lies in the folder that steps write to ({artifacts})"
            yield _at(core.pipeline, "spec-in-artifacts", message, ("specs", name), "keep specs elsewhere")


def _estimators_are_listed(core: Core) -> Iterator[Diagnostic]:
    training = core.training
    trainers: dict[Path, Trainer] = {("baseline",): training.spec.baseline}
    trainers |= {("candidates", name): trainer for name, trainer in training.spec.candidates.items()}
    for path, trainer in trainers.items():
        if trainer.trainer == "sklearn" and trainer.estimator not in ESTIMATORS:
            name = trainer.estimator.rpartition(".")[2]
            same = [known for known in ESTIMATORS if known.endswith(f".{name}")]
            hint = f'did you mean "{same[0]}"?' if same else nearest(trainer.estimator, ESTIMATORS)
            message = f'estimator "{trainer.estimator}" is not in the list of those that can be stored without code'
            place: Path = (*path, "estimator")
            yield _at(training, "unknown-estimator", message, place, hint or "or use a python trainer")


def _at(loaded: Loaded, code: str, message: str, path: Path, hint: str) -> Diagnostic:  # type: ignore[type-arg]
    return Diagnostic(code, message, loaded.document.place(path), hint)


_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (
    *MULTILABEL_CHECKS, _target_fits_task, _select_direction_is_right, _searches_can_be_measured, _sides_exist,
    *EVALUATION_CHECKS, _specs_outside_artifacts, _estimators_are_listed, *TRAINING_CHECKS, *QUANTILE_CHECKS,
)  # fmt: skip
