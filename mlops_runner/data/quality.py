"""The record of a data set's quality: what cleaning touched, what was derived, and what came of each check.

It follows from the data and the spec alone, so equal rows give equal bytes. Answers that depend on anything else (the
moment of the run, the previous version) are said while the data is made, and are null here.
"""

from collections.abc import Iterable, Sequence

from mlops_runner.data.checks.base import Outcome
from mlops_runner.data.cleaning import Touched
from mlops_runner.data.derived.derive import WithDerived
from mlops_runner.data.table import Part
from mlops_runner.digest import Json

# Raise it when the meaning or shape of an entry changes; readers of older files must keep working.
QUALITY_VERSION = 1
QUALITY_FILE = "quality.json"
DIGITS = 9


def quality(
    read: int,
    steps: Iterable[Touched],
    outcomes: Iterable[Outcome],
    derived: WithDerived | None = None,
    files: Sequence[Part] = (),
) -> Json:
    """Describe how `read` rows, of these files, were cleaned, completed and checked, in the order of the spec."""
    cleaning: list[Json] = [_step(step) for step in steps]
    checks: list[Json] = [_check(outcome) for outcome in outcomes]
    found: dict[str, Json] = {"quality_version": QUALITY_VERSION, "rows": read, "cleaning": cleaning, "checks": checks}
    if files:
        found["files"] = [{"name": file.name, "rows": file.rows} for file in files]
    return found | ({"derived": _derived(derived)} if derived and (derived.series or derived.steps) else {})


def _derived(derived: WithDerived) -> Json:
    steps: list[Json] = [
        {"kind": step.kind, "missing": dict(step.missing), "dropped": step.dropped, "left": step.left}
        for step in derived.steps
    ]
    return {"series": derived.series, "holes": derived.holes, "steps": steps}


def _step(step: Touched) -> Json:
    return {"kind": step.kind, "cells": dict(step.cells), "rows": step.rows, "left": step.left}


def _check(outcome: Outcome) -> Json:
    check = outcome.check
    entry: dict[str, Json] = {
        "name": check.name,
        "kind": check.kind,
        "severity": check.severity,
        "columns": list(check.columns),
    }
    if not check.lasting:
        return {**entry, "answer": None}
    entry["answer"] = outcome.answer
    if outcome.says is not None:
        entry["says"] = outcome.says
    if outcome.broken is not None:
        entry["broken"] = outcome.broken
        entry["share"] = round(outcome.broken / outcome.rows, DIGITS) if outcome.rows else 0.0
    if outcome.sample:
        entry["sample"] = [{"place": sample.place, "values": dict(sample.values)} for sample in outcome.sample]
    if outcome.figures:
        entry["figures"] = dict(outcome.figures)
    return entry
