"""A table on its way from a source to the store, able to say where each of its rows stands in the file it came from.

Rows are either in memory or scanned: a scan is a query over files that is read anew by everything that looks at it, so
that a table may be larger than memory. Whoever uses a table need not know which of the two it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column

SHOWN_ROWS = 3
SHOWN_CHARACTERS = 40
# No column of a text file can be called like this.
POSITION, MARK = "\0position", "\0mark"


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """What the rows of a table are called where they came from.

    `header` counts the lines above the first row. `lines` holds the physical line of each row, shape (rows,), where
    quoted line breaks make it differ from the position. `files` answers the files in their order, where there are
    several.
    """

    word: str = "row"
    header: int = 0
    lines: NDArray[np.int64] | None = None
    files: Callable[[], Sequence["Part"]] | None = None

    def place(self, position: int) -> str:
        """Name the row at a position (from 0) as the reader of the file counts: lines and rows start at 1."""
        if self.lines is not None:
            return f"{self.word} {self.lines[position]}"
        for part in self.files() if self.files else ():
            if position < part.rows:
                return f"{part.name} {part.numbering.place(position)}"
            position -= part.rows
        return f"{self.word} {position + 1 + self.header}"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of several files that make up a table: its name, its rows, and what they are called in it."""

    name: str
    rows: int
    numbering: Numbering = Numbering()


@dataclass(frozen=True, eq=False)
class Table:
    """Rows with their origin: held in memory, or a query.

    `texts` names the columns whose values are still the text of a file, with `decimal` as the mark in its numbers.
    `known_height` saves counting. `kept` marks, among the rows of the source, those that are still here; Boolean,
    shape (rows of the source,). `scanned` says that every look at the rows reads files anew, because
    they may not fit in memory: what is derived from them stays a query.
    """

    data: pl.DataFrame | pl.LazyFrame
    origin: str
    texts: frozenset[str] = frozenset()
    decimal: str = "."
    numbering: Numbering = Numbering()
    known_height: int | None = None
    kept: pl.Series | None = None
    scanned: bool = False

    @cached_property
    def lazy(self) -> pl.LazyFrame:
        """The rows as a query; asked twice, it answers the same rows in the same order."""
        return self.data.lazy()

    @cached_property
    def schema(self) -> pl.Schema:
        """Types of the columns by name."""
        return self.data.collect_schema()

    @cached_property
    def height(self) -> int:
        """Number of rows."""
        if self.known_height is not None:
            return self.known_height
        return self.data.height if isinstance(self.data, pl.DataFrame) else int(self.select(pl.len()).item())

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order of the table."""
        return self.schema.names()

    def column(self, name: str) -> pl.Series:
        """Return all values of one column."""
        return self.select(pl.col(name)).to_series()

    def select(self, *expressions: pl.Expr) -> pl.DataFrame:
        """Evaluate expressions over all rows in one pass, without holding all columns of a scan in memory."""
        return self.lazy.select(*expressions).collect(engine=self._engine)

    def rows(
        self, mask: pl.Expr, columns: Sequence[str] = (), limit: int = SHOWN_ROWS + 1
    ) -> tuple[list[int], pl.DataFrame]:
        """Return the positions of the first rows that a mask marks, and their values in some columns."""
        wanted = [pl.col(name) for name in columns]
        marked = self.lazy.select(*wanted, mask.alias(MARK)).with_row_index(POSITION)
        found = marked.filter(pl.col(MARK)).head(limit)
        shown = found.collect(engine=self._engine)
        return shown[POSITION].to_list(), shown.select(wanted)

    def place(self, position: int) -> str:
        """Name the row at a position (from 0) of this table where it stands in its source."""
        if self.kept is not None:
            position = self.kept.arg_true()[position]
        return self.numbering.place(position)

    def declared(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Keep the declared columns that the table holds, in the declared order."""
        present = frozenset(self.names)
        return {name: column for name, column in columns.items() if name in present}

    def derive(self, query: pl.LazyFrame, kept: pl.Series | None = None) -> "Table":
        """Return what a query over `lazy` answers, in memory unless this table is scanned: typed, of the same origin.

        The query keeps the order of the rows. A query that leaves rows out needs `kept`, which marks the rows of this
        table that stay: Boolean, shape (rows,).
        """
        data = query if self.scanned else query.collect(engine=self._engine)
        if kept is None:
            return replace(self, data=data, texts=frozenset())
        return replace(
            self, data=data, texts=frozenset(), known_height=int(kept.sum() or 0), kept=self._still_kept(kept)
        )

    def hold(self, names: Sequence[str]) -> "Table":
        """Return the same rows of some columns, in memory and otherwise as they are."""
        return replace(self, data=self.select(*(pl.col(name) for name in names)))

    @property
    def files(self) -> Sequence[Part]:
        """The files that the rows were read from, with the rows of each, where the source is a folder or a pattern."""
        return self.numbering.files() if self.numbering.files else ()

    @property
    def _engine(self) -> Literal["in-memory", "streaming"]:
        return "in-memory" if isinstance(self.data, pl.DataFrame) else "streaming"

    def _still_kept(self, kept: pl.Series) -> pl.Series:
        if self.kept is None:
            return kept
        return self.kept.clone().scatter(self.kept.arg_true().filter(~kept), False)


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
