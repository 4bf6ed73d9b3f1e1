"""Are columns distributed as they were in an earlier version of the data, or in a profile that was set aside?"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, Context, Found, Look, called
from mlops_runner.data.drift import Measure, Movement, Rule, movements
from mlops_runner.data.profile import PROFILE_VERSION, Detail, describe, time_of
from mlops_runner.data.repeats import chosen
from mlops_runner.data.table import Table
from mlops_runner.digest import Json
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, DistributionRule

PREVIOUS = "previous.profile.json"
EFFECTS = {"ks": "Kolmogorov-Smirnov distance", "chi-square": "Cramér's V", "missing": "missing rate moved by"}
MOST_NAMED = 10
DIGITS = 6


def compile_rule(rule: AnyRule, at: str, spec: Data) -> Iterator[Check]:
    """Compile a distribution rule: the train side is compared with that of the other version."""
    assert isinstance(rule, DistributionRule)

    def look(table: Table, context: Context) -> Found:
        path = context.inputs.get(PREVIOUS if rule.against == "previous" else at)
        if path is None:
            return Found(unmeasured="no earlier version of the data is at hand")
        return _compared(rule, spec, table, context, _entries(path, rule.against))

    yield Check(
        called(rule, ", ".join(rule.columns) or f"against {rule.against}"),
        "distribution",
        "distribution-shift",
        Look(look),
        hint="if the change is wanted, run once with severity: warn, or pin a newer profile",
        severity=rule.severity,
        named=True,
        lasting=rule.against != "previous",
    )


def _entries(path: Path, name: str) -> Mapping[str, Any]:
    """Read the columns of a profile. InvalidInput when it is none."""
    try:
        found = json.loads(path.read_bytes())
        version, columns = found["profile_version"], found["columns"]
    except (ValueError, KeyError, TypeError):
        problem = Diagnostic(
            "malformed-profile", f"{name}: this is no profile", hint="take the profile.json of a data set"
        )
        raise InvalidInput(problem) from None
    if version not in range(1, PROFILE_VERSION + 1):
        problem = Diagnostic("malformed-profile", f"{name}: version {version} of profiles is not known")
        raise InvalidInput(problem)
    return dict(columns)


def _compared(rule: DistributionRule, spec: Data, table: Table, context: Context, old: Mapping[str, Any]) -> Found:
    wanted = rule.columns or (*spec.with_role("feature"), *spec.with_role("target"))
    columns = {name: spec.columns[name] for name in wanted if name in table.schema and name in old}
    if not columns:
        return Found(unmeasured="the earlier version has none of the columns")
    train = pl.Series(context.sides) == 0
    rows = chosen(table.lazy, train)
    new: Mapping[str, Any] = describe(rows, columns, int(train.sum()), Detail.fitting(spec.columns), _time(spec, table))
    limits = Rule(rule.alpha, rule.max_effect, rule.max_effect, rule.max_missing, math.inf, rule.min_rows, holm=True)
    found = movements({name: old[name] for name in columns}, new, limits)
    figures: dict[str, Json] = {name: _figures(one) for name, one in found.items()}
    tests = [test for one in found.values() for test in _tests(one)]
    if all(test.answer == "not enough data" for test in tests):
        few = min(min(test.rows) for test in tests)
        return Found(unmeasured=f"{few} rows a side are fewer than {rule.min_rows} (min_rows)", figures=figures)
    return Found(says=_told(found), figures=figures)


def _time(spec: Data, table: Table) -> str | None:
    name = time_of(spec)
    return name if name in table.schema else None


def _tests(movement: Movement) -> list[Measure]:
    return [test for test in movement.tests if test.name in EFFECTS]


def _figures(movement: Movement) -> Json:
    return {
        test.name: {"effect": round(test.effect, DIGITS), "p": float(f"{test.p:.4g}"), "answer": test.answer}
        for test in _tests(movement)
    }


def _told(found: Mapping[str, Movement]) -> str | None:
    shifted = [(name, test) for name, one in found.items() for test in one.shifted if test.name in EFFECTS]
    shown = [_one(name, test) for name, test in sorted(shifted, key=lambda one: (-one[1].effect, one[0]))]
    return ", ".join([*shown[:MOST_NAMED], "…"] if len(shown) > MOST_NAMED else shown) or None


def _one(name: str, test: Measure) -> str:
    return f'column "{name}": {EFFECTS[test.name]} {test.effect:.3g} >= {test.threshold:.3g} (p {test.p:.2g})'
