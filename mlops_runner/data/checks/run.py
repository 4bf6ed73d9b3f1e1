"""Measure every check in one pass, then fetch rows to show for the few that failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, TypeGuard

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
from mlops_runner.data.repeats import surplus
from mlops_runner.data.table import SHOWN_ROWS, Table, counted, show
from mlops_runner.digest import Json
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Column, Data

SAMPLED_CHARACTERS = 200


def run_checks(spec: Data, table: Table, context: Context) -> list[Outcome]:
    """Return what came of every check, in the order of the spec.

    Without sides, these are all checks but those that need them; with sides, those. Checks of columns that could not be
    read are left out: those columns were complained about before. InvalidInput when a rule cannot be asked at all,
    StepFailed when a function of the project raises.
    """
    checks = _compile(spec, table, after=context.sides is not None)
    found = _measured(checks, table)
    found |= {at: check.probe.run(table, context) for at, check in enumerate(checks) if isinstance(check.probe, Look)}
    return [_outcome(check, found[at], spec, table) for at, check in enumerate(checks)]


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
    """Measure what can be said as an expression in one pass; what is suspected is counted in another one."""
    probes = {at: check.probe for at, check in enumerate(checks) if not isinstance(check.probe, Look)}
    differ = {at: probe.differ for at, probe in probes.items() if isinstance(probe, Mask) and table.scanned}
    values: dict[int, Any] = {at: surplus(table, names) for at, names in differ.items() if names}
    asked = {at: (_question(probe), _is_whole(probe)) for at, probe in probes.items() if at not in values}
    values |= _values(asked, table)
    suspected = {at: probe.broken.sum() for at, probe in probes.items() if _is_suspected(probe, values[at])}
    values |= _values({at: (count, True) for at, count in suspected.items()}, table)
    return {
        at: Found(says=probe.judge(values[at])) if isinstance(probe, Measure) else Found(int(values[at] or 0))
        for at, probe in probes.items()
    }


def _values(asked: Mapping[int, tuple[pl.Expr, bool]], table: Table) -> dict[int, Any]:
    """Evaluate expressions in one pass. Of a scan, what needs a whole column at once gets a pass of its own.

    In a pass that they shared, all columns would wait in memory for the slowest of them.
    """
    alone = {at for at, (_, whole) in asked.items() if whole and table.scanned}
    passes = [[at for at in asked if at not in alone], *([at] for at in sorted(alone))]
    found: dict[int, Any] = {}
    for some in filter(None, passes):
        # Names are positions: two checks may measure the same column.
        answers = table.select(*(asked[at][0].alias(str(at)) for at in some)).row(0)
        found |= dict(zip(some, answers, strict=True))
    return found


def _is_whole(probe: Mask | Measure | Look) -> bool:
    return not isinstance(probe, Mask) or probe.whole or probe.suspect is not None


def _is_suspected(probe: Mask | Measure | Look, value: Any) -> TypeGuard[Mask]:
    return isinstance(probe, Mask) and probe.suspect is not None and bool(value)


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


def _outcome(check: Check, found: Found, spec: Data, table: Table) -> Outcome:
    outcome = Outcome(check, "pass", None, found.broken, table.height, (), found.figures)
    if found.unmeasured is not None:
        return replace(outcome, answer="unmeasured", says=found.unmeasured)
    if found.broken is None:
        answer: Answer = "pass" if found.says is None else check.severity
        return replace(outcome, answer=answer, says=found.says)
    too_many = check.tolerance.exceeded(found.broken, table.height)
    if too_many is None:
        return outcome
    says = _counted(check, found.broken, table, too_many)
    return replace(outcome, answer=check.severity, says=says, sample=_sample(check, found, spec, table))


def _counted(check: Check, broken: int, table: Table, too_many: str) -> str:
    words = check.words[0] if broken == 1 else check.words[1]
    if not check.tolerance.share and not check.tolerance.count:
        return f"{counted(broken, 'row')} {words}"
    return f"{broken} of {counted(table.height, 'row')} {words}, {too_many}"


def _sample(check: Check, found: Found, spec: Data, table: Table) -> tuple[Sample, ...]:
    """Fetch the first rows that break a rule."""
    if isinstance(check.probe, Mask):
        mask = check.probe.broken
    else:
        mask = pl.int_range(pl.len()).is_in(pl.Series(found.positions, dtype=pl.Int64).implode())
    positions, rows = table.rows(mask, check.columns, SAMPLED_ROWS)
    columns = {name: [_plain(value, spec.columns[name]) for value in rows[name]] for name in check.columns}
    return tuple(
        Sample(table.place(position), {name: values[at] for name, values in columns.items()})
        for at, position in enumerate(positions)
    )


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
