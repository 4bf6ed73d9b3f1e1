"""Reasons in words: one clause each, with old and new value, for plans, verification and reports."""

from mlops_runner.plan.model import Reason


def describe(reason: Reason) -> str:
    """Say a reason in words, with old and new value."""
    match reason.code:
        case "new":
            return "not in pipeline.lock yet"
        case "upstream-runs":
            return f"depends on {reason.what}, which runs first"
        case "param-added":
            return f"{reason.what} = {reason.new} is new"
        case "param-removed":
            return f"{reason.what} (was {reason.old}) is gone"
        case "code-changed":
            return (
                f"code {reason.what} changed" if reason.old and reason.new else f"code {reason.what} is {_news(reason)}"
            )
        case "input-changed":
            return f"input {reason.what} {'changed' if reason.old else 'is new'}"
        case "environment-changed" if reason.what == "dependencies":
            return "the environment differs: other dependencies"
        case "environment-changed":
            return f"the environment differs: {reason.what} {reason.old} → {reason.new}"
        case "renamed":
            return f"was {reason.old}"
        case "missing-input":
            return f"input {reason.what} is not there and never was locked"
        case "spec-changed":
            return "the columns it reads, or their order, changed"
        case "runner-changed":
            return reason.what
        case _:
            return f"{reason.what} {reason.old} → {reason.new}"


def _news(reason: Reason) -> str:
    return "gone" if reason.new is None else "new"
