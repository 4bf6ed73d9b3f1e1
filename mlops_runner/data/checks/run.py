"""Measure every check in one pass, then fetch rows to show for the few that failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

import polars as pl

from mlops_runner.data.checks.base import (
    AFTER_SPLIT,
    SAMPLED_ROWS,
    Answer,
    Check,
    Context,
    Found,
    Look,
    Mask,
    Measure,
    Outcome,
    Sample,
    limit_checks,
    rule_checks,
)
from mlops_runner.data.table import POSITION, SHOWN_ROWS, Table, counted, show
from mlops_runner.digest import Json
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Column, Data

SAMPLED_CHARACTERS = 200
Rows: TypeAlias = Mapping[int, Mapping[str, Any]]


def run_checks(spec: Data, table: Table, context: Context) -> list[Outcome]:
    """Return what came of every check, in the order of the spec.

    Without sides, these are all checks but those that need them; with sides, those. Checks of columns that could not be
    read are left out: those columns were complained about before. InvalidInput when a rule cannot be asked at all,
    StepFailed when a function of the project raises.
    """
    checks = _compile(spec, table, after=context.sides is not None)
    found = _measured(checks, table)
    found |= {at: check.probe.run(table, context) for at, check in enumerate(checks) if isinstance(check.probe, Look)}
    rows = _values(checks, found, table)
    return [_outcome(check, found[at], rows, spec, table) for at, check in enumerate(checks)]


def diagnostics(outcomes: Iterable[Outcome], spec: Data, table: Table) -> list[Diagnostic]:
    """Say what the checks found: an error for each that failed, a warning for each other one that did not pass."""
    return [_diagnostic(outcome, spec, table) for outcome in outcomes if outcome.answer != "pass"]


def _compile(spec: Data, table: Table, *, after: bool) -> list[Check]:
    present = frozenset(table.names)
    if not present:
        return []
    checks: list[Check] = [] if after else limit_checks(spec, table)
    problems: list[Diagnostic] = []
    for position, rule in enumerate(spec.checks.rules):
        if (rule.kind in AFTER_SPLIT) == after:
            try:
                at = f"checks.rules.{position}"
                checks += [replace(check, path=at) for check in rule_checks(rule, at, spec)]
            except InvalidInput as error:
                problems += error.diagnostics
    if problems:
        raise InvalidInput(problems)
    return [check for check in checks if present.issuperset(check.columns)]


def _measured(checks: Sequence[Check], table: Table) -> dict[int, Found]:
    """Measure what can be said as an expression: all of it in one pass, and what failed in another one."""
    # Names are positions: two checks may measure the same column.
    asked = {at: _question(check.probe) for at, check in enumerate(checks) if not isinstance(check.probe, Look)}
    if not asked:
        return {}
    values = table.select(*(question.alias(str(at)) for at, question in asked.items())).row(0)
    answers = dict(zip(asked, values, strict=True))
    broken = {
        at: check.probe
        for at, check in enumerate(checks)
        if isinstance(check.probe, Mask) and answers[at] and _worth_showing(check, answers[at], table)
    }
    counted_again = _first_broken(broken, table)
    return {at: counted_again.get(at) or _found(checks[at].probe, value) for at, value in answers.items()}


def _question(probe: Mask | Measure | Look) -> pl.Expr:
    match probe:
        case Mask(suspect=pl.Expr() as suspect):
            return suspect
        case Mask(count=pl.Expr() as count):
            return count
        case Mask(broken=broken):
            return broken.sum()
        case Measure(value=value):
            return value
        case Look():
            raise TypeError("a look is no expression")


def _worth_showing(check: Check, count: int, table: Table) -> bool:
    suspected = isinstance(check.probe, Mask) and check.probe.suspect is not None
    return suspected or check.tolerance.exceeded(count, table.height) is not None


def _first_broken(masks: Mapping[int, Mask], table: Table) -> dict[int, Found]:
    if not masks:
        return {}
    counts = [mask.broken.sum().alias(f"{at}n") for at, mask in masks.items()]
    firsts = [mask.broken.arg_true().head(SAMPLED_ROWS).implode().alias(f"{at}p") for at, mask in masks.items()]
    row = table.select(*counts, *firsts).row(0, named=True)
    return {at: Found(row[f"{at}n"], tuple(row[f"{at}p"])) for at in masks}


def _found(probe: Mask | Measure | Look, value: Any) -> Found:
    return Found(says=probe.judge(value)) if isinstance(probe, Measure) else Found(int(value or 0))


def _values(checks: Sequence[Check], found: Mapping[int, Found], table: Table) -> Rows:
    """Fetch the rows that are shown, by their positions."""
    shown = {at: one for at, one in found.items() if one.positions}
    positions = sorted({position for one in shown.values() for position in one.positions})
    names = list(dict.fromkeys(name for at in shown for name in checks[at].columns))
    if not positions:
        return {}
    if not names:
        return {position: {} for position in positions}
    numbered = table.lazy.select(names).with_row_index(POSITION)
    chosen = numbered.filter(pl.col(POSITION).is_in(pl.Series(positions, dtype=pl.UInt32).implode()))
    return {row[POSITION]: row for row in chosen.collect(engine="streaming").iter_rows(named=True)}


def _outcome(check: Check, found: Found, rows: Rows, spec: Data, table: Table) -> Outcome:
    outcome = Outcome(check, "pass", None, found.broken, table.height, (), found.figures)
    if found.unmeasured is not None:
        return replace(outcome, answer="unmeasured", says=found.unmeasured)
    sample = tuple(_sample(position, rows[position], check, spec, table) for position in found.positions)
    if found.broken is None:
        answer: Answer = "pass" if found.says is None else check.severity
        return replace(outcome, answer=answer, says=found.says, sample=sample)
    too_many = check.tolerance.exceeded(found.broken, table.height)
    if too_many is None:
        return outcome
    return replace(outcome, answer=check.severity, says=_counted(check, found.broken, table, too_many), sample=sample)


def _counted(check: Check, broken: int, table: Table, too_many: str) -> str:
    words = check.words[0] if broken == 1 else check.words[1]
    if not check.tolerance.share and not check.tolerance.count:
        return f"{counted(broken, 'row')} {words}"
    return f"{broken} of {counted(table.height, 'row')} {words}, {too_many}"


def _sample(position: int, row: Mapping[str, Any], check: Check, spec: Data, table: Table) -> Sample:
    values = {name: _plain(row[name], spec.columns[name]) for name in check.columns}
    return Sample(table.place(position), values)


def _plain(value: Any, column: Column) -> Json:
    """Return a value as JSON holds it; personal data is hidden, long text cut."""
    if value is None:
        return None
    if "pii" in column.tags:
        return "***"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and len(value) > SAMPLED_CHARACTERS:
        return value[: SAMPLED_CHARACTERS - 1] + "…"
    return value  # type: ignore[no-any-return]


def _diagnostic(outcome: Outcome, spec: Data, table: Table) -> Diagnostic:
    check = outcome.check
    named = f"{check.name}: " if check.named else ""
    one = "column" if len(check.columns) == 1 else "columns"
    quoted = ", ".join(f'"{name}"' for name in check.columns)
    columns = f"{one} {quoted}: " if check.columns else ""
    reason = "could not be measured: " if outcome.answer == "unmeasured" else ""
    shown = f": {_shown(outcome, spec)}" if outcome.sample else ""
    message = f"{table.origin}: {named}{columns}{reason}{outcome.says}{shown}"
    severity: Literal["error", "warning"] = "error" if outcome.answer == "fail" else "warning"
    return Diagnostic(check.code, message, None, check.hint, severity, check.path)


def _shown(outcome: Outcome, spec: Data) -> str:
    rows = [_row(sample, spec) for sample in outcome.sample[:SHOWN_ROWS]]
    return ", ".join([*rows, "…"] if (outcome.broken or 0) > SHOWN_ROWS else rows)


def _row(sample: Sample, spec: Data) -> str:
    """Write `line 3`, `line 3 "abc"` or `line 3 (low "5", high missing)`."""
    values = {name: "missing" if v is None else show(v, spec.columns[name]) for name, v in sample.values.items()}
    if len(values) > 1:
        return f"{sample.place} ({', '.join(f'{name} {value}' for name, value in values.items())})"
    return " ".join([sample.place, *(value for value in values.values() if value != "missing")])
