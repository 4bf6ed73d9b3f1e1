"""Two columns that stand in an order."""

from collections.abc import Callable, Iterator, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, CompareRule

# What breaks the rule is the opposite of what it says; a missing value on either side breaks nothing.
OPPOSITES: Mapping[str, Callable[[Any, Any], pl.Expr]] = {"<": ge, "<=": gt, "==": ne, "!=": eq, ">=": lt, ">": le}


def compile_rule(rule: AnyRule, _at: str, _spec: Data) -> Iterator[Check]:
    """Compile a compare rule."""
    assert isinstance(rule, CompareRule)
    broken = OPPOSITES[rule.is_](pl.col(rule.left), pl.col(rule.right))
    what = f"{rule.left} {rule.is_} {rule.right}"
    says = (f"breaks {what}", f"break {what}", "correct the values, or the rule")
    yield row_check(rule, (rule.left, rule.right), Mask(broken), "wrong-order", says)
