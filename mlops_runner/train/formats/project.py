"""Format of models that a project defines: files that run no code, and a function of the project that reads them.

The model is an object with `predict(x)` and `save(folder)`. What it saves is stored as `model.NAME`; the function named
by the trainer's `load` gets a folder with the files under their own names, after their digests were checked.
"""

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.train.features import Schema
from mlops_runner.train.project_code import find, guarded
from mlops_runner.train.record import PROJECT_FILE

PREFIX = "model."
SAFE = ("safetensors", "json", "ubj", "onnx", "npy")


@dataclass(frozen=True, slots=True, eq=False)
class ProjectModel:
    """A model of the project, the function that reads it, and its files by the name they are stored under."""

    value: Any
    loader: str
    files: Mapping[str, bytes]


def keep(value: Any, loader: str) -> ProjectModel:
    """Have the model save itself, and look at what it wrote. Raises StepFailed."""
    for name in ("save", "predict"):
        if not callable(getattr(value, name, None)):
            message = f"the model is a {type(value).__name__} without {name}()"
            raise StepFailed(Diagnostic("incomplete-model", message, hint="give it predict(x) and save(folder)"))
    with tempfile.TemporaryDirectory() as folder:
        guarded(f"{type(value).__name__}.save", partial(value.save, Path(folder)))
        files = {f"{PREFIX}{path.name}": _checked(path) for path in sorted(Path(folder).iterdir())}
    if not files:
        message = f"{type(value).__name__}.save wrote nothing"
        raise StepFailed(Diagnostic("incomplete-model", message, hint="write into the folder it is given"))
    return ProjectModel(value, loader, files)


def read(files: Mapping[str, bytes], loader: str) -> ProjectModel:
    """Call the project's function on the files, whose digests were checked. Raises StepFailed."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name.removeprefix(PREFIX)).write_bytes(data)
        function = guarded(loader, partial(find, loader, "load"))
        value = guarded(loader, partial(function, Path(folder)))
    if not callable(getattr(value, "predict", None)):
        message = f"{loader} returned a {type(value).__name__} without predict()"
        raise StepFailed(Diagnostic("incomplete-model", message, hint="return the model that was saved"))
    return ProjectModel(value, loader, files)


def predict(model: ProjectModel, frame: pl.DataFrame, x: NDArray[Any] | None, schema: Schema) -> NDArray[Any]:  # noqa: ARG001
    """Return what the project's model says of the raw features. Raises StepFailed."""
    found = guarded(f"{type(model.value).__name__}.predict", partial(model.value.predict, frame))
    try:
        return np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"{type(model.value).__name__}.predict returned a {type(found).__name__}, not an array of numbers"
        raise StepFailed(Diagnostic("wrong-shape", message, hint="return a float64 array")) from error


def _checked(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file() or not PROJECT_FILE.fullmatch(f"{PREFIX}{path.name}"):
        message = f"save wrote {path.name!r}; a model is stored in plain files of these kinds: {', '.join(SAFE)}"
        hint = "these run no code when they are read, as pickles (.pt, .pkl, .joblib) do"
        raise StepFailed(Diagnostic("unstorable-model", message, hint=hint))
    data = path.read_bytes()
    try:
        _look_into(path.suffix, data)
    except (ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        message = f"{path.name} is not what its name says: {error}"
        hint = "write it with the library of its kind"
        raise StepFailed(Diagnostic("unstorable-model", message, hint=hint)) from error
    return data


def _look_into(suffix: str, data: bytes) -> None:
    """Raise ValueError for a file that is of another kind than its name says, or for an array that needs pickle."""
    match suffix:
        case ".json":
            json.loads(data)
        case ".safetensors":
            length = int.from_bytes(data[:8], "little")
            if not isinstance(json.loads(data[8 : 8 + length]), dict) or length > len(data) - 8:
                raise ValueError("its header is not a mapping")
        case ".npy":
            np.load(io.BytesIO(data), allow_pickle=False)
        case ".ubj" if data[:1] != b"{":
            raise ValueError("UBJSON begins with {")
        case ".onnx" if data[:1] != b"\x08":
            raise ValueError("ONNX begins with its version")
