"""The package stage: the winner becomes the model bundle."""

import json
from pathlib import Path

import polars as pl

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import columns_from, expected_digests, out_folder
from mlops_runner.execute.stages.evaluate import SIDES
from mlops_runner.train.artifacts import load_candidate
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle

PROBE_ROWS = 16


def execute(request: Request) -> Reply:
    """Write the bundle of the winner, and read it back as serving would."""
    evidence = json.loads(Path(request.inputs["evaluation"]).read_bytes())
    name = f"model.{evidence['winner']}"
    folder = Path(request.inputs[name])
    load_candidate(folder, expected_digests(request, name))
    threshold = evidence.get("threshold")
    side = next(side for side in reversed(SIDES) if side in evidence["metrics"][evidence["winner"]])
    metrics = {f"{side}.{m}": v for m, v in evidence["metrics"][evidence["winner"]][side].items() if v is not None}
    facts = BundleFacts(
        request.config["name"], threshold["value"] if threshold else None, columns_from(request), metrics
    )
    last = next(side for side in reversed(SIDES) if side in request.inputs)
    probe = pl.read_parquet(request.inputs[last]).head(PROBE_ROWS)
    written = write_bundle(folder, out_folder(request), facts, probe)
    load_bundle(out_folder(request)).check_probe()
    return Reply("done", {"winner": evidence["winner"], **written})
