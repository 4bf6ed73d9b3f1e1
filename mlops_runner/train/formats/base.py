"""What a model format can do, and which module holds which."""

from importlib import import_module
from typing import Any, Literal, Protocol

import polars as pl
from numpy.typing import NDArray

from mlops_runner.train.features import Schema

BOOSTER: Literal["model.ubj"] = "model.ubj"
ESTIMATOR: Literal["model.skops"] = "model.skops"
NAIVE: Literal["model.json"] = "model.json"
PREPROCESS: Literal["preprocess.json"] = "preprocess.json"
PROJECT: Literal["model.*"] = "model.*"
FormatFile = Literal["model.ubj", "model.skops", "model.json"]
ModelFile = FormatFile | Literal["model.*"]
# By the name of the file. Leaves are imported when needed: serving a booster must not wait for skops.
FORMATS: dict[FormatFile, str] = {
    BOOSTER: "mlops_runner.train.formats.booster",
    ESTIMATOR: "mlops_runner.train.formats.estimator",
    NAIVE: "mlops_runner.train.formats.naive",
}


class Predicting(Protocol):
    """What every leaf can do."""

    def predict(self, model: Any, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:
        """Return (rows,) or (rows, classes). frame: the matrix; x: preprocessed, or None when the model does that."""


class FormatModule(Predicting, Protocol):
    """What a leaf of models in one file can do."""

    def dump(self, model: Any) -> bytes:
        """Return the bytes of a model, the same in every process."""

    def load(self, data: bytes, family: str) -> Any:
        """Build a model from bytes whose digest was checked. Raises NotVerified."""


def format_of(name: FormatFile) -> FormatModule:
    """Import the leaf for a model file."""
    return import_module(FORMATS[name])


def predicting(name: ModelFile) -> Predicting:
    """Import the leaf that predicts with a model."""
    return import_module("mlops_runner.train.formats.project" if name == PROJECT else FORMATS[name])


def file_name(model: Any) -> ModelFile:
    """Return the name of the file a model is stored in; `model.*` for the files of a model of the project."""
    own: dict[str, ModelFile] = {"ProjectModel": PROJECT, "Booster": BOOSTER, "NaiveForecast": NAIVE}
    return own.get(type(model).__name__, ESTIMATOR)
