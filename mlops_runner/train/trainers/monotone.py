"""Columns that may move the prediction in one direction only: from their names to the columns of the matrix."""

from collections.abc import Mapping

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.train.trainers.base import Job

SIGNS = {"increasing": 1, "decreasing": -1}


def directions(wanted: Mapping[str, str], job: Job) -> tuple[int, ...]:
    """Return 1, -1 or 0 for each column of the matrix. Raises InvalidInput for a column without an order."""
    known = {output.feature for output in job.outputs}
    ordered = {output.feature for output in job.outputs if output.ordered}
    if problems := [_problem(name, known, ordered) for name in wanted if name not in ordered]:
        raise InvalidInput(problems)
    return tuple(SIGNS[wanted[o.feature]] if o.ordered and o.feature in wanted else 0 for o in job.outputs)


def _problem(name: str, known: set[str], ordered: set[str]) -> Diagnostic:
    if name not in known:
        message = f'monotone names "{name}", which is not a feature'
        return Diagnostic("unknown-column", message, hint=nearest(name, ordered))
    message = f'monotone names "{name}", whose categories have no order'
    return Diagnostic("no-order", message, hint="make it a number in the data spec, or remove it")
