"""Text that must match a regular expression as a whole."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.data.patterns import fault
from mlops_runner.errors import InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, RegexRule


def compile_rule(rule: AnyRule, at: str, _spec: Data) -> Iterator[Check]:
    """Compile a regex rule. InvalidInput when it is no regular expression."""
    assert isinstance(rule, RegexRule)
    if problem := fault(rule.pattern, f"{at}.pattern"):
        raise InvalidInput(problem)
    # The group keeps alternatives together; \A and \z mean the ends of the text, whatever flags the pattern sets.
    broken = pl.col(rule.column).str.contains(rf"\A(?:{rule.pattern})\z").not_()
    what = f"not match {rule.pattern}"
    says = (f"does {what}", f"do {what}", "correct the values, or the pattern")
    yield row_check(rule, (rule.column,), Mask(broken), "no-match", says)
