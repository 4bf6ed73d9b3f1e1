"""Trainers of a Training document: what fits a candidate, with which arguments, and how its rows are weighed."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops_runner.specs.base import CallablePath, Duration, Part, RelativePath, Scalar, Size
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_search import Search

Params = Annotated[dict[str, Scalar], Field(description="Arguments of the trainer.")]
Searched = Annotated[Search | None, Field(description="Parameters to search; they take the place of those in params.")]
Weight = Annotated[float, Field(gt=0)]
ClassWeight = Annotated[
    Literal["balanced"] | dict[str, Weight] | None,
    Field(
        description="Weight of each class in the training rows, times the weight of the row: balanced makes all "
        "classes count the same; or a number by class, 1 for those not named.",
        examples=["balanced"],
    ),
]
Calibrate = Annotated[
    Literal["none", "sigmoid", "isotonic"],
    Field(description="Map from probabilities to the shares seen on the validation side, stored with the model."),
]
Monotone = Annotated[
    dict[str, Literal["increasing", "decreasing"]],
    Field(description="Columns that may move the prediction in one direction only.", examples=[{"age": "increasing"}]),
]
OwnPreprocessing = Annotated[
    Preprocessing | None, Field(description="Preprocessing of this trainer, in place of that of the document.")
]
Timeout = Annotated[
    Duration | None, Field(description="Longest time one fit may take; then it is ended, and the step fails.")
]
Memory = Annotated[
    Size | None,
    Field(description="Most memory one fit may take beyond what the libraries take; Linux.", examples=["4GiB"]),
]
EarlyStopping = Annotated[
    int | None, Field(ge=1, description="Stop when the validation side has not improved for this many rounds.")
]


class TrainerPart(Part):
    """What every trainer can say."""

    params: Params = {}
    class_weight: ClassWeight = None
    calibrate: Calibrate = "none"
    timeout: Timeout = None
    memory: Memory = None


class ColumnTrainer(TrainerPart):
    """What a trainer can say that is given the columns which preprocessing makes."""

    preprocessing: OwnPreprocessing = None


class LibraryTrainer(ColumnTrainer):
    """What a trainer can say whose library is known here."""

    early_stopping_rounds: EarlyStopping = None
    monotone: Monotone = {}
    search: Searched = None


class SklearnTrainer(LibraryTrainer):
    """An estimator of scikit-learn, from the list of those that can be stored without executable code."""

    trainer: Literal["sklearn"]
    estimator: Annotated[
        str, Field(description="Import path of the estimator.", examples=["sklearn.linear_model.LogisticRegression"])
    ]


class ExternalMemory(Part):
    """Training on more rows than fit into memory: they stay on the disk, and are read batch by batch."""

    batch_rows: Annotated[
        int,
        Field(
            ge=1,
            le=100_000_000,
            description="Rows that are held at a time; what the trees see of a column depends a little on it.",
            examples=[262144],
        ),
    ]


class XgboostTrainer(LibraryTrainer):
    """Gradient-boosted trees with XGBoost's native training API."""

    trainer: Literal["xgboost"]
    rounds: Annotated[int, Field(ge=1, le=100_000, description="Number of boosting rounds, at most.")] = 100
    external_memory: Annotated[
        ExternalMemory | None,
        Field(
            description="Keep the rows on the disk while training and evaluating.", examples=[{"batch_rows": 262144}]
        ),
    ] = None


class PythonTrainer(TrainerPart):
    """A function of the project, `train(x, y, *, seed, **params)`.

    It returns a fitted scikit-learn estimator, an xgboost.Booster, or, with `load`, a model of its own.
    """

    trainer: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["callables.rules:train"])]
    load: Annotated[
        CallablePath | None,
        Field(
            description="Function `load(folder)` that reads what the model's `save(folder)` wrote: safetensors, JSON, "
            "UBJSON, ONNX or npy.",
            examples=["callables.network:load"],
        ),
    ] = None
    search: Searched = None


class CommandTrainer(ColumnTrainer):
    """A program that reads the sides from its folder and writes a model of XGBoost or scikit-learn there."""

    trainer: Literal["command"]
    command: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="The program and its arguments, for no shell; python is the interpreter of the runner.",
            examples=[["python", "fit.py", "--quiet"]],
        ),
    ]
    files: Annotated[
        tuple[RelativePath, ...],
        Field(description="Files of the project it needs; they stand in its folder.", examples=[["fit.py"]]),
    ] = ()
    search: Searched = None


class NaiveTrainer(Part):
    """The seasonal naive forecast: the value of the target some steps before; the baseline of forecasting tasks."""

    trainer: Literal["naive"]
    columns: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Lags of the target; the first that is known counts, and the mean of the training rows where "
            "none is.",
            examples=[["sales_lag_7"]],
        ),
    ]
    params: ClassVar[dict[str, Scalar]] = {}
    class_weight: ClassVar[None] = None
    calibrate: ClassVar[Literal["none"]] = "none"
    timeout: ClassVar[None] = None
    memory: ClassVar[None] = None
    search: ClassVar[None] = None


# These are given the features as they are, without preprocessing.
RawTrainer = PythonTrainer | NaiveTrainer
Trainer = Annotated[
    SklearnTrainer | XgboostTrainer | PythonTrainer | CommandTrainer | NaiveTrainer, Field(discriminator="trainer")
]


def batch_rows_of(trainer: Trainer) -> int | None:
    """Return how many rows a trainer may hold at a time; None for one that holds all."""
    memory = trainer.external_memory if isinstance(trainer, XgboostTrainer) else None
    return None if memory is None else memory.batch_rows
