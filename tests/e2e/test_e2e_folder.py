"""Folders and patterns as inputs: planned by content, shown to steps under the same names, locked once."""

import shutil

import pytest

SOURCE = "source: {kind: csv, path: data/visits.csv}"
PYTHON = "source: {{kind: python, callable: callables.visits:load, inputs: {{visits: {path}}}}}"
LOADER = '''\
"""The visits, one file a month."""

import polars as pl


def load(visits):
    """Read every month."""
    (visits / "scratch").write_text("a step may write beside what it reads")
    frames = [pl.read_csv(path) for path in sorted(visits.rglob("*.csv"))]
    return pl.concat(frames).select("minutes", "device", "bought")
'''


def divide(sandbox, path="data/visits", parts=4):
    """Have the visits lie in several files, some of them deeper."""
    header, *rows = sandbox.read("data/visits.csv").splitlines(keepends=True)
    for number in range(parts):
        folder = "" if number < 2 else "deep/er/"
        sandbox.write(f"data/visits/{folder}2026-{number}.csv", header + "".join(rows[number::parts]))
    sandbox.edit("specs/data.yaml", SOURCE, PYTHON.format(path=path))
    sandbox.write("callables/visits.py", LOADER)
    (sandbox.root / "data/visits.csv").unlink()


@pytest.fixture
def divided(fresh):
    divide(fresh)
    return fresh


def test_a_folder_is_locked_once_and_rerun_only_when_it_changes(divided):
    before = divided.content("data")
    answer = divided.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert divided.content("data") == before, "nothing was written into it"
    assert divided.read("pipeline.lock").count("data/visits") == 1
    assert "      data/visits: f1:" in divided.read("pipeline.lock")
    assert divided.to_do() == {}
    assert divided.call("verify").code == 0
    assert divided.call("verify", "--rerun", "1").code == 0
    divided.edit("data/visits/deep/er/2026-3.csv", "minutes,device,bought\n", "minutes,device,bought\n9.5,desk,yes\n")
    divided.write("data/visits/2026-9.csv", divided.read("data/visits/2026-0.csv"))
    plan = divided.call("plan")
    assert "input data/visits changed   specs/data.yaml" in plan.out
    assert "data/visits: 1 added (2026-9.csv); 1 changed (deep/er/2026-3.csv)" in plan.out
    assert "data/visits:" not in divided.call("plan", "--json").out.replace("specs/data.yaml", "")
    assert divided.to_do()["data"] == "rerun"


def test_a_folder_that_is_not_there_counts_as_locked(divided):
    assert divided.call("run", "--no-report").code == 0
    shutil.rmtree(divided.root / "data/visits")
    assert divided.to_do() == {}
    (divided.root / "data/visits").mkdir()
    assert divided.to_do() == {}, "an empty folder is no data"
    answer = divided.call("run", "--force")
    assert answer.code == 65
    assert "data/visits is not there" in answer.err


def test_a_pattern_sees_only_what_it_takes(fresh):
    divide(fresh, path="data/visits/*.csv")
    answer = fresh.call("run", "--no-report")
    assert answer.code == 0, answer.err
    fresh.write("data/visits/deep/er/2026-2.csv", "changed")
    fresh.write("data/visits/notes.txt", "changed")
    assert fresh.to_do() == {}
    fresh.write("data/visits/2026-7.csv", fresh.read("data/visits/2026-1.csv"))
    assert fresh.to_do()["data"] == "rerun"


def test_files_that_a_pattern_takes_may_be_parquet(fresh):
    import polars as pl

    frame = pl.read_csv(fresh.root / "data/visits.csv")
    for number in range(3):
        (fresh.root / "data/parts").mkdir(exist_ok=True)
        frame[number::3].write_parquet(fresh.root / f"data/parts/2026-{number}.parquet")
    fresh.edit("specs/data.yaml", SOURCE, "source: {kind: parquet, path: data/parts/2026-*.parquet}")
    answer = fresh.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert fresh.read("pipeline.lock").count("2026-*.parquet") == 1
    assert fresh.to_do() == {}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: (folder / "out").symlink_to("/etc/hostname"), "is a link that leaves the project"),
        (lambda folder: (folder / "loop").symlink_to("loop"), "is a loop of links"),
        (lambda folder: (folder / "up").symlink_to("."), "is a link to a folder that it lies in"),
        (lambda folder: [(folder / name).touch() for name in ("\u00e9", "e\u0301")], "the same name on other systems"),
    ],
    ids=["out", "loop", "circle", "twins"],
)
def test_what_cannot_be_an_input_is_refused_before_anything_runs(divided, make, words):
    make(divided.root / "data/visits")
    for command in ("plan", "run", "validate"):
        answer = divided.call(command)
        assert (answer.code, words in answer.err) == (65, True), answer.err
    assert divided.executed() == []


def test_a_folder_that_changes_while_a_step_reads_it_fails_the_step(divided):
    divided.edit(
        "callables/visits.py",
        "    frames = ",
        f'    open("{divided.root}/data/visits/new.csv", "w").close()\n    frames = ',
    )
    answer = divided.call("run")
    assert answer.code == 5, answer.err
    assert "data/visits changed while data was reading it" in answer.err
    assert divided.executed() == []


def test_a_folder_that_holds_what_steps_write_is_refused(divided):
    divided.edit("specs/data.yaml", "visits: data/visits", "visits: artifacts")
    answer = divided.call("plan")
    assert answer.code == 65
    assert "data reads what it writes itself" in answer.err or "wait for each other in a circle" in answer.err


def test_a_name_with_a_line_end_is_a_name(divided):
    divided.write("data/visits/a\nb.csv", divided.read("data/visits/2026-0.csv"))
    assert divided.call("run", "--no-report").code == 0
    assert divided.to_do() == {}
    divided.write("data/visits/c\nd.csv", divided.read("data/visits/2026-0.csv"))
    assert "1 added (c\\nd.csv)" in divided.call("plan").out
