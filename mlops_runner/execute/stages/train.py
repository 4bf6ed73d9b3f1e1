"""The train stage: fit one candidate."""

import os
from pathlib import Path

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import columns_from, log, out_folder, training_from
from mlops_runner.train.fit import fit


def execute(request: Request) -> Reply:
    """Train the candidate on the sides it was given."""
    spec = training_from(request, request.config["trainer"])
    data = Path(request.work) / "sides"
    data.mkdir()
    for path in request.inputs.values():
        (data / Path(path).name).symlink_to(os.path.realpath(path))
    done = fit(spec, spec.baseline, columns_from(request), data, out_folder(request), log)
    return Reply("done", done.metrics)
