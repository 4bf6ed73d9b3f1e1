"""How old the newest row may be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, Context, Found, Look, called
from mlops_runner.data.table import Table, show
from mlops_runner.specs.base import seconds
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, FreshnessRule
from mlops_runner.specs.data_sources import SqlSource


def compile_rule(rule: AnyRule, _at: str, spec: Data) -> Iterator[Check]:
    """Compile a freshness rule; a date counts from its first moment."""
    assert isinstance(rule, FreshnessRule)
    name, as_of = rule.column, spec.source.as_of if isinstance(spec.source, SqlSource) else None

    def look(table: Table, context: Context) -> Found:
        newest = table.select(pl.col(name).max().cast(pl.Datetime("us"))).item()
        if newest is None:
            return Found(says="there is no date, so the age of the data is not known")
        # The age itself is not said: it would be another one tomorrow, for the same data.
        since = as_of or "the moment of the run"
        moment = datetime.fromisoformat(as_of) if as_of else context.now
        if newest >= moment.astimezone(UTC).replace(tzinfo=None) - timedelta(seconds=seconds(rule.max_age)):
            return Found()
        shown = show(_written(newest), spec.columns[name])
        return Found(says=f"the newest value {shown} is more than {rule.max_age} before {since} (max_age)")

    yield Check(
        called(rule, name),
        "freshness",
        "stale-data",
        Look(look),
        (name,),
        hint="fetch newer data, or raise max_age",
        severity=rule.severity,
        named=rule.name is not None,
        lasting=as_of is not None,
    )


def _written(moment: Any) -> str:
    return str(moment.isoformat(sep=" ")).removesuffix(" 00:00:00")
