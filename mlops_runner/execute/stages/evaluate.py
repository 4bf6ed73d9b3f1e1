"""The evaluate stage: every model on every side, thresholds, the winner, slices, gates and importance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlops_runner.digest import canonical_json
from mlops_runner.durable import write_text
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.assessment import Assessment
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import expected_digests, out_folder, spec_from, training_from
from mlops_runner.specs.evaluation import Evaluation, Slice
from mlops_runner.train.artifacts import Candidate, load_candidate, predict
from mlops_runner.train.targets import encode_target

SIDES = ("train", "validation", "test")
UNUSED = {"trainer": "sklearn", "estimator": "unused"}
EVIDENCE = "evaluation.json"

# A prediction of a wide table takes its time however few its rows: at 3000 features, 33 are shuffled.
FEWEST_SHUFFLED, MOST_SHUFFLED, SHUFFLED_CELLS = 20, 100, 100_000


def execute(request: Request) -> Reply:
    """Assess all models and write the evidence."""
    config = request.config
    keys = ("metrics", "digits", "threshold", "slices", "gates")
    evaluation = spec_from(Evaluation, {key: config[key] for key in keys if key in config})
    select = training_from(request, UNUSED).select
    models = {name: _load(request, name) for name in config["models"]}
    schema = next(iter(models.values())).schema
    frames = {side: pl.read_parquet(request.inputs[side]) for side in SIDES if side in request.inputs}
    sides = {name: _side(name, frame, schema, evaluation.slices) for name, frame in frames.items()}
    scores = {name: {side: predict(model, frame) for side, frame in frames.items()} for name, model in models.items()}
    options = Options(schema.task, tuple(str(value) for value in schema.classes), select, evaluation)
    found = assess(options, sides, scores)
    evidence = {**found.as_json(), "importance": _importance(request, found, models, frames, sides)}
    write_text(out_folder(request) / EVIDENCE, canonical_json(evidence) + "\n")
    digits = evaluation.digits
    metrics = {n: value if n == "threshold" else round(value, digits) for n, value in found.flat_metrics().items()}
    return Reply("done", {"winner": found.winner, **metrics}, {gate.name: gate.answer for gate in found.gates})


def _load(request: Request, name: str) -> Candidate:
    return load_candidate(Path(request.inputs[f"model.{name}"]), expected_digests(request, f"model.{name}"))


def _side(name: str, frame: pl.DataFrame, schema: Any, slices: Mapping[str, Slice]) -> Side:
    masks = {label: _mask(frame, part) for label, part in slices.items()}
    return Side(name, encode_target(frame[schema.target], schema), masks)


def _mask(frame: pl.DataFrame, part: Slice) -> np.ndarray[Any, np.dtype[np.bool_]]:
    column = pl.col(part.column)
    if part.equals is not None:
        chosen = column == pl.lit(part.equals)
    else:
        chosen = pl.lit(True)
        if part.min is not None:
            chosen &= column >= part.min
        if part.max is not None:
            chosen &= column < part.max
    return frame.select(chosen.fill_null(False).alias("chosen"))["chosen"].to_numpy().astype(np.bool_)


def _ranked(model: Candidate) -> list[str]:
    """Return the features, those first that the model itself leans on: of a wide table not all can be shuffled."""
    weight = dict.fromkeys((feature.name for feature in model.schema.features), 0.0)
    for output in model.record.importance.outputs if model.record.importance else ():
        weight[output.feature] = max(weight[output.feature], abs(output.value))
    return sorted(weight, key=lambda name: -weight[name])


def _importance(
    request: Request, found: Assessment, models: Mapping[str, Candidate], frames: Mapping[str, pl.DataFrame],
    sides: Mapping[str, Side],
) -> list[dict[str, Any]]:  # fmt: skip
    """Shuffle each feature on the side the winner was selected on: the held-out side stays out of every choice."""
    side = found.options.select.split
    model = models[found.winner]
    threshold = found.thresholds.get(found.winner)
    options = ImportanceOptions(
        metric=found.options.select.metric,
        task=found.options.task,
        classes=found.options.classes,
        seed=int(request.execution["seed"]),
        threshold=threshold.value if threshold else None,
        max_features=max(FEWEST_SHUFFLED, min(MOST_SHUFFLED, SHUFFLED_CELLS // len(model.schema.features))),
    )
    features = _ranked(model)
    rows = permutation_importance(
        lambda frame: predict(model, frame), frames[side], features, sides[side].target, options
    )
    return [{"feature": row.feature, "drop": row.drop, "std": row.std} for row in rows]
