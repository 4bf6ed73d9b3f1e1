"""Steps that behave badly while they run: whatever they do, the project stays whole and nothing is left running."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from notebooks import notebook

HEAD = "apiVersion: mlops/v1\nkind: Pipeline\nname: faults\n"
PIPELINE = """\
steps:
  first:
    kind: command
    shell: echo one > out/first
    outputs: [out/first]
  second:
    kind: command
    command: [python, work.py]
    code: [work.py]
    inputs: [out/first, data/raw]
    outputs: [out/second]
"""
CALLED = (
    PIPELINE.partition("  second")[0]
    + """\
  second:
    kind: python
    callable: work:second
    inputs: {first: out/first, raw: data/raw}
    outputs: {out: out/second}
"""
)
WORK = """\
import os
import signal
import sys
import time
from pathlib import Path


def second(first, raw, out):
    BODY
    out.write_text("two")


if __name__ == "__main__":
    second(Path("out/first"), Path("data/raw"), Path("out/second"))
"""


@pytest.fixture
def project(sandbox_of):
    def made(body="pass", pipeline=PIPELINE, **files):
        texts = {"pipeline.yaml": HEAD + pipeline, "work.py": WORK.replace("BODY", body), "data/raw": "raw\n"}
        return sandbox_of({**texts, **files, ".gitignore": ".mlops/\n__pycache__/\n"})

    return made


def refused(answer, code, *texts):
    assert answer.code == code, answer.err
    for text in texts:
        assert text in answer.err
    return answer.err


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(map(alive, pids)):
        assert time.monotonic() < until, "it outlived the run"
        time.sleep(0.02)
    return True


def appeared(paths, seconds=60):
    until = time.monotonic() + seconds
    while not all(path.exists() and path.read_text() for path in paths):
        assert time.monotonic() < until
        time.sleep(0.02)
    return [int(path.read_text()) for path in paths]


# -- what it reads, and its own code


def test_a_step_that_deletes_its_inputs_deletes_links(project):
    project = project("first.unlink(); first.write_text('x'); raw.unlink()")
    answer = project.call("run")
    assert answer.code == 0, answer.err
    assert "it removed or replaced" in answer.err
    assert (project.read("out/first"), project.read("data/raw")) == ("one\n", "raw\n")
    assert project.object_of("out/first").read_text() == "one\n"
    assert project.call("verify").code == 0


@pytest.mark.parametrize("what", ["first.resolve().unlink()", "first.resolve().chmod(0o600); first.write_text('x')"])
def test_a_step_that_follows_the_link_and_damages_what_another_wrote_is_refused_and_all_is_whole(project, what):
    project = project(what)
    refused(project.call("run"), 5, "out/first changed while second was reading it", "pipeline.yaml:13:14")
    assert project.executed() == ["first"]
    project.write("work.py", WORK.replace("BODY", "pass"))
    assert project.call("run").code == 0
    assert project.executed() == ["first", "second"]
    assert project.read("out/first") == "one\n"
    assert project.object_of("out/first").read_text() == "one\n"
    assert project.call("verify").code == 0


def test_a_step_that_changes_its_own_code_is_not_kept_under_the_key_of_the_old(project):
    change = "Path(__file__).write_text(Path(__file__).read_text().replace('two', 'three'))"
    project = project(change, CALLED)
    refused(project.call("run"), 5, "error[code-changed]: work.py changed while second was running")
    assert project.executed() == ["first"]
    assert not (project.root / "out/second").exists()
    assert project.to_do() == {"first": "add", "second": "add"}


def test_a_comment_that_is_added_while_a_step_runs_changes_nothing(project):
    project = project("pass")
    code = str(project.root / "work.py")
    project.edit("work.py", "    pass", f"    Path({code!r}).write_text(Path({code!r}).read_text() + '# a comment')")
    assert project.call("run").code == 0
    assert project.to_do() == {}


def test_a_program_that_changes_while_a_step_runs_is_noticed_and_its_copy_is_its_own(project):
    step = """\
