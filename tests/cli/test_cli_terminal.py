"""What a person at a terminal sees, and that nobody else does."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest


def at_a_terminal(sandbox, *arguments, size=(24, 80), **variables):
    """Run with stderr on a pseudo-terminal and return exit code and what it showed. size: rows and columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_runner", *arguments],
        cwd=sandbox.root, env={**clean, **variables}, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    return process.wait(timeout=60), shown.decode()


@pytest.mark.parametrize(("variables", "moves"), [({}, True), ({"CI": "true"}, False)])
def test_a_line_moves_for_a_person_and_not_in_ci(built, variables, moves):
    built.edit("pipeline.yaml", "name: shop", "name: corner-shop")
    code, shown = at_a_terminal(built, "run", "--no-report", **variables)
    assert code == 0
    assert ("package 6/6" in shown) == moves
    assert ("\x1b[J" in shown) == moves


TALK = """\
apiVersion: mlops/v1
kind: Pipeline
name: talk
steps:
  talk:
    kind: command
    matrix: {axes: {who: [a, b, c]}}
    shell: |
      for n in 1 2 3 4; do printf "{who} says $n \\033[2J\\033[31m$TOKEN\\033[0m %060d\\n" 0; sleep 0.3; done
      echo x > out-{who}
    secrets: [TOKEN]
    outputs: ["out-{who}"]
"""
MOVES = re.compile(r"\x1b\[(\d+A|K|J)")


@pytest.fixture
def talk(sandbox_of):
    return sandbox_of({"pipeline.yaml": TALK, ".gitignore": ".mlops/\n"})


def lines_of(shown):
    """Return what stood in a line at some time, without what moves the terminal."""
    return MOVES.sub("", shown).replace("\r", "\n").splitlines()


def test_what_runs_and_what_it_says_is_drawn_in_place(talk):
    code, shown = at_a_terminal(talk, "run", "--jobs", "3", TOKEN="hunter2-hunter2")
    assert code == 0
    assert "hunter2" not in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[31m" not in shown
    assert any(line.startswith("\x1b[2m      a says 3 *** 000") for line in lines_of(shown))
    assert re.search(r"talk@b 2/3  \d s", shown)
    assert re.search(r"\x1b\[\d+A", shown), "several lines"
    assert sorted(line[:12] for line in lines_of(shown) if "✓" in line) == [
        "  ✓ talk@a  ",
        "  ✓ talk@b  ",
        "  ✓ talk@c  ",
    ]
    again = at_a_terminal(talk, "run", "--force", "--jobs", "3", TOKEN="hunter2-hunter2")[1]
    assert re.search(r"talk@c 3/3  \d s \(last time 1\.\d s\)", again)


def test_a_small_terminal_gets_what_it_has_room_for(talk):
    shown = at_a_terminal(talk, "run", "--jobs", "3", size=(3, 20), NO_COLOR="1", TOKEN="hunter2-hunter2")[1]
    drawn = [line for line in lines_of(shown) if "✓" not in line]
    assert max(map(len, drawn)) < 20
    assert "    and 2 more" in drawn
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [((), {"TERM": "dumb"}), ((), {"CI": "true"}), (("--quiet",), {}), (("--json",), {})],
)
def test_nothing_is_drawn_where_nothing_can_be_or_should_be(talk, arguments, variables):
    code, shown = at_a_terminal(talk, "run", "--jobs", "3", *arguments, TOKEN="hunter2-hunter2", **variables)
    assert code == 0
    assert not MOVES.search(shown)
    assert shown.count("✓") == (0 if arguments else 3)


def test_what_is_drawn_is_gone_when_a_step_fails(talk):
    talk.edit("pipeline.yaml", "echo x > out-{who}", "exit 3")
    code, shown = at_a_terminal(talk, "run", "--jobs", "1", TOKEN="hunter2-hunter2")
    assert code == 1
    assert "talk@a 1/3" not in shown[shown.rindex("\x1b[J") :]
    assert "error[step-crashed]" in MOVES.sub("", shown).replace("\x1b[31m\x1b[1m", "")


def test_no_color_is_respected_at_a_terminal(built):
    assert "\x1b" in at_a_terminal(built, "plna")[1]
    assert "\x1b" not in at_a_terminal(built, "plna", NO_COLOR="1")[1]
    assert "\x1b" not in at_a_terminal(built, "--no-color", "plan", "--base", "nosuch")[1]
    assert "\x1b" not in at_a_terminal(built, "plan", "--base", "nosuch", "--no-color")[1]
