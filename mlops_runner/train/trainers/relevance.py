"""Which relevance XGBoost's objectives of rankings can read."""

from collections.abc import Mapping

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.train.trainers.base import Job

LARGEST_GAIN = 31


def suited_to_relevance(params: Mapping[str, Scalar], job: Job) -> dict[str, Scalar]:
    """Return params with which the objective reads the relevance of the rows. Raises InvalidInput when none do.

    `rank:map` reads 0 and 1. The others read whole numbers up to 31, or with `ndcg_exp_gain: false` any: for
    `rank:pairwise`, which learns the same from both, that is set where the relevance needs it.
    """
    found = np.concatenate([side.y for side in (job.train, job.validation) if side is not None])
    name, objective = job.schema.target, params["objective"]
    if objective == "rank:map" and not np.isin(found, (0.0, 1.0)).all():
        message = f'objective rank:map reads relevance 0 and 1; target "{name}" goes up to {found.max():g}'
        raise InvalidInput(Diagnostic("unsuitable-relevance", message, hint="use rank:ndcg, or make it 0 and 1"))
    whole = bool((found == np.rint(found)).all())
    if not params.get("ndcg_exp_gain", True) or (whole and found.max() <= LARGEST_GAIN):
        return dict(params)
    if objective == "rank:pairwise" and "ndcg_exp_gain" not in params:
        return {**params, "ndcg_exp_gain": False}
    what = f"goes up to {found.max():g}" if whole else "holds fractions"
    message = f'objective {objective} reads whole relevance up to {LARGEST_GAIN}; target "{name}" {what}'
    hint = "params: {ndcg_exp_gain: false} takes the relevance itself as the gain"
    raise InvalidInput(Diagnostic("unsuitable-relevance", message, hint=hint))
