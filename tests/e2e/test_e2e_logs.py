"""logs: what steps have said, and what one says that runs."""

import signal
import time

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: talk
steps:
  talk:
    kind: command
    shell: |
      echo begin with $TOKEN; printf '\\033[31mred\\033[0m\\n'
      while test -e {hold}; do echo still; sleep 0.05; done
      echo end; echo x > out
    secrets: [TOKEN]
    outputs: [out]
  silent:
    kind: command
    shell: echo x > silent
    outputs: [silent]
"""


@pytest.fixture
def talk(sandbox_of, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    return sandbox_of({"pipeline.yaml": PIPELINE.format(hold=tmp_path / "hold"), ".gitignore": ".mlops/\n"})


@pytest.fixture
def following(talk):
    """Follow a step, and return the process and what it prints."""
    started = []

    def begin():
        started.append(talk.start("logs", "talk", "--follow"))
        return started[-1], started[-1].stdout

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def running(project):
    runner = project.start("run")
    until = time.monotonic() + 60
    while not (project.root / ".mlops/logs/talk.live").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    return runner


def test_the_log_of_the_last_execution_is_printed_without_secrets(talk):
    assert talk.call("run").code == 0
    answer = talk.mlops("logs", "talk")
    assert (answer.code, answer.out) == (0, "begin with ***\n\x1b[31mred\x1b[0m\nend\n")
    assert talk.call("logs", "talk", "--json").value == {
        "step": "talk",
        "lines": ["begin with ***", "\x1b[31mred\x1b[0m", "end"],
    }
    assert talk.mlops("logs", "silent").out == ""
    assert not list(talk.root.glob(".mlops/logs/*.live"))


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (("talk",), ("there is no log of talk: it was not executed here", "mlops run")),
        (("tlak",), ("tlak", 'did you mean "talk"?')),
        (("talk", "--json", "--follow"), ("--json prints one value",)),
    ],
)
def test_a_step_that_has_said_nothing_is_told_so(talk, arguments, texts):
    answer = talk.call("logs", *arguments)
    assert answer.code == 64
    for text in texts:
        assert text in answer.err


def test_a_step_that_runs_is_followed_to_its_end(talk, following, tmp_path):
    (tmp_path / "hold").touch()
    runner = running(talk)
    assert talk.mlops("logs", "talk").out.startswith("begin with ***\n"), "without --follow, as far as it is"
    process, said = following()
    assert said.readline() == b"begin with ***\n"
    (tmp_path / "hold").unlink()
    assert said.read().endswith(b"still\nend\n")
    assert process.wait(timeout=30) == 0
    runner.communicate(timeout=60)
    assert runner.returncode == 0
    assert talk.mlops("logs", "talk", "--follow").out.endswith("still\nend\n")


def test_following_ends_with_a_runner_that_is_killed_and_its_last_words_can_be_read(talk, following, tmp_path):
    assert talk.call("run").code == 0
    talk.edit("pipeline.yaml", "echo begin", "echo again")
    (tmp_path / "hold").touch()
    runner = running(talk)
    process, said = following()
    assert said.readline() == b"again with ***\n"
    runner.kill()
    runner.communicate(timeout=30)
    assert b"end" not in said.read()
    assert process.wait(timeout=30) == 0
    assert talk.mlops("logs", "talk").out.startswith("again with ***\n")
    (tmp_path / "hold").unlink()
    assert talk.call("run").code == 0
    assert talk.mlops("logs", "talk").out == "again with ***\n\x1b[31mred\x1b[0m\nend\n"


def test_following_can_be_interrupted(talk, following, tmp_path):
    (tmp_path / "hold").touch()
    runner = running(talk)
    process, said = following()
    said.readline()
    process.send_signal(signal.SIGINT)
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 130
    (tmp_path / "hold").unlink()
    runner.communicate(timeout=60)
    assert runner.returncode == 0
