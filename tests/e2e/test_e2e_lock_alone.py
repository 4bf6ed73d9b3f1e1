"""Who may write the lock, and when: one at a time, whatever the clocks say."""

import fcntl
import os
import time

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: words
steps:
  sorted:
    kind: command
    shell: test ! -e HOLD || sleep 2; sort words.txt > out/sorted.txt
    inputs: [words.txt]
    outputs: [out/sorted.txt]
  first:
    kind: command
    shell: head -1 out/sorted.txt > out/first.txt
    inputs: [out/sorted.txt]
    outputs: [out/first.txt]
"""


@pytest.fixture
def words(sandbox_of, tmp_path):
    pipeline = PIPELINE.replace("HOLD", str(tmp_path / "hold"))
    words = sandbox_of({"pipeline.yaml": pipeline, "words.txt": "b\na\n", ".gitignore": ".mlops/\n"})
    assert words.call("run").code == 0
    words.commit("run")
    return words


def test_of_two_runs_on_one_lock_one_is_refused_and_the_lock_is_whole(words, tmp_path):
    (tmp_path / "hold").touch()
    words.write("words.txt", "d\nc\n")
    runs = [words.start("run") for _ in range(2)]
    ends = sorted((run.wait(timeout=60), run.communicate()[1].decode()) for run in runs)
    assert [code for code, _ in ends] == [0, 75]
    assert "--lock-timeout" in ends[1][1]
    assert words.executed()[2:] == ["sorted", "first"]
    assert words.call("verify").code == 0


@pytest.mark.parametrize("command", ["lock resolve", "lock prune", "lock accept first --reason x", "run"])
def test_nothing_writes_the_lock_while_a_run_is_under_way(words, command):
    words.write("pipeline.yaml", words.read("pipeline.yaml").partition("  first:")[0])
    before = words.read("pipeline.lock")
    with (words.root / ".mlops/runner.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert words.call(*command.split()).code == 75
    assert words.read("pipeline.lock") == before


@pytest.mark.parametrize("years", [-60, 200])
def test_the_dates_of_files_decide_nothing(words, years):
    """After a clock has jumped, files are from the far past or from the future."""
    moment = time.time_ns() + years * 365 * 86400 * 10**9
    lock = words.read("pipeline.lock")
    for path in words.root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, ns=(moment, moment))
    assert words.to_do() == {}
    assert words.call("run").code == 0
    assert words.executed() == ["sorted", "first"]
    words.write("words.txt", "d\nc\n")
    os.utime(words.root / "words.txt", ns=(moment, moment))
    assert words.to_do() == {"sorted": "rerun", "first": "unknown"}
    assert words.call("run").code == 0
    assert words.read("out/first.txt") == "c\n"
    words.write("words.txt", "b\na\n")
    os.utime(words.root / "words.txt", ns=(moment, moment))
    assert words.call("run").code == 0
    assert words.read("pipeline.lock") == lock


def test_a_wall_clock_that_jumps_while_a_run_waits_changes_nothing(words, monkeypatch):
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: 4e9 - 1e8 * next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: 4 * 10**18 - 10**17 * next(jumps))
    with (words.root / ".mlops/runner.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert words.call("run", "--lock-timeout", "0.2").code == 75
    words.write("words.txt", "d\nc\n")
    assert words.call("run").code == 0
    assert words.to_do() == {}
    assert words.call("verify").code == 0
