"""Values that never fall, or never rise, from row to row."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, MonotoneRule


def compile_rule(rule: AnyRule, _at: str, _spec: Data) -> Iterator[Check]:
    """Compile a monotone rule. A missing value is passed over: its neighbours are compared with each other."""
    assert isinstance(rule, MonotoneRule)
    value = pl.col(rule.column)
    before = value.forward_fill().shift(1)
    if rule.by:
        before = before.over(rule.by)
    broken, word = {
        ("increasing", False): (value < before, "lower than"),
        ("increasing", True): (value <= before, "not higher than"),
        ("decreasing", False): (value > before, "higher than"),
        ("decreasing", True): (value >= before, "not lower than"),
    }[rule.direction, rule.strict]
    what = f"{word} the one before" + (f" of the same {', '.join(rule.by)}" if rule.by else "")
    says = (f"is {what}", f"are {what}", "sort the rows where the data is written")
    columns = (rule.column, *rule.by)
    check = row_check(rule, columns, Mask(broken, whole=True), "not-monotone", says)
    yield check
