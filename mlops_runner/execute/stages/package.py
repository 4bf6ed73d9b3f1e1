"""The package stage: the winner becomes the model bundle."""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import SIDES, columns_from, expected_digests, out_folder
from mlops_runner.specs.data import Column
from mlops_runner.train.artifacts import load_candidate
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle

PROBE_ROWS = 16


def execute(request: Request) -> Reply:
    """Write the bundle of the winner, and read it back as serving would."""
    evidence = json.loads(Path(request.inputs["evaluation"]).read_bytes())
    name = f"model.{evidence['winner']}"
    folder = Path(request.inputs[name])
    load_candidate(folder, expected_digests(request, name), project_code=True)
    threshold = evidence.get("threshold")
    side = next(side for side in reversed(SIDES) if side in evidence["metrics"][evidence["winner"]])
    metrics = {f"{side}.{m}": v for m, v in evidence["metrics"][evidence["winner"]][side].items() if v is not None}
    facts = BundleFacts(
        request.config["name"], threshold["value"] if threshold else None, columns_from(request), metrics
    )
    last = next(side for side in reversed(SIDES) if side in request.inputs)
    probe = _impersonal(pl.read_parquet(request.inputs[last]).head(PROBE_ROWS), facts.columns)
    written = write_bundle(folder, out_folder(request), facts, probe)
    load_bundle(out_folder(request), project_code=True).check_probe()
    return Reply("done", {"winner": evidence["winner"], **written})


def _impersonal(probe: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """Take personal data out of the rows that go into the bundle: numbers become their mean, the rest is missing."""
    personal = [name for name, column in columns.items() if "pii" in column.tags and name in probe.columns]
    numbers = [name for name in personal if columns[name].type in {"float", "int"}]
    kinds = {name: probe.schema[name] for name in personal}
    means = [pl.col(name).mean().cast(kinds[name], strict=False).alias(name) for name in numbers]
    missing = [pl.lit(None, kinds[name]).alias(name) for name in personal if name not in numbers]
    return probe.with_columns(*means, *missing)
