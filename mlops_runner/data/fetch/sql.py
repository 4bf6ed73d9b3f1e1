"""SQL: one query in a read-only transaction, its rows ordered by us, streamed into Parquet and digested on the way."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import eq
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, DateTime, Row, String, TextClause, bindparam, text

from mlops_runner.data.columns import compare_columns
from mlops_runner.data.fetch.base import Fetched, Wanted
from mlops_runner.data.fetch.databases import reading
from mlops_runner.data.fetch.digest import RowsDigest
from mlops_runner.data.fetch.snapshot import write_snapshot
from mlops_runner.data.fetch.values import typed
from mlops_runner.data.types import DTYPES
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data_sources import SqlSource
from mlops_runner.specs.sql_text import AS_OF, parameters, statement

BATCH_VALUES = 200_000  # held in memory at a time
MOST_ROWS = 20_000
MOST_NAMES = 20  # shown in a hint
TEXT_TYPES = {18, 19, 25, 1042, 1043}  # PostgreSQL's "char", name, text, char(n), varchar

Rows = Sequence[Row[Any]]


def fetch(wanted: Wanted, target: Path, log: Callable[[str], None]) -> Fetched:
    """Fetch what the query answers; see `base.Fetcher`."""
    source = wanted.source
    assert isinstance(source, SqlSource)
    digest = RowsDigest({name: column.type for name, column in wanted.columns.items()})
    schema = pl.Schema({name: DTYPES[column.type] for name, column in wanted.columns.items()})
    with reading(wanted, source) as connection:
        found = _columns(connection, source)
        names = [name for name, _ in found]
        _refuse_unfit(names, wanted, source)
        log(f"connected to {connection.dialect.name}; {len(found)} columns")
        size = max(1, min(MOST_ROWS, BATCH_VALUES // len(found)))
        answer = connection.execution_options(yield_per=size).execute(_ordered(connection, source, found))
        with contextlib.closing(answer.cursor):
            rows = _distinct(answer.partitions(size), [names.index(by) for by in source.order_by])
            write_snapshot(lambda: _typed(rows, names, wanted, digest), schema, target)
    if digest.rows == 0:
        hint = "is as_of, or a condition, too early?"
        raise InvalidInput(Diagnostic("no-rows", "the query answers no rows", hint=hint, path="source.query"))
    return Fetched(digest.text(), target.stat().st_size, digest.rows)


def _columns(connection: Connection, source: SqlSource) -> list[tuple[str, Any]]:
    """Return the names of what the query answers, with the driver's codes of their types; no row is fetched."""
    empty = connection.execute(_bound(connection, source, "LIMIT 0"))
    description = empty.cursor.description if empty.cursor else None
    return [(column[0], column[1]) for column in description or ()]


def _refuse_unfit(names: Sequence[str], wanted: Wanted, source: SqlSource) -> None:
    problems = compare_columns(names, wanted, "the query")
    for name in source.order_by:
        if name not in names:
            message = f'order_by: the query has no column "{name}"'
            hint = nearest(name, names) or f"it has: {', '.join(names[:MOST_NAMES])}"
            problems.append(Diagnostic("unknown-column", message, hint=hint, path="source.order_by"))
    if problems:
        raise InvalidInput(problems)


def _ordered(connection: Connection, source: SqlSource, found: Sequence[tuple[str, Any]]) -> TextClause:
    """Wrap the query so that its rows come in one order: texts byte by byte, whatever the database is set to."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    types = dict(found)

    def term(name: str) -> str:
        by = quote(name).replace(":", r"\:")
        if connection.dialect.name == "sqlite":
            by += " COLLATE BINARY"
        elif types[name] in TEXT_TYPES:
            by += ' COLLATE "C"'
        return f"{by} ASC NULLS FIRST"

    order = ", ".join(map(term, source.order_by))
    return _bound(connection, source, f"ORDER BY {order}")


def _escaped(source: SqlSource) -> str:
    """Return the query with every colon escaped that does not start a parameter."""
    parts = statement(source.query)
    return "".join(part.text if part.kind == "parameter" else part.text.replace(":", r"\:") for part in parts)


def _bound(connection: Connection, source: SqlSource, clause: str) -> TextClause:
    # The line break ends a comment that the query may end with.
    query = text(f"SELECT * FROM (\n{_escaped(source)}\n) AS answer {clause}")  # noqa: S608
    if AS_OF not in parameters(source.query):
        return query
    if source.as_of is None:
        hint = "run: mlops data refresh --as-of TIME"
        message = "the query has :as_of, but as_of is not set"
        raise InvalidInput(Diagnostic("missing-as-of", message, hint=hint, path="source.query"))
    moment = datetime.fromisoformat(source.as_of).astimezone(UTC)
    if connection.dialect.name == "sqlite":  # which has no type for times, and compares texts
        return query.bindparams(bindparam(AS_OF, _as_text(moment), String()))
    return query.bindparams(bindparam(AS_OF, moment, DateTime(timezone=True)))


def _as_text(moment: datetime) -> str:
    """Write a time in UTC as the functions of SQLite do; midnight as the date, or that date would sort before it."""
    text = moment.replace(tzinfo=None).isoformat(" ")
    return text.removesuffix(" 00:00:00")


def _distinct(batches: Iterator[Rows], keys: Sequence[int]) -> Iterator[Rows]:
    """Pass batches on; refuse neighbours that differ, but not in what orders them: which comes first would be luck."""
    above = 0
    last: Rows = ()
    for batch in batches:
        rows = [*last, *batch]
        values = [[row[key] for row in rows] for key in keys]
        equal = map(all, zip(*(map(eq, column, column[1:]) for column in values), strict=True))
        for at, tie in enumerate(equal):
            if tie and rows[at] != rows[at + 1]:
                raise InvalidInput(_tie(above - len(last) + at + 1))
        above += len(batch)
        last = batch[-1:]
        yield batch


def _tie(row: int) -> Diagnostic:
    message = f"order_by leaves the order open: rows {row} and {row + 1} are equal in it, and differ elsewhere"
    hint = "add columns to order_by, such as an id, until no such rows are left"
    return Diagnostic("order-tie", message, hint=hint, path="source.order_by")


def _typed(batches: Iterator[Rows], names: Sequence[str], wanted: Wanted, digest: RowsDigest) -> Iterator[pl.DataFrame]:
    """Give the declared columns their types, and the digest every row. Raises InvalidInput for the first bad batch."""
    for batch in batches:
        values = dict(zip(names, zip(*batch, strict=True), strict=True))
        read = [typed(name, values[name], column, digest.rows) for name, column in wanted.columns.items()]
        if problems := [found for found in read if isinstance(found, Diagnostic)]:
            raise InvalidInput(problems)
        frame = pl.DataFrame([found for found in read if isinstance(found, pl.Series)])
        digest.take(frame)
        yield frame
