"""Queries against a real PostgreSQL server."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

import polars as pl
import postgres
import pytest

from mlops_runner.data.fetch import base
from mlops_runner.data.fetch.base import Wanted, fetch
from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.data_sources import SqlSource

pytestmark = pytest.mark.skipif(postgres.BIN is None, reason="needs PostgreSQL")

TABLE = """
CREATE SEQUENCE numbers;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TABLE loans (
  id uuid, n int, name text, amount numeric(10, 2), ok bool, day date, at timestamptz,
  local timestamp, big bigint, single real, hue colour
);
INSERT INTO loans
SELECT md5(i::text)::uuid, i, (CASE i % 3 WHEN 0 THEN 'ä' WHEN 1 THEN 'B' ELSE 'a' END) || i, i * 0.1, i % 2 = 0,
  date '2026-01-01' + i, timestamptz '2026-01-01 00:00+05' + i * interval '1 hour', timestamp '2026-01-01 12:00',
  i * 10000000000, i * 0.1, 'green'
FROM generate_series(1, 500) i;
INSERT INTO loans (n) VALUES (NULL);
"""
TYPES = {
    "id": "string", "n": "int", "name": "string", "amount": "float", "ok": "bool", "day": "date", "at": "datetime",
    "local": "datetime", "big": "int", "single": "float", "hue": "string",
}  # fmt: skip


@pytest.fixture(scope="module")
def address():
    import psycopg

    with postgres.server() as address:
        with psycopg.connect(address) as connection:
            connection.execute(TABLE)
        yield address


@pytest.fixture
def ask(address, tmp_path, monkeypatch):
    """Fetch what a query answers; with an error class, return the only complaint."""
    monkeypatch.setattr(base, "PAUSES", (0.0, 0.0))
    said = []

    def run(query="SELECT * FROM loans", types=TYPES, url=address, error=None, **fields):
        values = {"kind": "sql", "url": {"secret": "DB"}, "query": query, "order_by": ("n",), **fields}
        columns = {name: Column(type=kind) for name, kind in types.items()}
        wanted = Wanted(SqlSource.model_validate(values), columns, "error", tmp_path, {"DB": url})
        target = tmp_path / "snapshot.parquet"
        target.unlink(missing_ok=True)
        if error is None:
            return fetch(wanted, target, said.append), pl.read_parquet(target)
        with pytest.raises(error) as caught:
            fetch(wanted, target, said.append)
        assert len(caught.value.diagnostics) == 1
        assert "p%40ss" not in str(caught.value)
        assert postgres.PASSWORD not in str(caught.value)
        return caught.value.diagnostics[0]

    run.said = said
    return run


def test_every_type_comes_as_it_was_declared(ask):
    found, rows = ask()
    assert found.rows == rows.height == 501
    assert rows.row(0) == (None,) * len(TYPES)  # NULLS FIRST
    first = rows.row(1, named=True)
    assert (first["id"], first["name"], first["amount"]) == ("c4ca4238-a0b9-2382-0dcc-509a6f75849b", "B1", 0.1)
    assert (first["ok"], str(first["day"]), str(first["at"])) == (False, "2026-01-02", "2025-12-31 20:00:00")
    assert (str(first["local"]), first["big"], first["hue"]) == ("2026-01-01 12:00:00", 10**10, "green")
    assert first["single"] == 0.1


def test_texts_are_ordered_byte_by_byte_whatever_the_database_is_set_to(ask):
    query = 'SELECT n, name COLLATE "und-x-icu" AS name FROM loans WHERE n < 7'
    _, rows = ask(query, {"n": "int", "name": "string"}, order_by=("name",))
    assert rows["name"].to_list() == ["B1", "B4", "a2", "a5", "ä3", "ä6"]


def test_the_time_of_the_session_does_not_show(ask, address):
    query = "SELECT n, at::date AS day FROM loans WHERE at < :as_of AND name <> ':x::text %s'"
    types = {"n": "int", "day": "date"}
    _, rows = ask(query, types, as_of="2026-01-01T06:30:00+06:30")
    assert rows.rows()[-1][0] == 4
    _, elsewhere = ask(query, types, as_of="2026-01-01T00:00:00Z", url=f"{address}?options=-c%20timezone%3DAsia/Tokyo")
    assert elsewhere.equals(rows)


@pytest.mark.parametrize("change", ["/postgres|/nowhere", "p%40ss|wrong", "ada:|eve:"])
def test_who_is_refused_is_told_at_once(ask, address, change):
    found = ask(url=address.replace(*change.split("|")), error=StepFailed)
    assert found.code == "database-refused"
    assert "FATAL" in found.message
    assert "check user, password and database in DB" in found.hint
    assert not any("trying again" in line for line in ask.said)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM lones", 'relation "lones" does not exist'),
        ("SELECT nn FROM loans", 'column "nn" does not exist'),
        ("SELECT n FROM loans WHERE 1 / (n - 400) > 0 OR true ORDER BY 1 / (n - 400)", "division by zero"),
        ("SELECT nextval('numbers')::int AS n", "read-only transaction"),
        ("WITH gone AS (DELETE FROM loans RETURNING n) SELECT n FROM gone", "data-modifying statement"),
    ],
)
def test_a_query_that_fails_fails_once(ask, query, words):
    found = ask(query, {"n": "int"}, error=StepFailed)
    assert found.code == "query-failed"
    assert words in found.message
    assert not any("trying again" in line for line in ask.said)


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [("'NaN'::float8", "float", "nan"), ("'[1]'::jsonb", "string", "list"), ("'1 day'::interval", "datetime", "1 day")],
)
def test_values_that_no_column_can_hold_are_refused_with_their_row(ask, value, kind, shown):
    found = ask(f"SELECT n, {value} AS x FROM loans WHERE n = 1", {"n": "int", "x": kind}, error=InvalidInput)
    assert 'column "x": 1 value is not of the type' in found.message
    assert "row 1 " in found.message
    assert shown in found.message


def test_a_time_beyond_all_calendars_is_refused(ask):
    found = ask("SELECT 1 AS n, 'infinity'::timestamp AS x", {"n": "int", "x": "datetime"}, error=StepFailed)
    assert "timestamp too large" in found.message


def test_a_connection_that_the_server_ends_is_opened_again_and_given_up(ask):
    query = "SELECT n, CASE WHEN n = 400 THEN pg_terminate_backend(pg_backend_pid()) END AS ok FROM loans"
    found = ask(query, {"n": "int", "ok": "bool"}, error=StepFailed)
    assert found.code == "database-unreachable"
    assert "terminating connection" in found.message
    assert "after 3 attempts" in found.message


def test_a_connection_that_breaks_in_the_middle_is_made_good_by_another_attempt(ask, address):
    expected, _ = ask()
    with Relay(urlsplit(address).port, [20_000, None]) as relay:
        found, _ = ask(url=address.replace(str(urlsplit(address).port), str(relay.port)))
    assert found == expected
    assert relay.connections == 2
    assert [line for line in ask.said if "trying again" in line]


def test_a_server_that_is_not_there_is_asked_again_and_given_up(ask, address):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = ask(url=address.replace(str(urlsplit(address).port), str(port)), error=StepFailed)
    assert "Connection refused (after 3 attempts)" in found.message
    assert "is DB its address?" in found.hint


class Relay:
    """Passes bytes on to a server, and hangs up after as many as each connection may have."""

    def __init__(self, port, limits):
        self.behind, self.limits, self.connections = port, list(limits), 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _serve(self):
        for limit in self.limits:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self.behind))
            threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, limit), daemon=True).start()

    def _pass(self, source, sink, limit):
        passed = 0
        try:
            while (data := source.recv(4096)) and (limit is None or passed + len(data) <= limit):
                sink.sendall(data)
                passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
