"""Metrics that are weighted otherwise than before are other metrics: how that is said."""

from collections.abc import Sequence

from mlops_runner.lock.compare import Change

# The param of a step that names the column its metrics are weighted by.
WEIGHT = "weight"


def reweighted(old: object, new: object) -> str:
    """Say that metrics are weighted otherwise than before, or nothing. old, new: the columns; None for no weights."""
    if old == new:
        return ""
    before = "were not weighted before" if old is None else f"were weighted by {old} before"
    now = "are not weighted" if new is None else f"are weighted by {new}"
    return f"metrics {now}, and {before}: their differences say nothing about the model"


def reweighted_between(changes: Sequence[Change]) -> str:
    """Say the same of two locks."""
    found = (change for change in changes if (change.stage, change.part, change.name) == ("evaluate", "params", WEIGHT))
    return next((reweighted(change.old, change.new) for change in found), "")
