"""A loaded bundle: predictions, decisions, and the check that it still answers what it answered when it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified
from mlops_runner.specs.task import PROBABILISTIC
from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.features import Schema, matrix
from mlops_runner.train.limits import breaches
from mlops_runner.train.reference import Reference, decode_reference
from mlops_runner.train.rows import Row, frame_of
from mlops_runner.train.signature import BundleRecord, Signature
from mlops_runner.train.targets import Label

TOLERANCE = 1e-9
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded bundle. Rows are a polars.DataFrame, or a list of dictionaries that name every feature.

    reference_json: the checked content of reference.json, if the bundle has one.
    """

    record: BundleRecord
    candidate: Candidate
    reference_json: bytes | None = None

    @property
    def schema(self) -> Schema:
        """What the model reads and gives."""
        return self.candidate.schema

    @cached_property
    def signature(self) -> Signature:
        """The columns with their types and the ranges that training saw; classes and threshold."""
        record, columns = self.record, {f.name: self.record.columns[f.name] for f in self.schema.features}
        return Signature(record.task, record.target, record.classes, record.positive, record.threshold, columns)

    @cached_property
    def reference(self) -> Reference | None:
        """Profiles of the training rows and of the predictions: what later rows are compared with."""
        return None if self.reference_json is None else decode_reference(self.reference_json)

    def validate(self, rows: pl.DataFrame | Sequence[Row]) -> tuple[Diagnostic, ...]:
        """Return what the data spec does not allow, and, as warnings, what no training row held.

        `predict` answers such rows nevertheless. Raises InvalidInput for rows that it could not answer.
        """
        return breaches(self.signature.columns, matrix(self._frame(rows), self.schema))

    def predict(self, rows: pl.DataFrame | Sequence[Row]) -> NDArray[np.float64]:
        """Return (rows,) probability of the positive class, (rows, classes or labels), or (rows,) values.

        Raises InvalidInput.
        """
        return predict(self.candidate, self._frame(rows))

    def predict_proba(self, rows: pl.DataFrame | Sequence[Row]) -> NDArray[np.float64]:
        """Return (rows, classes or labels) in the order of `record.classes`. Raises InvalidInput for a task without."""
        if self.schema.task not in PROBABILISTIC:
            message = f"a {self.schema.task} model gives no probabilities"
            raise InvalidInput(Diagnostic("no-probabilities", message, hint="use predict"))
        found = self.predict(rows)
        return np.column_stack([1 - found, found]) if self.schema.task == "binary" else found

    def decide(self, rows: pl.DataFrame | Sequence[Row]) -> list[Label | dict[str, int]]:
        """Return one value of the target per row: by threshold, the likeliest class, or the value itself.

        Of a multilabel task, 0 or 1 by label.
        """
        found = self.predict(rows)
        match self.schema.task:
            case "binary":
                threshold = DEFAULT_THRESHOLD if self.record.threshold is None else self.record.threshold
                return [self.record.classes[int(p >= threshold)] for p in found]
            case "multiclass":
                return [self.record.classes[int(index)] for index in found.argmax(axis=1)]
            case "multilabel":
                cuts = DEFAULT_THRESHOLD if self.record.threshold is None else self.record.threshold
                decided = (found >= np.asarray(cuts)).astype(np.int64).tolist()
                return [dict(zip(self.schema.targets, row, strict=True)) for row in decided]
            case "regression" | "ranking" | "forecasting":
                return [float(value) for value in found]

    def check_probe(self) -> None:
        """Raise NotVerified when the model no longer gives the recorded predictions (beyond 1e-9)."""
        rows = self.record.probe.rows
        if not rows:
            return
        found, expected = self.predict(rows), np.array(self.record.probe.predictions, dtype=np.float64)
        # Values far from 1 are compared by their leading digits: the last ones belong to the processor.
        error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
        if error.max() > TOLERANCE:
            row = int(np.argmax(error.reshape(len(rows), -1).max(axis=1)))
            about = self.record.probe.about[row]
            message = f"probe row {row} ({about}): predicted {found[row]}, recorded {expected[row]}"
            hint = "compare the versions of the libraries with the lock"
            raise NotVerified(Diagnostic("probe-differs", message, hint=hint))

    def _frame(self, rows: pl.DataFrame | Sequence[Row]) -> pl.DataFrame:
        return rows if isinstance(rows, pl.DataFrame) else frame_of(rows, self.schema)
