"""A query as the source: pinned, fetched once, restored where there is no database, and refused when it moved on."""

import shutil
import sqlite3

import postgres
import pytest

SOURCE = """\
source:
  kind: sql
  url: sqlite:///data/shop.db
  query: SELECT * FROM visits
  order_by: [id]
undeclared: ignore
"""


def fill(sandbox, connect, mark):
    """Put the visits into a database."""
    rows = [line.split(",") for line in sandbox.read("data/visits.csv").splitlines()[1:]]
    values = [(at, float(minutes), *rest) for at, (minutes, *rest) in enumerate(rows)]
    connect.execute("CREATE TABLE visits (id INTEGER, minutes DOUBLE PRECISION, device TEXT, bought TEXT)")
    connect.cursor().executemany(f"INSERT INTO visits VALUES ({', '.join([mark] * 4)})", values)
    connect.commit()


def change(sandbox, statement="UPDATE visits SET minutes = 1 WHERE id = 7"):
    database = sqlite3.connect(sandbox.root / "data/shop.db")
    database.execute(statement)
    database.commit()
    database.close()


@pytest.fixture
def shop(fresh):
    """The pipeline over a database, not pinned yet."""
    database = sqlite3.connect(fresh.root / "data/shop.db")
    fill(fresh, database, "?")
    database.close()
    fresh.edit("specs/data.yaml", "source: {kind: csv, path: data/visits.csv}\n", SOURCE)
    fresh.write(".gitignore", fresh.read(".gitignore") + "*.db\n")
    (fresh.root / "data/visits.csv").unlink()
    fresh.commit()
    return fresh


@pytest.fixture
def ran(shop, kept):
    """The pipeline over a database, pinned and run; once for all tests here, each of which gets a copy."""
    if kept.exists():
        shutil.rmtree(shop.root)
        shutil.copytree(kept, shop.root)
        return shop
    assert shop.call("data", "refresh").code == 0
    answer = shop.call("run", "--no-report")
    assert answer.code == 0, answer.err
    shop.commit()
    shutil.copytree(shop.root, kept)
    return shop


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "project"


def clone(sandbox, name, *, cache):
    """Return a second clone, with or without what the first has in its cache; the database is not in git."""
    target = type(sandbox)(sandbox.root.parent / name)
    sandbox.git("clone", "-q", ".", str(target.root))
    (target.root / "data").mkdir()
    if cache:
        shutil.copytree(sandbox.root / ".dvc/cache", target.root / ".dvc/cache")
    return target


def test_what_is_not_pinned_is_planned_as_unresolved_and_not_run(shop):
    before = shop.content()
    answer = shop.call("plan")
    assert answer.code == 0
    assert "! source\n      not pinned yet; run: mlops data refresh   specs/data.yaml:5:3" in answer.out
    answer = shop.call("run")
    assert answer.code == 65
    assert "error[not-pinned]" in answer.err
    assert "hint: run: mlops data refresh" in answer.err
    assert (shop.executed(), shop.content()) == ([], before)


def test_a_run_takes_the_snapshot_that_was_pinned_and_asks_nobody(ran):
    (ran.root / "data/shop.db").unlink()
    assert "source" not in ran.executed()[1:]
    answer = ran.call("run", "--force", "--no-report")
    assert answer.code == 0, answer.err
    assert ran.git("status", "--porcelain") == ""
    assert (ran.root / "artifacts/source.dvc").exists()


def test_a_second_clone_needs_no_database(ran):
    other = clone(ran, "other", cache=True)
    answer = other.call("run", "--json", "--no-report")
    assert answer.code == 0, answer.err
    assert {step["how"] for step in answer.value["steps"]} == {"restored"}
    assert other.content("artifacts") == ran.content("artifacts")
    assert other.call("verify").code == 0


def test_a_second_clone_without_the_cache_fetches_the_same_bytes_again(ran):
    other = clone(ran, "other", cache=False)
    shutil.copy(ran.root / "data/shop.db", other.root / "data")
    answer = other.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert other.content("artifacts") == ran.content("artifacts")
    assert other.git("status", "--porcelain") == ""


