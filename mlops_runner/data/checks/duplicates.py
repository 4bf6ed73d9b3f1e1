"""Rows that are equal in every column."""

from collections.abc import Iterator

from mlops_runner.data.checks.base import Check, Context, Found, Look
from mlops_runner.data.checks.rules import marked
from mlops_runner.data.repeats import repeats
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data


def compile_limits(spec: Data, _table: Table) -> Iterator[Check]:
    """Compile `duplicate_rows`."""
    policy = spec.checks.duplicate_rows
    if policy != "allow":
        words = ("equals an earlier row", "equal an earlier row")
        hint = "drop them in cleaning, or set checks.duplicate_rows: allow"
        at = "checks.duplicate_rows"
        yield Check(
            "duplicate_rows", "duplicates", "duplicate-rows", Look(_look), (), words, hint, severity=policy, path=at
        )


def _look(table: Table, _context: Context) -> Found:
    return marked(repeats(table))
