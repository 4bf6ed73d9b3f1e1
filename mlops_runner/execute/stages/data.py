"""The data stage: read, check, split and store a table."""

from datetime import UTC, datetime
from pathlib import Path

from mlops_runner.data.materialise import materialise
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import build, log, out_folder, spec_from
from mlops_runner.specs.data import Data

build(Data)


def execute(request: Request) -> Reply:
    """Materialise the data set."""
    config = {**request.config, "source": dict(request.config["source"])}
    config["columns"] = {name: config["columns"][name] for name in config.pop("order")}
    if config["source"]["kind"] in {"csv", "parquet"}:
        config["source"]["path"] = Path(request.inputs["source"]).name
    if config["source"].get("inputs"):
        config["source"]["inputs"] = {name: Path(request.inputs[name]).name for name in config["source"]["inputs"]}
    inputs = {name: Path(path) for name, path in request.inputs.items()}
    done = materialise(spec_from(Data, config), Path(request.code), inputs, out_folder(request), log, datetime.now(UTC))
    return Reply("done", done.metrics, warnings=done.warnings)