steps:
  go:
    kind: command
    command: [python, go.py]
    code: [go.py]
    outputs: [out]
"""
    body = "from pathlib import Path\nPath('out').write_text('x')\nPath('go.py').write_text('changed')\n"
    project = project("pass", step, **{"go.py": body})
    assert project.call("run").code == 0
    assert project.read("go.py") == body
    project.write("go.py", body.replace("Path('go.py')", f"Path({str(project.root / 'go.py')!r})"))
    refused(project.call("run"), 5, "go.py changed while go was running")
    assert project.executed() == ["go"]


# -- processes

STUBBORN = """\
steps:
  hang:
    kind: command
    shell: {shell}
    outputs: [out]
    timeout: 500ms
"""


def test_a_step_that_ignores_being_asked_to_end_is_ended_after_a_while(project, tmp_path):
    sign = tmp_path / "pid"
    project = project("pass", STUBBORN.format(shell=f"trap '' TERM; echo $$ > {sign}; while true; do sleep 1; done"))
    refused(project.call("run"), 1, "step hang took longer than its timeout of 0.5 s and was ended", "yaml:9:14")
    assert gone([int(sign.read_text())])


def test_a_step_that_is_too_late_may_clean_up(project, tmp_path):
    sign = tmp_path / "cleaned"
    shell = f"trap 'echo 1 > {sign}; exit 0' TERM; echo x > out; while true; do sleep 0.1; done"
    project = project("pass", STUBBORN.format(shell=f'"{shell}"'))
    refused(project.call("run"), 1, "took longer than its timeout")
    assert sign.read_text() == "1\n"
    assert project.executed() == [], "it ended well, but too late"


EIGHT = """\
steps:
  hold:
    kind: command
    matrix: {{axes: {{number: [1, 2, 3, 4, 5, 6, 7, 8]}}}}
    shell: echo $$ > {sign}/{{number}}; (setsid sleep 700 & echo $! > {sign}/child{{number}}); {do}
    outputs: ["out/{{number}}"]
  quick:
    kind: command
    shell: echo x > quick
    outputs: [quick]
"""


@pytest.mark.parametrize(
    ("sent", "do", "code"),
    [
        (signal.SIGINT, "sleep 600", 130),
        (signal.SIGINT, "trap '' TERM INT; while true; do sleep 1; done", 130),
    ],
    ids=["interrupted", "stubborn"],
)
def test_eight_steps_that_run_are_ended_with_the_run_and_what_finished_is_kept(project, tmp_path, sent, do, code):
    project = project("pass", EIGHT.format(sign=tmp_path / "sign", do=do))
    (tmp_path / "sign").mkdir()
    runner = project.start("run", "--jobs", "9")
    names = [f"{kind}{number}" for kind in ("", "child") for number in range(1, 9)]
    pids = appeared([tmp_path / "sign" / name for name in names])
    until = time.monotonic() + 30
    while project.executed() != ["quick"]:
        assert time.monotonic() < until
        time.sleep(0.02)
    runner.send_signal(sent)
    _, said = runner.communicate(timeout=60)
    assert runner.returncode == code
    assert b"Traceback" not in said
    assert gone(pids)
    assert project.to_do() == {**dict.fromkeys((f"hold@{n}" for n in range(1, 9)), "add"), "quick": "add"}
    project.edit("pipeline.yaml", do, "echo x > out/{number}")
    answer = project.call("run")
    assert answer.code == 0, answer.err
    assert project.executed().count("quick") == 1


def test_steps_go_on_while_another_waits_to_be_tried_again(project, tmp_path):
    sign = tmp_path / "sign"
    step = f"""\
steps:
  flaky:
    kind: command
    shell: test -e {sign} && echo x > flaky
    outputs: [flaky]
    retries: 3
    retry_delay: 300ms
  slow:
    kind: command
    shell: echo x > {sign}; echo x > slow
    outputs: [slow]
