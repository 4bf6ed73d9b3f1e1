"""Which relevance XGBoost's objectives of rankings can read."""

from collections.abc import Mapping

import numpy as np

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.train.trainers.base import Job

LARGEST_GAIN = 31


def refuse_relevance(params: Mapping[str, Scalar], job: Job) -> None:
    """Raise InvalidInput for relevance that the objective cannot read: other values than 0 and 1, or no whole numbers.

    Gains of 2**relevance - 1, which are the default, need whole numbers up to 31.
    """
    found = np.concatenate([side.y for side in (job.train, job.validation) if side is not None])
    name, objective = job.schema.target, params["objective"]
    whole = bool((found == np.rint(found)).all())
    if objective == "rank:map" and not np.isin(found, (0.0, 1.0)).all():
        message = f'objective rank:map reads relevance 0 and 1; target "{name}" goes up to {found.max():g}'
        raise InvalidInput(Diagnostic("unsuitable-relevance", message, hint="use rank:ndcg, or make it 0 and 1"))
    if params.get("ndcg_exp_gain", True) and not (whole and found.max() <= LARGEST_GAIN):
        what = f"goes up to {found.max():g}" if whole else "holds fractions"
        message = f'objective {objective} reads whole relevance up to {LARGEST_GAIN}; target "{name}" {what}'
        hint = "params: {ndcg_exp_gain: false} takes the relevance itself as the gain"
        raise InvalidInput(Diagnostic("unsuitable-relevance", message, hint=hint))
