"""The train stage: fit one candidate."""

import json
from pathlib import Path

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import columns_from, log, out_folder, sides_folder, training_from
from mlops_runner.train.fit import fit
from mlops_runner.train.tuning.trial import Params, with_params


def execute(request: Request) -> Reply:
    """Train the candidate on the sides it was given."""
    spec = training_from(request, request.config["trainer"])
    trainer = with_params(spec.baseline, _found(request))
    done = fit(spec, trainer, columns_from(request), sides_folder(request), out_folder(request), log)
    return Reply("done", done.metrics)


def _found(request: Request) -> Params:
    """Return the parameters that a search has found for this candidate; none without a search."""
    if "search" not in request.inputs:
        return {}
    found: Params = json.loads(Path(request.inputs["search"]).read_bytes())["params"]
    return found