"""
    project = project("pass", step)
    answer = project.call("run", "--jobs", "1")
    assert answer.code == 0, answer.err
    assert "trying again in 0.3 s (1 of 3)" in answer.err
    assert project.executed() == ["slow", "flaky"]
    sign.unlink()
    project.edit("pipeline.yaml", "echo x > flaky", "echo y > flaky")
    answer = project.call("run")
    assert answer.code == 1
    assert "in 0.6 s (2 of 3)" in answer.err
    assert "in 1.2 s (3 of 3)" in answer.err


def test_a_wait_for_the_next_try_is_ended_by_an_interrupt(project):
    step = "steps:\n  flaky:\n    kind: command\n    shell: exit 3\n    outputs: [flaky]\n"
    project = project("pass", step + "    retries: 3\n    retry_delay: 30m\n")
    runner = project.start("run")
    while b"trying again in 1800 s" not in (line := runner.stderr.readline()):
        assert line, "it ended"
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=30)
    assert runner.returncode == 130


def test_a_clock_that_jumps_decides_nothing(project, monkeypatch):
    jumps = itertools.cycle([0, 86_400, -86_400, 10**9, -(10**8)])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(time.time() * 10**9))
    step = "    retries: 2\n    retry_delay: 100ms\n    timeout: 60s\n"
    project = project("assert os.path.exists(PLACE) or Path(PLACE).touch()", PIPELINE + step)
    project.edit("work.py", "def second", f"PLACE = {str(project.root.parent / 'sign')!r}\n\n\ndef second")
    answer = project.call("run")
    assert answer.code == 0, answer.err
    assert "trying again in 0.1 s (1 of 2)" in answer.err
    assert project.executed() == ["first", "second"]
    assert project.to_do() == {}
    project.write("data/raw", "row\n")
    assert project.to_do() == {"second": "rerun"}
    assert project.call("run").code == 0
    assert project.call("verify").code == 0


# -- disks and notebooks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of little size."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("shell", ["cat /dev/zero > big", "yes words of a log"], ids=["a file", "its log"])
def test_a_step_that_fills_the_disk_fails_and_gives_the_room_back(project, small_disk, shell):
    steps = "steps:\n  fill:\n    kind: command\n    shell: {}; echo x > out\n    outputs: [out]\n  after:\n"
    steps += "    kind: command\n    shell: cat out > after\n    inputs: [out]\n    outputs: [after]\n"
    made = project("pass", steps.format(shell))
    full = type(made)(small_disk / "project")
    made.root.rename(tmp := small_disk.parent / "made")
    subprocess.run(["cp", "-r", str(tmp), str(full.root)], check=True)
    answer = full.call("run")
    refused(answer, 1, "the command of fill ended with exit code 1", "No space left on device")
    assert os.statvfs(small_disk).f_bavail * 4096 > 10_000_000
    full.edit("pipeline.yaml", f"shell: {shell};", "shell: echo x;")
    assert full.call("run").code == 0
    assert full.call("verify").code == 0


def test_a_notebook_that_takes_too_much_memory_names_its_cell(project):
    pytest.importorskip("ipykernel")
    pytest.importorskip("nbclient")
    step = """\
steps:
  report:
    kind: notebook
    notebook: report.ipynb
    executed: out.ipynb
    resources: {memory: 300MiB}
"""
    cells = notebook("print('begin')", "held = [bytearray(b'x') * 2**24 for _ in range(10**6)]", "print('later')")
    project = project("pass", step, **{"report.ipynb": cells})
    said = refused(
        project.call("run"), 1, "error[out-of-memory]: step report needed more than 300 MiB of memory and was ended"
    )
    assert "cell 2 of report.ipynb ended its kernel by signal 9" in said
    assert "--> report.ipynb:" in said
    assert "the notebook up to there: .mlops/logs/report.ipynb" in said
    assert "begin" in project.read(".mlops/logs/report.log")
