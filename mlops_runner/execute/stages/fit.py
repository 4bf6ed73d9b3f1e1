"""One fit of a search that is made elsewhere: what the search would have done in a process of its own."""

from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import setting_from, trainer_from
from mlops_runner.execute.stages.search import terms_of
from mlops_runner.execute.trials import TrialProcesses
from mlops_runner.train.tuning.batch import Fit
from mlops_runner.train.tuning.trial import Trial


def execute(request: Request) -> Reply:
    """Fit, and say what came of it."""
    asked = request.config["fit"]
    processes = TrialProcesses(terms_of(request, setting_from(request), trainer_from(request)), 1)
    try:
        fitted = processes.fit(Fit(Trial(asked["number"], asked["params"]), asked["fold"]))
    finally:
        processes.close()
    return Reply("done", {"value": fitted.value, "reason": fitted.reason}, local={"seconds": fitted.seconds})
