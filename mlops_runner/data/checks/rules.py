"""What leaves of row rules share: a check from a mask, and numbers as people write them."""

from collections.abc import Sequence

import polars as pl

from mlops_runner.data.checks.base import SAMPLED_ROWS, Check, Found, Look, Mask, Tolerance, called
from mlops_runner.specs.data_checks import AnyRule, RowRule


def row_check(
    rule: AnyRule,
    columns: Sequence[str],
    probe: Mask | Look,
    code: str,
    says: tuple[str, str, str],
    subject: str = "",
) -> Check:
    """Build the check of a rule about rows; `says` holds the words for one row, for several, and the hint.

    `subject` names the rule in reports where the columns do not.
    """
    assert isinstance(rule, RowRule)
    one, many, hint = says
    return Check(
        called(rule, subject or ", ".join(columns)),
        rule.kind,
        code,
        probe,
        tuple(dict.fromkeys(columns)),
        (one, many),
        hint,
        Tolerance(rule.max_share, rule.max_count),
        rule.severity,
        rule.name is not None or not columns,
    )


def marked(mask: pl.Series) -> Found:
    """Return what a mask over the rows, shape (rows,), found; null counts as unbroken."""
    return Found(int(mask.sum()), mask.arg_true().head(SAMPLED_ROWS).to_list())
