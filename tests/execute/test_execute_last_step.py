"""The last step of a run fails: nothing else is left that could bring the failure to light."""

from types import SimpleNamespace

import pytest

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.engine import Engine
from mlops_runner.execute.listener import Silence
from mlops_runner.plan.demand import Waiting


class OneStep(Engine):
    """An engine with a single step, which starts at once and fails."""

    def __init__(self):
        self._running, self._waiting, self._delayed, self._failures = {}, Waiting(), [], []
        self.keep_going = False
        self.listener = Silence()

    def _advance(self):
        if self._schedule.take():
            self._running["lane"] = "step"

    def _hear(self, *, more):
        assert more
        self._running.clear()
        self._failures.append(StepFailed(Diagnostic("step-failed", "package failed")))


def test_the_failure_of_the_last_step_is_raised():
    with pytest.raises(StepFailed, match="package failed"):
        OneStep()._settle_all([SimpleNamespace(name="package", inputs=())])
