"""Rows against a signature: what the data spec does not allow, and what the training rows did not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.base import Scalar
from mlops_runner.train.features import MISSING
from mlops_runner.train.signature import ColumnSignature

TEXTS = ("string", "bool")
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A mask of the rows that break a rule, and what to say of the first of them."""

    code: str
    mask: pl.Expr
    words: str
    hint: str
    severity: Literal["error", "warning"] = "error"
    shown: bool = True


def breaches(columns: Mapping[str, ColumnSignature], matrix: pl.DataFrame) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for each column and rule that rows break; values that are only new are warnings.

    matrix: the rows as the model reads them (`features.matrix`); rows are counted from 0.
    """
    rules = [(name, rule) for name, column in columns.items() for rule in _rules(name, column)]
    if not rules or not matrix.height:
        return ()
    masks = matrix.select(rule.mask.arg_true().implode().alias(str(at)) for at, (_, rule) in enumerate(rules)).row(0)
    return tuple(
        _said(name, rule, list(rows), matrix) for (name, rule), rows in zip(rules, masks, strict=True) if len(rows)
    )


def _said(name: str, rule: _Rule, rows: list[int], matrix: pl.DataFrame) -> Diagnostic:
    value = repr(matrix[name][rows[0]]) if rule.shown else HIDDEN
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    text = rule.words.format(value=value)
    return Diagnostic(rule.code, f'row {rows[0]}: column "{name}" {text}{more}', hint=rule.hint, severity=rule.severity)


def _rules(name: str, column: ColumnSignature) -> Iterator[_Rule]:
    value, shown = pl.col(name), not column.personal
    texts = column.type in TEXTS
    missing = value == MISSING if texts else value.is_nan()
    if not column.max_missing:
        hint = "send a value; max_missing of the data spec is 0"
        yield _Rule("missing-value", missing, "is missing, which the data spec does not allow", hint)
    if column.allowed is not None:
        listed = ", ".join(map(str, column.allowed[:8]))
        mask = ~missing & ~value.is_in([_text(one) if texts else one for one in column.allowed])
        yield _Rule("not-allowed", mask, "is {value}, which is not allowed", f"allowed: {listed}", shown=shown)
    for low, high, severity in ((column.min, column.max, "error"), (column.seen.min, column.seen.max, "warning")):
        if not texts:
            yield from _range(value, low, high, severity, shown)  # type: ignore[arg-type]
    if texts and column.seen.categories is not None and column.allowed is None:
        mask = ~missing & ~value.is_in(list(column.seen.categories))
        words = "is {value}, a category that no training row had"
        yield _Rule("unseen-category", mask, words, "the prediction may be poor", "warning", shown)


def _range(
    value: pl.Expr, low: float | None, high: float | None, severity: Literal["error", "warning"], shown: bool
) -> Iterator[_Rule]:
    declared = severity == "error"
    code = "out-of-range" if declared else "unseen-range"
    of = "allowed" if declared else "that the training rows had"
    hint = "see min and max in the data spec" if declared else "the prediction may be poor"
    if low is not None:
        yield _Rule(code, value < low, f"is {{value}}, below {low:.9g}, the least {of}", hint, severity, shown)
    if high is not None:
        mask = (value > high) & ~value.is_nan()  # polars puts NaN above every number
        yield _Rule(code, mask, f"is {{value}}, above {high:.9g}, the most {of}", hint, severity, shown)


def _text(value: Scalar) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
