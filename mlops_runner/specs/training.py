"""The Training document: task, preprocessing, baseline, candidates, and how one of them is selected."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Part, Scalar, Spec, complaint
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding, hold
from mlops_runner.specs.task import CLASSIFYING, PROBABILISTIC, Task
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_trainers import Trainer, batch_rows_of

RANKS = "rank:"  # the objectives of XGBoost that rank
QUANTILE_METHODS = ("hist", "auto")  # those that read bins instead of values


class Select(Part):
    """How the winner among the candidates is chosen."""

    metric: Annotated[str, Field(description="Name of the metric.", examples=["roc_auc"])]
    split: Annotated[
        Literal["train", "validation"], Field(description="Side it is measured on; never the test side.")
    ] = "validation"
    direction: Annotated[Literal["maximize", "minimize"], Field(description="Which way is better.")] = "maximize"


class Training(Spec):
    """Describes what is trained, and how the winner is selected."""

    kind: Literal["Training"]
    task: Annotated[Task, Field(description="What is predicted.")]
    positive: Annotated[
        Scalar, Field(description="The value of the target that counts as positive; binary tasks need it.")
    ] = None
    horizon: Annotated[
        int | None,
        Field(
            ge=1,
            description="Steps ahead that are forecast: what is not known in advance is known no nearer to a row than "
            "this. Forecasting tasks need it.",
        ),
    ] = None
    season: Annotated[
        int,
        Field(
            ge=1,
            description="Steps of a season, 1 for none; mase compares with the value a season before.",
        ),
    ] = 1
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Seed of every random choice.")]
    threads: Annotated[
        int, Field(ge=1, le=512, description="Threads of every library; fixed, not taken from the machine.")
    ] = 1
    device: Annotated[
        Literal["cpu", "cuda"],
        Field(
            description="Where xgboost trains; a machine without it fails the step. Everything else is done on the CPU."
        ),
    ] = "cpu"
    preprocessing: Annotated[Preprocessing, Field(description="Preprocessing per column kind.")] = (
        Preprocessing.model_construct()
    )
    baseline: Annotated[Trainer, Field(description="The simple model every candidate must beat.")]
    candidates: Annotated[dict[Name, Trainer], Field(min_length=1, description="The models to compare, by name.")]
    select: Annotated[Select, Field(description="How the winner is chosen.")]

    @model_validator(mode="after")
    def _task_is_complete(self) -> "Training":
        if self.task == "binary" and self.positive is None:
            raise complaint(
                "missing-positive", "a binary task needs the key positive", "for example: positive: malignant"
            )
        if self.task != "binary" and self.positive is not None:
            raise complaint("needless-positive", "positive only makes sense for a binary task", "remove it")
        if self.baseline.search is not None:
            raise complaint(
                "searched-baseline", "the baseline is not searched: it is the simple model", "remove search"
            )
        if "baseline" in self.candidates:
            raise complaint("reserved-name", 'a candidate cannot be called "baseline"', "choose another name")
        return hold(self, _RULES)

    def trainers(self) -> Iterator[tuple[Path, Trainer]]:
        """Yield the baseline and the candidates with their paths in the document."""
        yield ("baseline",), self.baseline
        for name, trainer in self.candidates.items():
            yield ("candidates", name), trainer


def _classes_are_weighed(training: Training) -> Iterator[Finding]:
    """Classes are weighed in a task that has classes."""
    for path, trainer in training.trainers():
        if trainer.class_weight is not None and training.task not in CLASSIFYING:
            message = f"a {training.task} task has no classes to weigh"
            if training.task == "multilabel":
                message = "class_weight weighs rows by their class, and a row of a multilabel task has many labels"
            yield Finding((*path, "class_weight"), "needless-weights", message, "remove it, or weigh rows by a column")


def _probabilities_are_calibrated(training: Training) -> Iterator[Finding]:
    """Only probabilities are calibrated."""
    for path, trainer in training.trainers():
        if trainer.calibrate != "none" and training.task not in PROBABILISTIC:
            message = f"a {training.task} task gives no probabilities to calibrate"
            yield Finding((*path, "calibrate"), "needless-calibration", message, "remove it")


def _one_direction(training: Training) -> Iterator[Finding]:
    """A column moves the prediction in one direction only where there is one prediction."""
    for path, trainer in training.trainers():
        if getattr(trainer, "monotone", None) and training.task == "multiclass":
            message = "of several classes not all can become likelier at once"
            yield Finding((*path, "monotone"), "needless-monotone", message, "remove it")


def _categories_are_readable(training: Training) -> Iterator[Finding]:
    """Categories stay as they are only for a trainer that reads them."""
    for path, trainer in training.trainers():
        own = getattr(trainer, "preprocessing", None)
        if trainer.trainer != "sklearn" or not (own or training.preprocessing).native():
            continue
        message = f"encode: native is for xgboost; {'.'.join(map(str, path))} is a {trainer.trainer} trainer"
        hint = "give the trainer a preprocessing of its own"
        yield Finding((*path, "preprocessing" if own else "trainer"), "unreadable-categories", message, hint)


def _forecasts_have_a_horizon(training: Training) -> Iterator[Finding]:
    """A forecasting task says how far ahead it looks; other tasks have no horizon, no season and no naive forecast."""
    if training.task == "forecasting":
        if training.horizon is None:
            message = "a forecasting task needs the key horizon"
            yield Finding(("task",), "missing-horizon", message, "the steps ahead that are forecast: horizon: 24")
        return
    for field in ("horizon", "season"):
        if field in training.model_fields_set:
            message = f"{field} only makes sense for a forecasting task"
            yield Finding((field,), "needless-horizon", message, "remove it, or set task: forecasting")
    for path, trainer in training.trainers():
        if trainer.trainer == "naive":
            message = f"a naive forecast needs a forecasting task; this one is {training.task}"
            yield Finding((*path, "trainer"), "wrong-task", message, "use another trainer")


def _objectives_rank(training: Training) -> Iterator[Finding]:
    """Objectives that rank are those of a ranking, and the only ones it has."""
    for path, trainer in training.trainers():
        objective = trainer.params.get("objective") if trainer.trainer == "xgboost" else None
        if objective is None or str(objective).startswith(RANKS) == (training.task == "ranking"):
            continue
        place = (*path, "params", "objective")
        if training.task == "ranking":
            message, hint = f"objective {objective} ranks nothing", "rank:ndcg, rank:pairwise or rank:map"
        else:
            message = f"objective {objective} is for rankings; this is a {training.task} task"
            hint = "remove it, or set task: ranking"
        yield Finding(place, "unsuitable-objective", message, hint)


def _rows_stay_on_the_disk(training: Training) -> Iterator[Finding]:
    """Where rows stay on the disk, nothing asks for all of them at once."""
    for path, trainer in training.trainers():
        if batch_rows_of(trainer) is None:
            continue
        place = (*path, "external_memory")
        if training.task == "ranking":
            message = "external_memory keeps rows on the disk, and a ranking reads whole queries"
            yield Finding(place, "no-external-memory", message, "remove it")
        if training.device != "cpu":
            message = f"external_memory keeps rows on the disk, and device: {training.device} holds all of them"
            yield Finding(place, "no-external-memory", message, "device: cpu, or remove it")
        if trainer.search is not None:
            message = "external_memory keeps rows on the disk, and a search holds those of its folds"
            hint = "search on a sample of the rows, and write what it finds into params"
            yield Finding((*path, "search"), "no-external-memory", message, hint)
        if (method := trainer.params.get("tree_method", "hist")) not in QUANTILE_METHODS:
            message = f"external_memory keeps rows on the disk, and tree_method {method} reads all at once"
            place = (*path, "params", "tree_method")
            yield Finding(place, "no-external-memory", message, "tree_method: hist, the default")


_RULES = (
    _classes_are_weighed, _probabilities_are_calibrated, _one_direction, _categories_are_readable,
    _forecasts_have_a_horizon, _objectives_rank, _rows_stay_on_the_disk,
)  # fmt: skip
