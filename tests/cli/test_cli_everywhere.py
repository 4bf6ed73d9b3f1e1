"""One command for several pipelines: which are left out after a failure, and the exit code of the whole."""

import functools
import itertools
from dataclasses import dataclass

import pytest

from mlops_runner.cli.console import Settings
from mlops_runner.cli.everywhere import SEVERITY, Answer, for_each, waits
from mlops_runner.errors import Diagnostic, StepFailed


@dataclass(frozen=True)
class Below:
    """A pipeline that reads from others."""

    reads: tuple[str, ...] = ()

    def reads_from(self):
        return frozenset(self.reads)


def ended(codes, capsys, stops=None):
    """Do a command that ends with these codes (by folder, `.` reads from `a`); return its code and what was done."""
    done = []

    def command(folder, _):
        done.append(folder)
        if codes[folder] == 1:
            raise StepFailed(Diagnostic("step-crashed", "no"))
        return Answer(codes[folder], lambda: None, lambda: folder, "fine")

    projects = {folder: Below(("a",) if folder == "." else ()) for folder in codes}
    left_out = (lambda *_: "") if stops is None else functools.partial(waits, stops=stops)
    code = for_each(Settings(), command, projects, left_out)
    return code, done, capsys.readouterr().out


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations([c for c in SEVERITY if c != 1], 2)))
def test_of_two_exit_codes_the_graver_one_counts_in_any_order(worse, better, capsys):
    assert ended({"a": worse, "b": better}, capsys)[0] == worse
    assert ended({"a": better, "b": worse}, capsys)[0] == worse


def test_a_gate_that_refuses_ends_nothing(capsys):
    assert ended({"a": 3, "b": 0, ".": 0}, capsys, stops=True)[:2] == (3, ["a", "b", "."])


def test_a_failure_ends_what_reads_from_there_or_everything(capsys):
    code, done, out = ended({"a": 1, "b": 0, ".": 0}, capsys, stops=False)
    assert (code, done, "not done: reads what a writes, which failed" in out) == (1, ["a", "b"], True)
    assert ended({"b": 1, "a": 0, ".": 0}, capsys, stops=False)[:2] == (1, ["b", "a", "."])
    code, done, out = ended({"a": 1, "b": 0, ".": 0}, capsys, stops=True)
    assert (code, done, out.count("not done: a failed")) == (1, ["a"], 2)


def test_what_only_looks_looks_at_all(capsys):
    assert ended({"a": 65, "b": 1, ".": 4}, capsys)[:2] == (65, ["a", "b", "."])
