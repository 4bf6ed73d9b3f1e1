"""The last step of a run fails: nothing else is left that could bring the failure to light."""

import pytest

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.engine import Engine


class OneStep(Engine):
    """An engine with a single step, which starts at once and fails."""

    def __init__(self):
        self._running = {}

    def _advance(self, waiting, steps):
        waiting.clear()
        self._running["lane"] = "step"

    def _hear(self):
        self._running.clear()
        return [StepFailed(Diagnostic("step-failed", "package failed"))]


class Step:
    name = "package"


def test_the_failure_of_the_last_step_is_raised():
    with pytest.raises(StepFailed, match="package failed"):
        OneStep()._settle_all([Step()])
