"""Conditions on a column, as slices are found by them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy as np
import polars as pl

from mlops_runner.digest import Json
from mlops_runner.evaluate.values import Mask

QUANTILES = 15
MOST_VALUES = 20
DIGITS = 4  # significant ones: thresholds are for people

Relation = Literal["<", ">=", "=", "!=", "missing", "present"]
OPPOSITE: dict[Relation, Relation] = {
    "<": ">=", ">=": "<", "=": "!=", "!=": "=", "missing": "present", "present": "missing"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a column. Where the value is missing, only "missing", "!=" and ">=" hold.

    So every condition holds exactly where its opposite does not.
    """

    column: str
    relation: Relation
    value: bool | int | float | str | None = None

    @property
    def opposite(self) -> "Condition":
        """The condition that holds on the other rows."""
        return replace(self, relation=OPPOSITE[self.relation])

    def __str__(self) -> str:
        if self.relation in ("missing", "present"):
            return f"{self.column} is {self.relation}"
        value = str(self.value).lower() if isinstance(self.value, bool) else self.value
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{self.column} {self.relation} {text}"

    def as_json(self) -> dict[str, Json]:
        """Return a plain JSON value."""
        return {"column": self.column, "relation": self.relation, "value": self.value}


def conditions_of(column: pl.Series) -> Iterator[Condition]:
    """Yield the conditions that divide a column: quantiles of numbers, the most frequent values of anything else."""
    if column.null_count():
        yield Condition(column.name, "missing")
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        if len(values):
            cuts = np.quantile(values, np.linspace(0, 1, QUANTILES + 2)[1:-1], method="higher")
            for cut in dict.fromkeys(_short(float(value)) for value in cuts):
                yield Condition(column.name, "<", cut)
    elif column.dtype in (pl.String, pl.Boolean):
        counts = column.drop_nulls().value_counts().sort(by=["count", column.name], descending=[True, False])
        for value in counts[column.name].head(MOST_VALUES).to_list():
            yield Condition(column.name, "=", value)


def holds(condition: Condition, column: pl.Series) -> Mask:
    """Mark the values that a condition holds for."""
    match condition.relation:
        case "<":
            return _mask(column < condition.value)
        case "=":
            return _mask(column == condition.value)
        case "missing":
            return _mask(column.is_null())
        case ">=" | "!=" | "present":
            return ~holds(condition.opposite, column)
        case _:
            assert_never(condition.relation)


def _mask(found: pl.Series) -> Mask:
    return found.fill_null(value=False).to_numpy().astype(np.bool_)


def _short(value: float) -> float:
    """Round to a few significant digits."""
    return value if value == 0 else round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
