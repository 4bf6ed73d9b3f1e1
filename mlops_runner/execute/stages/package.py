"""The package stage: the winner becomes the model bundle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import SIDES, build, columns_from, expected_digests, out_folder
from mlops_runner.specs.data import Column
from mlops_runner.train.artifacts import load_candidate
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle
from mlops_runner.train.features import Schema
from mlops_runner.train.reference import PredictionProfile, Reference
from mlops_runner.train.signature import BundleRecord

PROBE_ROWS = 12  # those that are made come on top

build(BundleRecord, Reference, PredictionProfile)


def execute(request: Request) -> Reply:
    """Write the bundle of the winner, and read it back as serving would."""
    evidence = _read(request, "evaluation")
    name = f"model.{evidence['winner']}"
    folder = Path(request.inputs[name])
    candidate = load_candidate(folder, expected_digests(request, name), project_code=True)
    threshold = evidence.get("threshold")
    side = next(side for side in reversed(SIDES) if side in evidence["metrics"][evidence["winner"]])
    metrics = {f"{side}.{m}": v for m, v in evidence["metrics"][evidence["winner"]][side].items() if v is not None}
    value = threshold["value"] if threshold else None
    value = tuple(value) if isinstance(value, list) else value
    facts = BundleFacts(
        request.config["name"], value, columns_from(request), metrics, _reference(request, candidate.schema)
    )
    last = next(side for side in reversed(SIDES) if side in request.inputs)
    probe = _impersonal(pl.read_parquet(request.inputs[last], n_rows=PROBE_ROWS), facts.columns)
    written = write_bundle(folder, out_folder(request), facts, probe)
    load_bundle(out_folder(request), project_code=True).check_probe()
    return Reply("done", {"winner": evidence["winner"], **written})


def _read(request: Request, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(request.inputs[name]).read_bytes())
    return found


def _reference(request: Request, schema: Schema) -> Reference:
    """Put together what is known of the rows the model was fitted on, and of its predictions for others."""
    profile, predictions = _read(request, "profile"), _read(request, "predictions")
    features = {feature.name for feature in schema.features}
    return Reference(
        profile_version=profile["profile_version"],
        rows=profile["rows"],
        columns={name: found for name, found in profile["columns"].items() if name in features},
        target=profile["target"],
        predictions={side: PredictionProfile(**found) for side, found in predictions["sides"].items()},
    )


def _impersonal(probe: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """Take personal data out of the rows that go into the bundle: numbers become their mean, the rest is missing."""
    personal = [name for name, column in columns.items() if "pii" in column.tags and name in probe.columns]
    numbers = [name for name in personal if columns[name].type in {"float", "int"}]
    kinds = {name: probe.schema[name] for name in personal}
    means = [pl.col(name).mean().cast(kinds[name], strict=False).alias(name) for name in numbers]
    missing = [pl.lit(None, kinds[name]).alias(name) for name in personal if name not in numbers]
    return probe.with_columns(*means, *missing)
