"""What a model format can do, and which module holds which."""

from importlib import import_module
from typing import Any, Literal, Protocol

import polars as pl
from numpy.typing import NDArray

from mlops_runner.train.features import Schema

BOOSTER: Literal["model.ubj"] = "model.ubj"
ESTIMATOR: Literal["model.skops"] = "model.skops"
PREPROCESS: Literal["preprocess.json"] = "preprocess.json"
FORMER_PREPROCESS: Literal["preprocess.skops"] = "preprocess.skops"  # of candidates stored before there was the other
ModelFile = Literal["model.ubj", "model.skops"]
# By the name of the file. Leaves are imported when needed: serving a booster must not wait for skops.
FORMATS: dict[ModelFile, str] = {
    BOOSTER: "mlops_runner.train.formats.booster",
    ESTIMATOR: "mlops_runner.train.formats.estimator",
}


class FormatModule(Protocol):
    """The three functions of every leaf."""

    def dump(self, model: Any) -> bytes:
        """Return the bytes of a model, the same in every process."""

    def load(self, data: bytes, family: str) -> Any:
        """Build a model from bytes whose digest was checked. Raises NotVerified."""

    def predict(self, model: Any, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:
        """Return (rows,) or (rows, classes). frame: the matrix; x: preprocessed, or None when the model does that."""


def format_of(name: ModelFile) -> FormatModule:
    """Import the leaf for a model file."""
    return import_module(FORMATS[name])


def file_name(model: Any) -> ModelFile:
    """Return the name of the file a model is stored in."""
    return BOOSTER if type(model).__name__ == "Booster" else ESTIMATOR
