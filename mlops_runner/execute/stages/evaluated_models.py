"""The models that are measured: the candidates and the baseline of this run, and the champion that is in use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mlops_runner.errors import MlopsError, NotVerified
from mlops_runner.evaluate.values import CHAMPION, Cut, Floats
from mlops_runner.execute.messages import Request
from mlops_runner.execute.stages.common import SIDES, expected_digests
from mlops_runner.train.artifacts import Candidate, load_candidate, predict
from mlops_runner.train.bundle import load_bundle
from mlops_runner.train.features import Schema
from mlops_runner.train.stored import AnyRows, stored_rows

Scores = dict[str, dict[str, Floats]]


@dataclass(slots=True)
class Champion:
    """The model in use. problem: why it gives no scores for these rows."""

    candidate: Candidate | None = None
    threshold: Cut | None = None
    problem: str = "no champion is named"


@dataclass(frozen=True, slots=True)
class Models:
    """The models of the run by name, and the champion."""

    candidates: dict[str, Candidate]
    champion: Champion = field(default_factory=Champion)

    @property
    def schema(self) -> Schema:
        """What the models of the run read and give."""
        return next(iter(self.candidates.values())).schema

    def scores(self, frames: Mapping[str, AnyRows]) -> Scores:
        """Predict every side with every model. A champion that cannot read the rows is left out, with its reason."""
        found = {
            name: {side: predict(model, frame) for side, frame in frames.items()}
            for name, model in self.candidates.items()
        }
        if self.champion.candidate is not None:
            try:
                found[CHAMPION] = {side: predict(self.champion.candidate, frame) for side, frame in frames.items()}
            except NotVerified:
                raise
            except MlopsError as error:
                self.champion.problem = f"the champion cannot read these rows: {error.diagnostics[0].message}"
        return found


def rows_by_side(request: Request, models: Models) -> dict[str, AnyRows]:
    """Return the rows of every side with all columns; on the disk where a model was trained on rows that stayed there.

    Then the smallest of the batches that models were trained on is what is held at a time.
    """
    paths = {side: Path(request.inputs[side]) for side in SIDES if side in request.inputs}
    batches = [model.record.batch_rows for model in models.candidates.values() if model.record.batch_rows is not None]
    if not batches:
        return {side: pl.read_parquet(path) for side, path in paths.items()}
    return {side: stored_rows(path, min(batches)) for side, path in paths.items()}


def load_models(request: Request) -> Models:
    """Read the models, each checked against its digests. Raises NotVerified."""
    candidates = {name: _load(request, f"model.{name}") for name in request.config["models"]}
    models = Models(candidates)
    return Models(candidates, _champion(request, models.schema)) if CHAMPION in request.inputs else models


def _load(request: Request, name: str) -> Candidate:
    return load_candidate(Path(request.inputs[name]), expected_digests(request, name), project_code=True)


def _champion(request: Request, schema: Schema) -> Champion:
    """Read the champion's bundle, which names the digest of each of its files; the folder's own is in the key."""
    model = load_bundle(Path(request.inputs[CHAMPION]), project_code=True)
    if model.schema.task != schema.task:
        return Champion(problem=f"the champion's task is {model.schema.task}, not {schema.task}")
    if model.schema.classes != schema.classes:
        what = "has other labels" if schema.task == "multilabel" else "tells other classes apart"
        return Champion(problem=f"the champion {what}")
    return Champion(model.candidate, model.record.threshold)
