"""A table on its way from a source to the store, able to say where each of its rows stands in the file it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column

SHOWN_ROWS = 3
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows with their origin.

    `text` says that every value is still the text of a file. `lines` holds the physical line of each row, shape
    (rows,), where quoted line breaks make it differ from the position; `header` counts the lines above the first row.
    """

    frame: pl.DataFrame
    origin: str
    text: bool = False
    header: int = 0
    lines: NDArray[np.int64] | None = None

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.frame.height

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order of the table."""
        return self.frame.columns

    @property
    def schema(self) -> pl.Schema:
        """Types of the columns by name."""
        return self.frame.schema

    @property
    def lazy(self) -> pl.LazyFrame:
        """The rows as a query; asked twice, it answers the same rows in the same order."""
        return self.frame.lazy()

    def column(self, name: str) -> pl.Series:
        """Return all values of one column."""
        return self.select(pl.col(name)).to_series()

    def select(self, *expressions: pl.Expr) -> pl.DataFrame:
        """Evaluate expressions over all rows in one pass, without holding all columns in memory."""
        return self.lazy.select(*expressions).collect(engine="streaming")

    def place(self, position: int) -> str:
        """Name the row at a position (from 0) as the reader of the file counts: lines and rows start at 1."""
        word = "line" if self.text or self.header else "row"
        number = position + 1 + self.header if self.lines is None else int(self.lines[position])
        return f"{word} {number}"

    def declared(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Keep the declared columns that the table holds, in the declared order."""
        present = frozenset(self.frame.columns)
        return {name: column for name, column in columns.items() if name in present}

    def over(self, frame: pl.DataFrame) -> "Table":
        """Return the same rows with other values: no longer text, still from the same lines."""
        return Table(frame, self.origin, False, self.header, self.lines)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source gave: a table when one could be built at all, and every problem seen on the way."""

    table: Table | None
    problems: tuple[Diagnostic, ...] = ()


def show(value: Any, column: Column) -> str:
    """Quote a value for a message: cut to 40 characters, never shown at all when the column holds personal data."""
    if "pii" in column.tags:
        return "***"
    text = str(value)
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "�" for c in cut) + '"'


def first_rows(table: Table, positions: Sequence[int], values: Sequence[Any] = (), column: Column | None = None) -> str:
    """Name the first three of the positions with their values: `line 3 "abc", line 7 "x", …`."""
    shown = [table.place(position) for position in positions[:SHOWN_ROWS]]
    if column is not None:
        pairs = zip(shown, values, strict=False)
        shown = [place if value is None else f"{place} {show(value, column)}" for place, value in pairs]
    return ", ".join([*shown, "…"] if len(positions) > SHOWN_ROWS else shown)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: `1 row`, `2 rows`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
