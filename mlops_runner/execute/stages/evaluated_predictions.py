"""Profiles of the winner's predictions on the rows it was not fitted on: what monitoring compares later ones with."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from mlops_runner.data.profile import PROFILE_VERSION, Detail, describe
from mlops_runner.digest import Json
from mlops_runner.evaluate.values import Sample
from mlops_runner.specs.data import Column
from mlops_runner.train.features import Schema
from mlops_runner.train.stored import AnyRows

PREDICTIONS = "predictions.json"
VERSION = 1
FITTED = "train"
DECISION, TIME = "\0decision", "\0time"


def profiles(
    samples: Mapping[str, Sample],
    schema: Schema,
    frames: Mapping[str, AnyRows],
    columns: Mapping[str, Mapping[str, Any]],
) -> dict[str, Json]:
    """Describe the scores, and where there are classes the decisions, of each side of the split.

    columns: what the data spec says of each column. With a column of the role time, effective sizes take neighbours
    into account; of a personal target no values are kept.
    """
    time = next((name for name, facts in columns.items() if facts["role"] == "time"), None)
    tags = tuple(sorted({tag for target in schema.targets for tag in columns[target]["tags"]}))
    sides: dict[str, Json] = {}
    for side, sample in samples.items():
        if side == FITTED or not len(sample.target):
            continue
        frame = _table(sample, schema)
        kinds = {name: Column(type="float", role="target", tags=tags) for name in frame.columns if name != DECISION}
        if DECISION in frame.columns:
            kinds[DECISION] = Column(type="string", role="target", tags=tags)
        if time is not None and time in frames[side].columns:
            frame = frame.with_columns(frames[side][time].alias(TIME))
        entries = describe(
            frame.lazy(), kinds, frame.height, Detail.fitting(kinds), TIME if TIME in frame.columns else None
        )
        chosen = entries.pop(DECISION, None)
        sides[side] = {"rows": frame.height, "scores": dict(entries), "decisions": chosen}
    return {"version": VERSION, "profile_version": PROFILE_VERSION, "sides": sides}


def _table(sample: Sample, schema: Schema) -> pl.DataFrame:
    """Name the scores after their classes; those of a binary task after the positive one, values after the target."""
    names = [str(name) for name in schema.classes]
    if sample.scores.ndim == 2:
        frame = pl.DataFrame({name: sample.scores[:, at] for at, name in enumerate(names)})
    else:
        frame = pl.DataFrame({names[1] if names else schema.target: sample.scores})
    if sample.decisions is None or sample.decisions.ndim > 1:
        return frame
    return frame.with_columns(pl.Series(DECISION, names, pl.String).gather(pl.Series(sample.decisions)))
