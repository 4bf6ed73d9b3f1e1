"""Words that are not known, files that are not there, and where the answers go."""

import pytest

from mlops_runner.cli.main import COMMANDS

LOCK_COMMANDS = ("lock resolve", "lock accept", "lock prune")


@pytest.mark.parametrize("command", [*COMMANDS, *LOCK_COMMANDS])
def test_help_shows_examples_and_exits_0(fresh, command):
    answer = fresh.call(*command.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Usage: mlops ")
    assert "Example" in answer.out
    assert f"mlops {command}" in answer.out.partition("Example")[2]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("plna", 'Did you mean "plan"?'),
        ("xyzzy", "mlops --help"),
        ("plan --detailed-exitcod", "--detailed-exitcode"),
        ("plan surplus", "mlops plan --help"),
        ("why", "STEP"),
        ("why train.bosted", 'did you mean "train.boosted"?'),
        ("schema Trainin", 'did you mean "Training"?'),
        ("lock reslove", "resolve"),
        ("lock accept data", "--reason"),
        ("lock accept data --reason=", "say why"),
        ("diff HEAD", "A..B"),
        ("diff nosuch..HEAD", "git log"),
        ("plan --base nosuch", "git log"),
        ("plan --base=--help", "git log"),
        ("run --plan nosuch.json", "nosuch.json"),
        ("run --lock-timeout nan", "--lock-timeout"),
        ("run --lock-timeout -1", "--lock-timeout"),
        ("verify --rerun 0", "--rerun"),
        ("report --format pdf", "html"),
        ("validate --format xml", "github"),
        ("-C nosuch plan", "nosuch"),
    ],
)
def test_what_is_not_known_is_usage_with_a_hint(fresh, line, hint):
    answer = fresh.call(*line.split())
    assert (answer.code, answer.out) == (64, "")
    assert hint in answer.err


@pytest.mark.parametrize("line", ["", "lock"])
def test_no_command_shows_the_help_without_calling_it_an_error(fresh, line):
    answer = fresh.mlops(*line.split())
    assert (answer.code, answer.out) == (64, "")
    assert answer.err.startswith("Usage: mlops")
    assert "error[" not in answer.err


def test_version_is_printed(fresh):
    assert fresh.call("--version").out.startswith("mlops, version ")


@pytest.mark.parametrize(
    "command",
    ["plan", "run", "verify", "gate", "report", "graph", "validate", "why data", "lock resolve", "lock prune"],
)
def test_outside_a_project_the_answer_is_65_and_nothing_is_written(fresh, tmp_path, command):
    (tmp_path / "elsewhere").mkdir()
    answer = fresh.call("-C", str(tmp_path / "elsewhere"), *command.split())
    assert (answer.code, answer.out) == (65, "")
    assert "there is no pipeline.yaml here" in answer.err
    assert "mlops init" in answer.err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_global_options_may_stand_before_or_after_the_command(built):
    before = built.mlops("-C", str(built.root), "--json", "plan", cwd="/")
    after = built.mlops("plan", "--json", "-C", str(built.root), cwd="/")
    assert before.code == after.code == 0
    assert before.out == after.out


def test_colours_go_to_terminals_only(built):
    for arguments in (["plan"], ["--no-color", "plan"], ["plnn"], ["verify"]):
        answer = built.call(*arguments)
        assert "\x1b" not in answer.out + answer.err
