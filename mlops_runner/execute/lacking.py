"""What is said when something is not there that a step reads."""

from collections.abc import Mapping

from mlops_runner.errors import Diagnostic
from mlops_runner.lock.model import Scalar
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step
from mlops_runner.specs.nearest import nearest


def not_returned(step: Step, item: Input, returned: Mapping[str, Scalar]) -> Diagnostic:
    """Say that another step did not return a value."""
    message = f"{item.producer} returned no {item.path}; it returned {', '.join(returned) or 'nothing'}"
    return Diagnostic("no-value", message, step.input_place(item), nearest(item.path, returned))


def missing(step: Step, item: Input, facts: Facts) -> Diagnostic:
    """Say that a file is not there."""
    if item.producer is not None:
        message = f"{item.path} is not among what {item.producer} wrote"
        return Diagnostic("not-written", message, step.input_place(item), f"see its outputs: mlops why {item.producer}")
    if pipelines := facts.written.get(item.path):
        message = f"{item.path} is not here as {', '.join(pipelines)} writes it"
        return Diagnostic("missing-input", message, step.input_place(item), "mlops run --all-pipelines, or: dvc pull")
    hint = f"if DVC tracks it: dvc pull {item.path}"
    return Diagnostic("missing-input", f"{item.path} is not there", step.input_place(item), hint)
