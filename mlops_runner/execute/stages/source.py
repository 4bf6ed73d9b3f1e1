"""The source stage: fetch what lies outside the project, and keep it as a snapshot."""

import json
from pathlib import Path

from mlops_runner.data.fetch.base import Wanted, fetch
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import build, log, out_folder
from mlops_runner.plan.compile_data import SNAPSHOT
from mlops_runner.specs.data import Column
from mlops_runner.specs.data_sources import HttpSource, SqlSource

build(Column, SqlSource, HttpSource)


def execute(request: Request) -> Reply:
    """Fetch the snapshot."""
    source = _source(request)
    undeclared = request.config.get("undeclared", "error")
    wanted = Wanted(source, _columns(request), undeclared, Path(request.project), request.secrets, request.surroundings)
    form = source.format.kind if isinstance(source, HttpSource) else "parquet"
    fetched = fetch(wanted, out_folder(request) / f"{SNAPSHOT}.{form}", log)
    rows = {} if fetched.rows is None else {"rows": fetched.rows}
    # A pinned digest stands in the document already; whoever fetches without one wants to know it.
    return Reply("done", rows if source.digest else {**rows, "digest": fetched.digest})


def _columns(request: Request) -> dict[str, Column]:
    described = request.config.get("columns", {})
    masked = {name: {"tags": ["pii"]} for name in request.access.get("masked", ())}
    return {
        name: Column.model_validate_json(json.dumps({**described[name], **masked.get(name, {})}))
        for name in request.config.get("order", ())
    }


def _source(request: Request) -> SqlSource | HttpSource:
    """Put together again what the plan took apart: what may be shown, and how to get there."""
    values = dict(request.config["source"])
    values |= {name: request.access[name] for name in ("url", "max_bytes") if name in request.access}
    if values["kind"] == "sql":
        return SqlSource.model_validate_json(json.dumps(values))
    values["headers"] = {**values.get("headers", {}), **request.access.get("headers", {})}
    return HttpSource.model_validate_json(json.dumps(values))
