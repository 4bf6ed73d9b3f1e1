"""Reasons in words: one clause each, with old and new value, for plans, verification and reports."""

from collections.abc import Callable, Mapping

from mlops_runner.lock.text import scalar_text
from mlops_runner.plan.model import Reason


def describe(reason: Reason) -> str:
    """Say a reason in words, with old and new value as they would stand in YAML."""
    return _CLAUSES.get(reason.code, _changed)(reason)


def _changed(reason: Reason) -> str:
    return f"{reason.what} {scalar_text(reason.old)} → {scalar_text(reason.new)}"


def _code(reason: Reason) -> str:
    return f"code {reason.what} {_news(reason)}"


def _input(reason: Reason) -> str:
    return f"input {reason.what} {_news(reason)}"


def _news(reason: Reason) -> str:
    if reason.old is None:
        return "is new"
    return "changed" if reason.new is not None else "is gone"


def _environment(reason: Reason) -> str:
    if reason.old is None:
        return "its environment is not in pipeline.lock"
    if reason.what == "dependencies":
        return "the environment differs: other dependencies"
    return f"the environment differs: {reason.what} {reason.old} → {reason.new}"


_CLAUSES: Mapping[str, Callable[[Reason], str]] = {
    "new": lambda reason: "not in pipeline.lock yet",  # noqa: ARG005
    "upstream-runs": lambda reason: f"depends on {reason.what}, which runs first",
    "param-added": lambda reason: f"{reason.what} = {scalar_text(reason.new)} is new",
    "param-removed": lambda reason: f"{reason.what} (was {scalar_text(reason.old)}) is gone",
    "code-changed": _code,
    "input-changed": _input,
    "environment-changed": _environment,
    "renamed": lambda reason: f"was {reason.old}",
    "pointer-moved": lambda reason: f"input {reason.what}: pointer moved, it is not here yet",
    "input-elsewhere": lambda reason: f"input {reason.what} is not here yet: the run takes it from DVC's cache",
    "missing-input": lambda reason: f"input {reason.what} is not there and never was locked",
    "no-value": lambda reason: f"{reason.old} returned no {reason.what}; it returned {reason.new or 'nothing'}",
    "not-written": lambda reason: f"input {reason.what} is not among what {reason.old} wrote",
    "always": lambda reason: "runs every time",  # noqa: ARG005
    "frozen-unlocked": lambda reason: "is frozen, and nothing of it is locked",  # noqa: ARG005
    "pipeline-behind": lambda reason: f"reads what the pipeline {reason.what} writes, which is behind and runs first",
    "upstream-affected": lambda reason: f"reads what {reason.what} writes",
    "new-since": lambda reason: f"not there at {reason.old}",
    "read-from-others": lambda reason: "other steps write what it reads",  # noqa: ARG005
    "not-locked": lambda reason: f"input {reason.what} is written by {reason.old}, which never ran and is not selected",
    "not-pinned": lambda reason: "not pinned yet; run: mlops data refresh",  # noqa: ARG005
    "spec-changed": lambda reason: "the columns it reads, their order, or a default changed",  # noqa: ARG005
    "declared-otherwise": lambda reason: "what it runs, or a path that it reads or writes, changed",  # noqa: ARG005
    "runner-changed": lambda reason: reason.what,
}
