"""The Training document: task, preprocessing, baseline, candidates, and how one of them is selected."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import CallablePath, Name, Part, Scalar, Spec, complaint
from mlops_runner.specs.training_search import Search

Params = Annotated[dict[str, Scalar], Field(description="Arguments of the trainer.")]
Searched = Annotated[Search | None, Field(description="Parameters to search; they take the place of those in params.")]


class SklearnTrainer(Part):
    """An estimator of scikit-learn, from the list of those that can be stored without executable code."""

    trainer: Literal["sklearn"]
    estimator: Annotated[
        str, Field(description="Import path of the estimator.", examples=["sklearn.linear_model.LogisticRegression"])
    ]
    params: Params = {}
    search: Searched = None


class XgboostTrainer(Part):
    """Gradient-boosted trees with XGBoost's native training API."""

    trainer: Literal["xgboost"]
    params: Params = {}
    rounds: Annotated[int, Field(ge=1, le=100_000, description="Number of boosting rounds, at most.")] = 100
    early_stopping_rounds: Annotated[
        int | None, Field(ge=1, description="Stop when the validation side has not improved for this many rounds.")
    ] = None
    search: Searched = None


class PythonTrainer(Part):
    """A function of the project, `train(x, y, *, seed, **params)`.

    It returns a fitted scikit-learn estimator or an xgboost.Booster.
    """

    trainer: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["callables.rules:train"])]
    params: Params = {}
    search: Searched = None


Trainer = Annotated[SklearnTrainer | XgboostTrainer | PythonTrainer, Field(discriminator="trainer")]


class NumericPreprocessing(Part):
    """What happens to float and int columns, fitted on the training side only."""

    impute: Annotated[
        Literal["none", "mean", "median", "zero"],
        Field(description="What replaces a missing value; none passes it on to the trainer."),
    ] = "median"
    scale: Annotated[Literal["none", "standard", "robust"], Field(description="How values are scaled.")] = "none"


class CategoricalPreprocessing(Part):
    """What happens to string and bool columns. A missing value is a category of its own; unseen ones never fail."""

    encode: Annotated[Literal["one_hot", "ordinal"], Field(description="How categories become numbers.")] = "one_hot"
    min_count: Annotated[int, Field(ge=1, description="Categories with fewer training rows are pooled as rare.")] = 1


class Preprocessing(Part):
    """Preprocessing per column kind; part of the model bundle, so that serving applies the same."""

    numeric: Annotated[NumericPreprocessing, Field(description="For float and int columns.")] = (
        NumericPreprocessing.model_construct()
    )
    categorical: Annotated[CategoricalPreprocessing, Field(description="For string and bool columns.")] = (
        CategoricalPreprocessing.model_construct()
    )


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
    task: Annotated[Literal["binary", "multiclass", "regression"], Field(description="What is predicted.")]
    positive: Annotated[
        Scalar, Field(description="The value of the target that counts as positive; binary tasks need it.")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Seed of every random choice.")]
    threads: Annotated[
        int, Field(ge=1, le=512, description="Threads of every library; fixed, not taken from the machine.")
    ] = 1
    device: Annotated[Literal["cpu"], Field(description="Where training runs.")] = "cpu"
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
        return self
