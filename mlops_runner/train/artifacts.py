"""Candidates on disk: written with digests, read back only when every digest fits, and asked for predictions."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import Diagnostic, NotVerified, StepFailed
from mlops_runner.specs.task import PROBABILISTIC
from mlops_runner.train.calibrate import calibrated, calibrated_labels
from mlops_runner.train.features import Schema, matrix
from mlops_runner.train.formats.base import (
    BOOSTER,
    ESTIMATOR,
    FORMATS,
    NAIVE,
    PREPROCESS,
    PROJECT,
    file_name,
    format_of,
    predicting,
)
from mlops_runner.train.preprocess import Fitted, decode
from mlops_runner.train.preprocess import encode as encode_preprocessing
from mlops_runner.train.record import (
    MAX_BYTES,
    PROJECT_FILE,
    CandidateRecord,
    FileName,
    StoredFile,
    decode_candidate,
    encode,
)
from mlops_runner.train.stored import AnyRows

RECORD: Literal["candidate.json"] = "candidate.json"
MANY_COLUMNS = frozenset({"multiclass", "multilabel"})
NAMES: tuple[FileName, ...] = (RECORD, BOOSTER, ESTIMATOR, NAIVE, PREPROCESS)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A trained model, ready to predict. preprocess: what has `transform`, or None when the model needs none."""

    record: CandidateRecord
    model: Any
    preprocess: Any | None

    @property
    def schema(self) -> Schema:
        """What the model reads and gives."""
        return self.record.signature


