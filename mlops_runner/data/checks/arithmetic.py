"""Columns that add up to another one, and columns whose ratio is known."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, RatioRule, SumRule
from mlops_runner.specs.data_values import written


def compile_rule(rule: AnyRule, _at: str, spec: Data) -> Iterator[Check]:
    """Compile a sum or a ratio rule. A row in which one of the values is missing breaks neither."""
    match rule:
        case SumRule():
            yield _sum(rule, spec)
        case RatioRule():
            yield _ratio(rule)


def _sum(rule: SumRule, spec: Data) -> Check:
    whole = pl.col(rule.equals) if isinstance(rule.equals, str) else pl.lit(rule.equals)
    difference = pl.sum_horizontal(rule.columns, ignore_nulls=False) - whole
    columns = (*rule.columns, *((rule.equals,) if isinstance(rule.equals, str) else ()))
    what = f"not add up to {written(rule.equals)}" + (f" within {written(rule.tolerance)}" if rule.tolerance else "")
    exact = not rule.tolerance and any(spec.columns[name].type == "float" for name in columns)
    hint = "set tolerance: numbers with decimals seldom add up exactly" if exact else "correct the values, or the rule"
    says = (f"does {what}", f"do {what}", hint)
    return row_check(rule, columns, Mask(difference.abs() > rule.tolerance), "wrong-sum", says)


def _ratio(rule: RatioRule) -> Check:
    above, below = pl.col(rule.numerator), pl.col(rule.denominator)
    ratio = above / below
    outside = [ratio < rule.min] if rule.min is not None else []
    outside += [ratio > rule.max] if rule.max is not None else []
    broken = (pl.any_horizontal(outside) | (below == 0)) & above.is_not_null()
    ends = [f"at least {written(rule.min)}"] if rule.min is not None else []
    ends += [f"at most {written(rule.max)}"] if rule.max is not None else []
    what = f"a ratio {rule.numerator} / {rule.denominator} that is not {' and '.join(ends)}"
    says = (f"has {what}", f"have {what}", "correct the values, or widen the range")
    return row_check(rule, (rule.numerator, rule.denominator), Mask(broken), "wrong-ratio", says)
