"""Text that must match a regular expression as a whole."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, RegexRule


def compile_rule(rule: AnyRule, at: str, _spec: Data) -> Iterator[Check]:
    """Compile a regex rule. InvalidInput when it is no regular expression."""
    assert isinstance(rule, RegexRule)
    must_compile(rule.pattern, f"{at}.pattern")
    # The group keeps alternatives together; \A and \z mean the ends of the text, whatever flags the pattern sets.
    broken = pl.col(rule.column).str.contains(rf"\A(?:{rule.pattern})\z").not_()
    what = f"not match {rule.pattern}"
    says = (f"does {what}", f"do {what}", "correct the values, or the pattern")
    yield row_check(rule, (rule.column,), Mask(broken), "no-match", says)


def must_compile(pattern: str, where: str) -> None:
    """Raise InvalidInput when the pattern is no regular expression of the engine that will match it."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        hint = "look-around and back-references are not known" if "supported" in reason else None
        raise InvalidInput(Diagnostic("invalid-pattern", f"{where}: {pattern}: {reason}", hint=hint)) from error
