"""The exported file against the bundle: the same rows through both, and the row where they differ most."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.train.features import matrix
from mlops_runner.train.model import Model
from mlops_runner.train.onnx.export import TEXT_TYPES
from mlops_runner.train.rows import frame_of

# Trees add up float32, which has seven digits of the largest sum on the way. Probabilities may differ by this, values
# by this share of the largest prediction.
TOLERANCE = 1e-5
BATCH = 1 << 14


@dataclass(frozen=True, slots=True)
class Parity:
    """What came of the comparison.

    worst: the largest difference, as a share of the largest prediction where these are values. labels: how many rows
    are decided otherwise; None for a task without classes.
    """

    rows: int
    worst: float
    labels: int | None


@dataclass(frozen=True, slots=True, eq=False)
class _Worst:
    where: str
    row: int
    error: float
    expected: float
    found: float


def compare(data: bytes, model: Model, sides: dict[str, pl.DataFrame]) -> Parity:
    """Predict the probe and the rows of the sides with both. Raises NotVerified where they differ too much."""
    session = _session(data)
    frames = {"probe": frame_of(model.record.probe.rows, model.schema), **sides}
    worst, rows, labels = _Worst("", 0, 0.0, 0.0, 0.0), 0, 0
    predicted = {where: model.predict(frame) for where, frame in frames.items()}
    scale = 1.0 if model.schema.classes else max([1.0, *(float(np.abs(p).max()) for p in predicted.values() if len(p))])
    for where, frame in frames.items():
        for start in range(0, frame.height, BATCH):
            part = frame[start : start + BATCH]
            answers = _answers(session, model, part)
            found, expected = _scores(model, answers), predicted[where][start : start + BATCH]
            worst = max(worst, _worst(where, start, expected, found, scale), key=lambda one: one.error)
            rows += part.height
            if "label" in answers:
                labels += sum(a != b for a, b in zip(model.decide(part), answers["label"].tolist(), strict=True))
    if worst.error > TOLERANCE:
        _refuse(worst, "" if model.schema.classes else " of the largest prediction")
    return Parity(rows, worst.error, labels if model.schema.classes else None)


def _session(data: bytes) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base but Exception
        message = f"ONNX Runtime {onnxruntime.__version__} cannot load the file: {str(error).splitlines()[0][:300]}"
        raise NotVerified(Diagnostic("no-parity", message, hint="try another --opset; nothing was written")) from error


def feeds(model: Model, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Return the inputs of the file for some rows."""
    features = matrix(frame, model.schema)
    return {
        feature.name: features[feature.name]
        .to_numpy()
        .astype(np.object_ if feature.type in TEXT_TYPES else np.float64)[:, None]
        for feature in model.schema.features
    }


def _answers(session: object, model: Model, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    names = ("value",) if not model.schema.classes else ("label", "probabilities")
    found = session.run(None, feeds(model, frame))  # type: ignore[attr-defined]
    return dict(zip(names, found, strict=True))


def _scores(model: Model, answers: dict[str, NDArray[np.generic]]) -> NDArray[np.float64]:
    if "value" in answers:
        return answers["value"].astype(np.float64)
    found = answers["probabilities"].astype(np.float64)
    return found[:, 1] if model.schema.task == "binary" else found


def _worst(where: str, start: int, expected: NDArray[np.float64], found: NDArray[np.float64], scale: float) -> _Worst:
    error = np.abs(found - expected) / scale
    error[np.isnan(error)] = np.inf
    flat = int(error.argmax())
    row = flat // (error.size // len(error))
    return _Worst(where, start + row, float(error.flat[flat]), float(expected.flat[flat]), float(found.flat[flat]))


def _refuse(worst: _Worst, of: str) -> None:
    message = (
        f"the exported file predicts {worst.found:.9g} for row {worst.row} of {worst.where}, the bundle "
        f"{worst.expected:.9g}: they differ by {worst.error:.2g}{of}, more than {TOLERANCE:g} that float32 explains"
    )
    hint = "nothing was written; use the bundle itself: mlops_runner.load_model"
    raise NotVerified(Diagnostic("no-parity", message, hint=hint))
