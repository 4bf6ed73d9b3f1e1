"""The train stage: fit one candidate."""

import json
from pathlib import Path

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import (
    columns_from,
    log,
    out_folder,
    setting_from,
    trainer_from,
    training_folder,
    who_fits,
)
from mlops_runner.execute.stages.limits import limits_of, within
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.fit import fit
from mlops_runner.train.outside import watching
from mlops_runner.train.tuning.trial import Params, with_params


def execute(request: Request) -> Reply:
    """Train the candidate on the sides it was given."""
    trainer = with_params(trainer_from(request), found_params(request))
    return within(limits_of(request.access), who_fits(trainer), lambda: _fitted(request, trainer))


def _fitted(request: Request, trainer: Trainer) -> Reply:
    setting, folder = setting_from(request), training_folder(request, trainer)
    with watching(Path(request.work)) as outside:
        done = fit(setting, trainer, columns_from(request), folder, out_folder(request), log)
    wrote = tuple(f"it wrote {path}, which lies outside of its folder and is in no key" for path in outside)
    return Reply("done", done.metrics, warnings=done.warnings + wrote)


def found_params(request: Request) -> Params:
    """Return the parameters that a search has found for this candidate; none without a search."""
    if "search" not in request.inputs:
        return {}
    found: Params = json.loads(Path(request.inputs["search"]).read_bytes())["params"]
    return found
