"""What a person at a terminal sees, and that nobody else does."""

import os
import pty
import subprocess
import sys

import pytest


def at_a_terminal(sandbox, *arguments, **variables):
    """Run with stderr on a pseudo-terminal and return exit code and what it showed."""
    master, slave = pty.openpty()
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
    assert ("\x1b[2K" in shown) == moves


def test_no_color_is_respected_at_a_terminal(built):
    assert "\x1b" in at_a_terminal(built, "plna")[1]
    assert "\x1b" not in at_a_terminal(built, "plna", NO_COLOR="1")[1]
    assert "\x1b" not in at_a_terminal(built, "--no-color", "plan", "--base", "nosuch")[1]
    assert "\x1b" not in at_a_terminal(built, "plan", "--base", "nosuch", "--no-color")[1]