def save_candidate(folder: Path, record: CandidateRecord, model: Any, preprocess: Fitted | None) -> CandidateRecord:
    """Write the model's files, then the record that names them. Returns the record with its digests.

    record: with empty `files`. Files of an earlier candidate in the folder are removed. Nothing is synced: that is for
    who keeps them. Raises OSError.
    """
    contents = _files_of(model)
    if preprocess is not None:
        contents[PREPROCESS] = encode_preprocessing(preprocess)
    remove_earlier(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    complete = record.model_copy(update={"files": {name: _stored(data) for name, data in contents.items()}})
    (folder / RECORD).write_bytes(encode(complete))
    return complete


def remove_earlier(folder: Path) -> None:
    """Remove the files of a candidate that was in the folder before."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name in NAMES or PROJECT_FILE.fullmatch(path.name):
            path.unlink()


def load_candidate(folder: Path, expected: Mapping[str, str] | None = None, *, project_code: bool = False) -> Candidate:
    """Read a candidate after checking the sha256 of every file; no parser sees a byte before that.

    expected: file name -> sha256 in hex, of candidate.json at least, from a place that is trusted (the lock).
    project_code: whether a model of the project may be read by its own function, which must be importable.
    Raises NotVerified for a missing, altered or foreign file, StepFailed for what the project's function raises.
    """
    data = read_record(folder / RECORD, expected)
    record = decode_candidate(data)
    contents = {name: _checked(folder / name, stored, expected) for name, stored in record.files.items()}
    if record.loader is not None:
        return Candidate(record, _project_model(contents, record.loader, project_code), None)
    models = [name for name in FORMATS if name in contents]
    if len(models) != 1:
        raise _not_verified("unreadable-record", f"{RECORD} names {len(models)} models, not one")
    model = format_of(models[0]).load(contents[models[0]], record.family)
    return Candidate(record, model, _preprocessing(contents))


def _files_of(model: Any) -> dict[FileName, bytes]:
    name = file_name(model)
    return dict(model.files) if name == PROJECT else {name: format_of(name).dump(model)}


def _project_model(contents: Mapping[FileName, bytes], loader: str, project_code: bool) -> Any:
    if not project_code:
        message = f"the model is read by {loader}, which is code of its project"
        hint = "trust it: load_model(…, project_code=True), in an environment that has what the project needs"
        raise NotVerified(Diagnostic("project-code", message, hint=hint))
    from mlops_runner.train.formats import project

    return project.read({name: data for name, data in contents.items() if PROJECT_FILE.fullmatch(name)}, loader)


def predict(candidate: Candidate, frame: AnyRows) -> NDArray[np.float64]:
    """Predict with one thread; rows that stay on the disk batch by batch.

    Returns float64: binary (rows,) probability of the positive class; multiclass (rows, classes);
    multilabel (rows, labels); regression (rows,).
    Raises InvalidInput for missing or wrong columns, StepFailed for predictions that are not finite.
    """
    if isinstance(frame, pl.DataFrame):
        return predict_matrix(candidate, matrix(frame, candidate.schema))
    return np.concatenate([predict(candidate, batch) for _, batch in frame.batches()])


def predict_matrix(candidate: Candidate, features: pl.DataFrame) -> NDArray[np.float64]:
    """Do what `predict` does, for features that already went through `matrix`."""
    x = _transformed(candidate.preprocess, features) if features.height else None
    found = predict_model(candidate.model, features, x, candidate.schema)
    if candidate.record.calibration is None:
        return found
    mapped = calibrated_labels if candidate.schema.task == "multilabel" else calibrated
    return mapped(candidate.record.calibration, found)


def predict_model(
    model: Any, features: pl.DataFrame, x: NDArray[np.float64] | None, schema: Schema
) -> NDArray[np.float64]:
    """Return what the model itself says, before calibration. x: preprocessed, or None when the model does that."""
    shape = (features.height, len(schema.classes)) if schema.task in MANY_COLUMNS else (features.height,)
    if features.height == 0:
        return np.empty(shape)
    found = np.asarray(predicting(file_name(model)).predict(model, features, x, schema), dtype=np.float64)
    _refuse_nonsense(found, shape, schema)
    return found


def read_record(path: Path, expected: Mapping[str, str] | None) -> bytes:
    """Read a JSON record, checked against the expected sha256 when one is given. Raises NotVerified."""
    if expected is not None and path.name not in expected:
        raise _not_verified("unknown-digest", f"no expected sha256 is given for {path.name}")
    if (size := _size(path)) > MAX_BYTES:
        raise _not_verified("too-large", f"{path.name} has {size} bytes")
    data = path.read_bytes()
    if expected is not None and hashlib.sha256(data).hexdigest() != expected[path.name]:
        raise _altered(path.name)
    return data


def _preprocessing(contents: Mapping[FileName, bytes]) -> Any | None:
    return decode(contents[PREPROCESS]) if PREPROCESS in contents else None


def _checked(path: Path, stored: StoredFile, expected: Mapping[str, str] | None) -> bytes:
    if _size(path) != stored.size:
        raise _altered(path.name)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != stored.sha256 or (expected or {}).get(path.name, digest) != digest:
        raise _altered(path.name)
    return data


def _stored(data: bytes) -> StoredFile:
    found = digest_bytes(data)
    return StoredFile(sha256=found.sha256, size=found.size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise _not_verified("missing-artifact", f"{path.name} is missing") from error


def _transformed(preprocess: Any | None, features: pl.DataFrame) -> NDArray[np.float64] | None:
    if preprocess is None:
        return None
    return np.ascontiguousarray(preprocess.transform(features), dtype=np.float64)


def _refuse_nonsense(found: NDArray[Any], shape: tuple[int, ...], schema: Schema) -> None:
    if found.shape != shape:
        message = f"the model gives predictions of shape {found.shape}, not {shape}"
        raise StepFailed(Diagnostic("wrong-shape", message, hint=f"the task is {schema.task}"))
    bad = int((~np.isfinite(found)).sum())
    if bad:
        message = f"{bad} of {found.size} predictions are not finite numbers"
        raise StepFailed(Diagnostic("not-finite", message, hint="scale the features, or lower the learning rate"))
    if schema.task in PROBABILISTIC and (found.min() < 0 or found.max() > 1):
        message = f"predictions from {found.min():.6g} to {found.max():.6g} are not probabilities"
        raise StepFailed(Diagnostic("not-probabilities", message, hint="train with a probabilistic objective"))


def _altered(name: str) -> NotVerified:
    return _not_verified("altered-artifact", f"{name} is not the file that was recorded: its sha256 differs")


def _not_verified(code: str, message: str) -> NotVerified:
    hint = "restore it from the cache or a remote, or train again"
    return NotVerified(Diagnostic(code, message, hint=hint))
