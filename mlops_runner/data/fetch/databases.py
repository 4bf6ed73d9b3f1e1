"""Connections that can only read, and what went wrong with them in one sentence."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from mlops_runner.data.fetch.base import Unreachable, Wanted
from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.base import Secret
from mlops_runner.specs.data_sources import SqlSource

URL_PATH = "source.url"
CONNECT_SECONDS = 15
LOCKED_SECONDS = 30
# A peer that is gone without a word is noticed after about a minute.
KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

# Classes and codes of SQLSTATE that may be over in a moment: connection, resources, shutdown, serialization.
PASSING = ("08", "53", "57P", "40001", "40P01")
REFUSED = ("28", "3D")  # authorisation, database name
# While connecting there is no SQLSTATE, only what the server says of itself.
BUSY_WORDS = ("starting up", "shutting down", "recovery mode", "too many clients", "connection slots")


@contextlib.contextmanager
def reading(wanted: Wanted, source: SqlSource) -> Iterator[Connection]:
    """Yield a connection in a read-only transaction. What the database complains about is raised in our words."""
    name = _name(source)
    try:
        with _engine(wanted, source, name).connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
                connection.execute(text("SET LOCAL DateStyle TO ISO"))
            yield connection
    except DBAPIError as error:
        raise _translated(error, name) from None


def _name(source: SqlSource) -> str:
    return source.url.secret if isinstance(source.url, Secret) else source.url


def _engine(wanted: Wanted, source: SqlSource, name: str) -> Engine:
    try:
        url = make_url(wanted.reveal(source.url).strip())
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):  # whose text quotes the address, password included
        hint = "for example postgresql://user:password@host/database"
        raise InvalidInput(
            Diagnostic("invalid-url", f"{name} is not a connection URL", hint=hint, path=URL_PATH)
        ) from None
    match kind:
        case "sqlite":
            return _sqlite(url, wanted.project, name)
        case "postgresql" | "postgres":
            options = {"connect_timeout": CONNECT_SECONDS, **KEEP_ALIVE}
            engine = create_engine(url.set(drivername="postgresql+psycopg"), connect_args=options, poolclass=NullPool)
            event.listen(engine, "handle_error", _close_cursor)
            return engine
        case _:
            message = f"{name}: databases of the kind {kind} are not supported"
            hint = "sqlite and postgresql are; for others, write a source of kind python"
            raise InvalidInput(Diagnostic("unknown-database", message, hint=hint, path=URL_PATH))


def _close_cursor(context: ExceptionContext) -> None:
    """Close the cursor of a connection that broke: the library leaves that to chance."""
    if context.execution_context is not None and context.execution_context.cursor is not None:
        context.execution_context.cursor.close()


def _sqlite(url: URL, project: Path, name: str) -> Engine:
    path = project / (url.database or "")
    if not path.is_file():
        hint = "sqlite:///data/shop.db is relative to the project, sqlite:////data/shop.db is absolute"
        raise InvalidInput(
            Diagnostic("missing-database", f"{name}: there is no such database file", hint=hint, path=URL_PATH)
        )

    def connect() -> sqlite3.Connection:
        address = f"file:{quote(str(path))}?mode=ro"
        return sqlite3.connect(address, uri=True, timeout=LOCKED_SECONDS, check_same_thread=False)

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _translated(error: DBAPIError, name: str) -> Exception:
    """Return what to raise for an error of a driver: Unreachable if it may be over in a moment, else StepFailed."""
    state = getattr(error.orig, "sqlstate", None) or ""
    words = _words(error)
    if _is_passing(error, state, words):
        message, hint = f"the database cannot be reached: {words}", f"is the database up, and is {name} its address?"
        return Unreachable(Diagnostic("database-unreachable", message, hint=hint, path=URL_PATH))
    if state.startswith(REFUSED) or (not state and "FATAL:" in words):
        message, hint = f"the database refused the connection: {words}", f"check user, password and database in {name}"
        return StepFailed(Diagnostic("database-refused", message, hint=hint, path=URL_PATH))
    hint = "correct source.query"
    return StepFailed(Diagnostic("query-failed", f"the query failed: {words}", hint=hint, path="source.query"))


def _is_passing(error: DBAPIError, state: str, words: str) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    if state:
        return state.startswith(PASSING)
    if "FATAL:" in words:
        return any(said in words for said in BUSY_WORDS)
    return error.connection_invalidated or type(error.orig).__name__ == "OperationalError"


def _words(error: DBAPIError) -> str:
    """Return the first sentence of what the driver said; its own text, which holds no statement and no values."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return " ".join(lines[0].split())[:300] if lines else type(error.orig).__name__
