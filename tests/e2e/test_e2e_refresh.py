"""Moving a pin: an edit that a person can review, and a snapshot that the next run finds."""

import re
import sqlite3
import time

import pytest

from mlops_runner.journal import Finished, append
from mlops_runner.store.mutex import exclusive

SOURCE = """\
source:   # the warehouse is slow
  kind: sql
  url: sqlite:///shop.db
  query: |
    SELECT minutes, device, bought, id FROM visits
    WHERE datetime(day) < :as_of  -- whole days
  as_of: "2026-03-01T00:00:00Z"   # moved on Mondays
  order_by: [id]
  # digest follows
undeclared: ignore
"""


@pytest.fixture
def shop(fresh):
    """The pipeline over a database with two visits a day, not pinned yet."""
    rows = [line.split(",") for line in fresh.read("data/visits.csv").splitlines()[1:]]
    database = sqlite3.connect(fresh.root / "shop.db")
    database.execute("CREATE TABLE visits (id INTEGER, minutes REAL, device TEXT, bought TEXT, day TEXT)")
    database.executemany("INSERT INTO visits (id, minutes, device, bought) VALUES (?, ?, ?, ?)",
                         [(at, *row) for at, row in enumerate(rows)])  # fmt: skip
    database.execute("UPDATE visits SET day = date('2026-01-01', '+' || (id / 2) || ' days')")
    database.commit()
    database.close()
    fresh.edit("specs/data.yaml", "source: {kind: csv, path: data/visits.csv}\n", SOURCE)
    fresh.commit()
    return fresh


def pinned(sandbox):
    text = sandbox.read("specs/data.yaml")
    return text[text.index("  digest: ") + 10 :].split("\n")[0]


def test_only_the_pin_is_written_and_every_comment_stays(shop):
    before = shop.read("specs/data.yaml")
    answer = shop.call("data", "refresh")
    assert answer.code == 0
    assert shop.read("specs/data.yaml") == before.replace("[id]\n", f"[id]\n  digest: {pinned(shop)}\n")
    assert f"  digest  not pinned → {pinned(shop)}" in answer.out
    assert "  fetched 118 rows, " in answer.out
    assert answer.err == "fetching the sql source of specs/data.yaml\n"
    shop.commit()
    assert set(shop.git("show", "--name-only", "--format=").split()) == {
        "specs/data.yaml", ".dvc/.gitignore", ".dvc/config", ".dvcignore",
    }  # fmt: skip


def test_a_later_time_moves_time_and_digest_together(shop):
    shop.call("data", "refresh")
    before, old = shop.read("specs/data.yaml"), pinned(shop)
    answer = shop.call("data", "refresh", "--as-of", "2026-04-01T00:00:00Z")
    assert answer.code == 0
    assert f"  digest  {old} → {pinned(shop)}\n  as_of   2026-03-01T00:00:00Z → 2026-04-01T00:00:00Z" in answer.out
    moved = before.replace('"2026-03-01T00:00:00Z"', '"2026-04-01T00:00:00Z"').replace(old, pinned(shop))
    assert shop.read("specs/data.yaml") == moved


def test_a_refresh_to_an_earlier_time_is_known_again(shop):
    shop.call("data", "refresh")
    before = shop.read("specs/data.yaml")
    shop.call("data", "refresh", "--as-of", "2026-04-01T00:00:00Z")
    shop.call("data", "refresh", "--as-of", "2026-03-01T00:00:00Z")
    assert shop.read("specs/data.yaml") == before


def test_the_rows_before_are_told_once_they_were_run(shop):
    shop.call("data", "refresh")
    assert shop.call("run", "--no-report").code == 0
    assert shop.executed()[:2] == ["source", "data"]
    answer = shop.call("data", "refresh", "--as-of", "now", "--json")
    old, new = answer.value["old"], answer.value["new"]
    assert (old["rows"], new["rows"], answer.value["newer"]) == (118, 200, True)
    assert new["as_of"].startswith("20")
    shop.call("run", "--no-report")
    assert shop.executed().count("source") == 2  # the two refreshes; no run asked the database


def test_check_looks_and_leaves_everything_as_it_is(shop):
    answer = shop.call("data", "refresh", "--check")
    assert answer.code == 2
    assert "nothing was edited; to take it: mlops data refresh" in answer.out
    assert (shop.git("status", "--porcelain"), shop.objects(), shop.executed()) == ("", [], [])
    shop.call("data", "refresh")
    answer = shop.call("data", "refresh", "--check")
    assert answer.code == 0
    assert "nothing newer: 118 rows, " in answer.out
    assert answer.out.endswith(f"{pinned(shop)}\n")