def test_rows_that_are_no_longer_the_pinned_ones_are_refused_and_not_kept(ran):
    other = clone(ran, "other", cache=False)
    shutil.copy(ran.root / "data/shop.db", other.root / "data")
    change(other)
    answer = other.call("run")
    assert answer.code == 1
    assert "error[pin-differs]: the query answers other rows than the pinned ones: sha256:" in answer.err
    assert "--> specs/data.yaml:9:11" in answer.err
    assert "dvc pull; or take what is there now: mlops data refresh" in answer.err
    assert (other.objects(), other.executed()) == ([], [])


def test_a_database_that_moves_on_disturbs_nobody_until_a_refresh(ran):
    change(ran)
    assert ran.to_do() == {}
    assert ran.call("verify", "--rerun", "1").code == 0
    assert ran.call("data", "refresh", "--check").code == 2
    assert ran.call("data", "refresh").code == 0
    assert ran.to_do()["source"] == "rerun"
    executed = ran.executed()
    assert ran.call("run", "--no-report").code == 0
    assert ran.executed()[len(executed) :][0] == "data"


def test_a_rerun_says_that_it_does_not_fetch(ran):
    (ran.root / "data/shop.db").unlink()
    answer = ran.call("verify", "--rerun", "1")
    assert answer.code == 0, answer.err
    assert "source                   equal by its pin, without being fetched again" in answer.err


def test_another_query_is_held_against_the_pin(ran):
    ran.edit("specs/data.yaml", "FROM visits", "FROM visits WHERE id >= 0")
    answer = ran.call("run", "--json", "--no-report")
    assert answer.code == 0, answer.err
    assert [step["how"] for step in answer.value["steps"]] == ["ran"] + ["unchanged"] * 6
    ran.edit("specs/data.yaml", "id >= 0", "id > 0")
    assert "error[pin-differs]" in ran.call("run").err


def test_a_query_that_is_no_select_is_refused_on_its_line(shop):
    shop.edit("specs/data.yaml", "SELECT * FROM visits", "DELETE FROM visits")
    for verb in ("validate", "plan", "run"):
        answer = shop.call(verb)
        assert answer.code == 65
        assert "error[not-a-select]: the query is not one SELECT: it starts with DELETE" in answer.err
        assert "--> specs/data.yaml:7:10" in answer.err


def test_problems_of_rows_are_shown_on_the_line_of_their_column(shop):
    change(shop, "UPDATE visits SET minutes = 'long' WHERE id = 3")
    answer = shop.call("data", "refresh")
    assert answer.code == 65
    assert 'column "minutes": 1 value is not of the type float but str: row 4 "long"' in answer.err
    assert "--> specs/data.yaml:11:12" in answer.err


@pytest.mark.skipif(postgres.BIN is None, reason="needs PostgreSQL")
def test_a_password_stays_where_it_is(fresh, monkeypatch):
    """From refresh to report, no file and no line of output holds it; a wrong one is refused without being shown."""
    import psycopg

    with postgres.server() as address:
        with psycopg.connect(address) as connection:
            fill(fresh, connection, "%s")
        secret = SOURCE.replace("sqlite:///data/shop.db", "{secret: SHOP_DB}")
        fresh.edit("specs/data.yaml", "source: {kind: csv, path: data/visits.csv}\n", secret)
        answers = [fresh.call("data", "refresh")]
        assert "error[secret-missing]: the environment variable SHOP_DB is not set" in answers[0].err
        assert "--> specs/data.yaml:6:17" in answers[0].err
        monkeypatch.setenv("SHOP_DB", address.replace("p%40ss", "wr0ng"))
        answers.append(fresh.call("data", "refresh"))
        assert "password authentication failed" in answers[1].err
        monkeypatch.setenv("SHOP_DB", address)
        verbs = [("data", "refresh"), ("run",), ("plan", "--json"), ("why", "source"), ("report", "--format", "json")]
        answers += [fresh.call(*verb) for verb in verbs]
    assert [answer.code for answer in answers] == [65, 1, 0, 0, 0, 0, 0], answers[3].err
    said = "".join(answer.out + answer.err for answer in answers).encode()
    files = [path for path in fresh.root.rglob("*") if path.is_file()]
    for text in (said, *(path.read_bytes() for path in files)):
        assert not any(part in text for part in (b"p%40ss", b"p@ss:w", b"wr0ng", b"w%2Frd"))
    monkeypatch.delenv("SHOP_DB")
    assert fresh.call("run").code == 0
