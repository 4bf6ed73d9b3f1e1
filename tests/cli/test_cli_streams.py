"""What happens when the reader is gone: a closed pipe, a closed or a full stream. Real processes."""

import subprocess
import sys

import pytest

MLOPS = f"{sys.executable} -m mlops_runner"


def shell(sandbox, line):
    done = subprocess.run(["bash", "-c", line], cwd=sandbox.root, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", ["plan", "--version", "--help", "plan --json", "verify"])
def test_closed_stdout_is_no_bug(built, command):
    code, _, err = shell(built, f"{MLOPS} {command} >&-")
    assert code == 0, err
    assert "bug" not in err


@pytest.mark.parametrize("command", ["plan", "--help", "--version", "graph", "plan --json"])
def test_full_stdout_is_an_error_that_says_so(built, command):
    code, _, err = shell(built, f"{MLOPS} {command} >/dev/full")
    assert code == 1
    assert "No space left on device" in err


def test_closed_pipe_ends_quietly(built):
    _, out, err = shell(built, f"set -o pipefail; {MLOPS} schema Training | head -c 1; echo ${{PIPESTATUS[0]}}")
    assert out.splitlines()[-1].lstrip("{") in {"0", "1"}
    assert err == ""


@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("command", "expected"), [("plna", 64), ("plan --base nosuch", 64), ("-C / plan", 65)])
def test_exit_code_stands_when_nobody_reads_the_message(built, redirect, command, expected):
    assert shell(built, f"{MLOPS} {command} {redirect}")[0] == expected


@pytest.mark.parametrize("redirect", ["2>&-", ">&- 2>&-", "2>/dev/full", "<&-"])
def test_a_run_does_its_work_whoever_listens(built, redirect):
    (built.root / "artifacts/model/bundle.json").unlink()
    code, _, _ = shell(built, f"{MLOPS} run {redirect}")
    assert code == 0
    assert (built.root / "artifacts/model/bundle.json").exists()


def test_people_read_stderr_and_programs_read_stdout(built):
    answer = built.mlops("run", "--json")
    assert answer.value["passed"] is True
    assert answer.err == ""
    assert built.mlops("verify").out == ""
    assert built.mlops("plan").err == ""
