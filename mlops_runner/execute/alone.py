"""One step on its own, outside of a run: nothing is settled, kept or locked."""

import contextlib
import shutil
from collections.abc import Iterator

from mlops_runner.execute.handlers import levels
from mlops_runner.execute.isolation import Worker, room_of
from mlops_runner.execute.logs import keep_log
from mlops_runner.execute.process import Ground, Ran, run_step, work_folder
from mlops_runner.plan.steps import Step
from mlops_runner.store.layout import Layout


@contextlib.contextmanager
def executed(layout: Layout, step: Step, ground: Ground) -> Iterator[Ran]:
    """Execute a step that reads no other step's output; what it wrote is there while the block runs.

    The caller holds the project's lock. Raises StepFailed or InvalidInput with what the step said.
    """
    shutil.rmtree(layout.work, ignore_errors=True)  # left by a killed run
    worker = Worker(room_of([step]), layout.work / "home")
    try:
        worker.equip(levels([step], 1))
        with work_folder(layout.work) as work:
            try:
                ran = run_step(step, {}, worker, work, ground)
            finally:
                keep_log(layout.logs, step, work)
            yield ran
    finally:
        worker.close()
        shutil.rmtree(layout.work, ignore_errors=True)