def test_what_did_not_change_is_not_written(shop):
    shop.call("data", "refresh")
    file = shop.root / "specs/data.yaml"
    before = file.stat()
    assert shop.call("data", "refresh").code == 0
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_refresh_that_fails_leaves_everything_as_it_is(shop):
    shop.call("data", "refresh")
    before, objects = shop.content(), shop.objects()
    shop.edit("specs/data.yaml", "FROM visits", "FROM visitors")
    answer = shop.call("data", "refresh")
    assert answer.code == 1
    assert "error[query-failed]: the query failed: no such table: visitors" in answer.err
    shop.edit("specs/data.yaml", "FROM visitors", "FROM visits")
    assert (shop.content(), shop.objects()) == (before, objects)
    assert "connected" not in shop.read(".mlops/logs/source.log")


def test_an_edit_meanwhile_is_not_overwritten(shop, monkeypatch):
    from mlops_runner.api import refresh

    def edited(*args):
        shop.edit("specs/data.yaml", "whole days", "half days")
        return store(*args)

    store = refresh._store
    monkeypatch.setattr(refresh, "_store", edited)
    answer = shop.call("data", "refresh")
    assert answer.code == 5
    assert "specs/data.yaml was edited while the source was being fetched" in answer.err
    assert "half days" in shop.read("specs/data.yaml")
    assert "digest: " not in shop.read("specs/data.yaml")


def test_one_works_on_a_project_at_a_time(shop):
    with exclusive(shop.root / ".mlops/runner.lock", 0):
        answer = shop.call("data", "refresh")
    assert answer.code == 75


@pytest.mark.parametrize(
    ("arguments", "old", "new", "code", "words"),
    [
        (["--as-of", "monday"], "", "", 64, '"monday" is not a point in time'),
        (["--as-of", "2026-02-30T00:00:00Z"], "", "", 64, "is not a point in time"),
        (
            ["--as-of", "now"],
            "WHERE datetime(day) < :as_of  -- whole days\n  as_of: ",
            "# ",
            64,
            "--as-of has no meaning here",
        ),
        ([], "  as_of: ", "  # as_of: ", 64, "the query has :as_of, but no time was given"),
        ([], "sqlite:///shop.db", "sqlite:///shp.db", 65, "there is no such database file"),
        ([], "[id]", "[day]", 65, 'order_by: the query has no column "day"'),
        ([], "[id]", "[device]", 65, "order_by leaves the order open"),
    ],
)
def test_what_cannot_be_done_is_said(shop, arguments, old, new, code, words):
    if old:
        shop.edit("specs/data.yaml", old, new)
    answer = shop.call("data", "refresh", *arguments)
    assert answer.code == code, answer.err
    assert words in answer.err
    assert "hint: " in answer.err


def test_files_are_pinned_by_the_lock(fresh):
    answer = fresh.call("data", "refresh")
    assert answer.code == 0
    assert "a csv source needs no refresh: pipeline.lock pins what it reads" in answer.out
    assert fresh.call("data", "refresh", "--json").value["new"] is None
    assert fresh.call("data", "refresh", "--as-of", "now").code == 64
    assert not (fresh.root / ".mlops").exists()


def test_a_source_between_braces_is_edited_in_place(shop):
    text = shop.read("specs/data.yaml")
    start, end = text.index("source:"), text.index("undeclared")
    flow = "source: {kind: sql, url: sqlite:///shop.db, query: SELECT * FROM visits, order_by: [id]}  # short\n"
    shop.write("specs/data.yaml", text[:start] + flow + text[end:])
    assert shop.call("data", "refresh").code == 0
    written = shop.read("specs/data.yaml")
    assert re.search(
        r'^source: .+, order_by: \[id\], digest: "?sha256:[0-9a-f]{64}"?\}  # short$', written, re.MULTILINE
    )
    assert shop.call("data", "refresh", "--check").code == 0


@pytest.fixture
def refreshed(shop, monkeypatch):
    """The shop with a pin that was committed and no run has used; many results later, and its database gone."""
    assert shop.call("data", "refresh").code == 0
    shop.commit("pin")
    for at in range(150):
        append(shop.root / ".mlops/journal.jsonl", Finished(f"k1:{at:064x}", "train.other", {}))
    (shop.root / "shop.db").unlink()
    moved = time.time() + 20 * 86_400
    monkeypatch.setattr(time, "time", lambda: moved)
    return shop


def test_gc_keeps_a_snapshot_that_no_run_has_used(refreshed):
    assert refreshed.call("gc", "--yes").code == 0
    assert refreshed.call("run", "--no-report").code == 0


def test_gc_forgets_a_snapshot_when_it_is_told_so(refreshed):
    assert refreshed.call("gc", "--yes", "--days", "10").code == 0
    answer = refreshed.call("run", "--no-report")
    assert answer.code != 0
    assert "shop.db" in answer.err
