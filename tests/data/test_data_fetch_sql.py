"""Queries against SQLite files, through the whole fetch."""

import sqlite3
import sys
from pathlib import Path

import polars as pl
import pytest

from mlops_runner.data.fetch import base, sql
from mlops_runner.data.fetch.base import Wanted, fetch
from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.data_sources import SqlSource

COLUMNS = {"id": Column(type="int"), "name": Column(type="string"), "amount": Column(type="float")}
ROWS = [(3, "b", 1.5), (1, "B", None), (2, "ä", 3)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(base, "PAUSES", (0.0, 0.0))


@pytest.fixture
def shop(tmp_path):
    """A database, and a way to ask it: the rows, or the only complaint."""
    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("CREATE TABLE loans (id INTEGER, name TEXT, amount NUMERIC)")
    database.executemany("INSERT INTO loans VALUES (?, ?, ?)", ROWS)
    database.commit()
    yield Shop(tmp_path, database)
    database.close()


class Shop:
    def __init__(self, folder, database):
        self.folder, self.database, self.said = folder, database, []
        self.target = folder / "snapshot.parquet"

    def fetch(self, query="SELECT * FROM loans", columns=COLUMNS, undeclared="error", **fields):
        fields = {"kind": "sql", "url": "sqlite:///shop.db", "order_by": ("id",), "query": query, **fields}
        self.target.unlink(missing_ok=True)
        wanted = Wanted(SqlSource.model_validate(fields), columns, undeclared, self.folder, {"SHOP": "pass:word"})
        return fetch(wanted, self.target, self.said.append)

    def rows(self, *args, **fields):
        self.fetch(*args, **fields)
        return pl.read_parquet(self.target).rows()

    def complaint(self, *args, error=InvalidInput, **fields):
        with pytest.raises(error) as caught:
            self.fetch(*args, **fields)
        assert len(caught.value.diagnostics) == 1, caught.value
        return caught.value.diagnostics[0]


def test_rows_come_typed_and_in_the_declared_order(shop):
    assert shop.rows() == [(1, "B", None), (2, "ä", 3.0), (3, "b", 1.5)]
    assert [row[1] for row in shop.rows(order_by=("name",))] == ["B", "b", "ä"]  # byte by byte
    assert [row[2] for row in shop.rows(order_by=("amount",))] == [None, 1.5, 3.0]  # missing ones first


def test_the_order_of_insertion_and_the_collation_of_a_column_do_not_show(shop):
    before = shop.fetch(order_by=("name",)).digest
    shop.database.execute("CREATE TABLE other (name TEXT COLLATE NOCASE, id INTEGER, amount REAL)")
    shop.database.executemany("INSERT INTO other (id, name, amount) VALUES (?, ?, ?)", reversed(ROWS))
    shop.database.commit()
    assert shop.fetch("SELECT * FROM other", order_by=("name",)).digest == before


@pytest.mark.parametrize("values", [1, 3, 7, 200_000])
def test_the_size_of_the_batches_does_not_show(shop, monkeypatch, values):
    shop.database.executemany("INSERT INTO loans VALUES (?, ?, ?)", [(i, f"n{i % 7}", i / 3) for i in range(4, 400)])
    shop.database.commit()
    expected, content = shop.fetch(), shop.target.read_bytes()
    monkeypatch.setattr(sql, "BATCH_VALUES", values)
    assert shop.fetch() == expected
    assert shop.target.read_bytes() == content


def test_what_is_pinned_must_come_again(shop):
    pinned = shop.fetch().digest
    assert shop.fetch(digest=pinned).digest == pinned
    shop.database.execute("UPDATE loans SET amount = 2 WHERE id = 2")
    shop.database.commit()
    found = shop.complaint(digest=pinned, error=StepFailed)
    assert found.code == "pin-differs"
    assert pinned in found.message
    assert shop.fetch().digest in found.message
    assert "mlops data refresh" in found.hint


def test_a_query_is_about_its_time(shop):
    shop.database.execute("ALTER TABLE loans ADD COLUMN at TEXT")
    shop.database.execute("UPDATE loans SET at = '2026-01-0' || id || ' 00:00:00'")
    shop.database.commit()
    query = "SELECT id, name, amount FROM loans WHERE at < :as_of AND name <> ':as_of' -- '"
    assert [row[0] for row in shop.rows(query, as_of="2026-01-02T00:00:00Z")] == [1]
    assert [row[0] for row in shop.rows(query, as_of="2026-01-02T00:00:01+01:00")] == [1]
    assert [row[0] for row in shop.rows(query, as_of="2026-01-02T00:00:00.5Z")] == [1, 2]
    assert shop.complaint(query).code == "missing-as-of"


@pytest.mark.parametrize(
    ("form", "as_of", "days"),
    [
        ("{}", "2026-01-02T00:00:00Z", [1]),
        ("{}", "2026-01-02T01:00:00+01:00", [1]),
        ("{}", "2026-01-02T00:00:01Z", [1, 2]),
        ("{} 00:00:00", "2026-01-02T00:00:00Z", [1]),
        ("{} 00:00:00", "2026-01-02T00:00:01Z", [1, 2]),
        ("{}T00:00:00Z", "2026-01-02T00:00:00Z", [1]),
    ],
)
def test_a_day_is_not_before_its_own_midnight_however_it_is_written(shop, form, as_of, days):
    shop.database.execute("ALTER TABLE loans ADD COLUMN at TEXT")
    dated = [(form.format(f"2026-01-0{day}"), day) for day in (1, 2, 3)]
    shop.database.executemany("UPDATE loans SET at = ? WHERE id = ?", dated)
    shop.database.commit()
    query = "SELECT id, name, amount FROM loans WHERE at < :as_of"
    assert [row[0] for row in shop.rows(query, as_of=as_of)] == days


def test_colons_and_percent_signs_in_a_query_are_only_text(shop):
    query = "SELECT id, 'a:b %s 100% \\:c' AS name, 1.0 AS amount FROM loans WHERE id = 1"
    assert shop.rows(query) == [(1, "a:b %s 100% \\:c", 1.0)]


def test_rows_that_their_order_cannot_tell_apart_are_refused(shop):
    found = shop.complaint("SELECT 1 AS id, name, amount FROM loans")
    assert (found.code, "rows 1 and 2" in found.message) == ("order-tie", True)
    assert "add columns to order_by" in found.hint
    shop.database.execute("DELETE FROM loans WHERE id > 1")
    shop.database.execute("INSERT INTO loans SELECT * FROM loans")
    shop.database.commit()
    assert len(shop.rows()) == 2  # equal rows may stand in any order


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"query": "SELECT * FROM lones"}, "query-failed", "no such table: lones"),
        ({"query": "SELECT id name FROM loans ORDER"}, "query-failed", "syntax error"),
        ({"query": "WITH x AS (SELECT 1) DELETE FROM loans"}, "query-failed", "syntax error"),
        (
            {"query": "SELECT id, name, amount AS amunt FROM loans", "undeclared": "ignore"},
            "missing-column",
            'column "amount" is declared but not there',
        ),
        ({"query": "SELECT *, 1 AS extra FROM loans"}, "undeclared-column", 'column "extra" is not declared'),
        ({"query": "SELECT * FROM loans WHERE id > 9"}, "no-rows", "no rows"),
        ({"order_by": ("nmae",)}, "unknown-column", 'order_by: the query has no column "nmae"'),
        ({"query": "SELECT id, name, name AS amount FROM loans"}, "wrong-value", 'row 1 "B", row 2 "ä", row 3 "b"'),
        ({"url": "sqlite:///data/shp.db"}, "missing-database", "no such database file"),
        ({"url": "sqlite:///:memory:"}, "missing-database", "no such database file"),
        ({"url": "mysql://host/shop"}, "unknown-database", "kind mysql"),
        ({"url": {"secret": "SHOP"}}, "invalid-url", "SHOP is not a connection URL"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(shop, fields, code, words):
    error = StepFailed if code == "query-failed" else InvalidInput
    found = shop.complaint(**fields, error=error)
    assert found.code == code
    assert words in found.message
    assert found.hint


def test_undeclared_columns_are_neither_kept_nor_digested(shop):
    plain = shop.fetch(undeclared="ignore").digest
    assert shop.fetch("SELECT *, random() AS luck FROM loans", undeclared="ignore").digest == plain
    assert pl.read_parquet(shop.target).columns == ["id", "name", "amount"]


def test_a_file_that_is_no_database_is_refused(shop):
    (shop.folder / "text.db").write_text("id,name\n1,a\n" * 200)
    found = shop.complaint(url="sqlite:///text.db", error=StepFailed)
    assert "file is not a database" in found.message


def test_a_database_is_only_read(shop):
    before = (shop.folder / "shop.db").read_bytes()
    shop.fetch()
    assert (shop.folder / "shop.db").read_bytes() == before
    assert sorted(path.name for path in shop.folder.iterdir()) == ["shop.db", "snapshot.parquet"]


def test_a_locked_database_is_asked_again(shop, monkeypatch):
    monkeypatch.setattr("mlops_runner.data.fetch.databases.LOCKED_SECONDS", 0)
    shop.database.execute("BEGIN EXCLUSIVE")
    found = shop.complaint(error=StepFailed)
    assert found.code == "database-unreachable"
    assert "database is locked (after 3 attempts)" in found.message
    monkeypatch.setattr(base.time, "sleep", lambda _: shop.database.rollback())
    shop.database.execute("SELECT 1")
    assert shop.fetch().rows == 3
    assert any("trying again" in line for line in shop.said)


@pytest.mark.parametrize("module", ["sqlalchemy", "psycopg"])
def test_without_the_extra_it_is_said_how_to_install_it(shop, monkeypatch, module):
    for name in [name for name in sys.modules if name.startswith(("mlops_runner.data.fetch.", "psycopg"))]:
        if name != "mlops_runner.data.fetch.base":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    found = shop.complaint(url="postgresql://ada@127.0.0.1:1/shop")
    assert (found.code, found.hint) == ("missing-extra", "pip install mlops_runner[sql]")
    assert f"need {module}" in found.message


def test_a_full_disk_is_one_message(shop, monkeypatch):
    monkeypatch.setattr(shop, "target", Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    found = shop.complaint(error=StepFailed)
    assert found.code == "snapshot-unwritable"
    assert "No space left on device" in found.message
