"""What a run of a part says of the steps that it left."""

from collections.abc import Sequence

from mlops_runner.plan.names import listed


def partial_text(left: Sequence[str]) -> str:
    """Say which steps are not in the lock as the specs imply."""
    those = "1 step is" if len(left) == 1 else f"{len(left)} steps are"
    return f"  partial: {those} not up to date: {listed(left)}"
