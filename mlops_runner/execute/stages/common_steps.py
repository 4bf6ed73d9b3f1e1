"""What the steps of the project's own share."""

from mlops_runner.execute.isolation import THREAD_VARIABLES
from mlops_runner.execute.messages import Request


def threads_of(request: Request) -> dict[str, str]:
    """Return the variables that tell libraries how many threads the step declares."""
    return dict.fromkeys(THREAD_VARIABLES, str(request.execution["threads"]))
