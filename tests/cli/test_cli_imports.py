"""What a command imports: the price of starting it."""

import subprocess
import sys

import pytest

HEAVY = ["numpy", "polars", "sklearn", "scipy", "xgboost", "skops", "dvc", "matplotlib", "jinja2", "jsonschema"]
DOCUMENTS = ["pydantic", "pydantic_core", "yaml"]

PROGRAM = """
import sys
from mlops_runner.cli.main import run
code = run(sys.argv[2:])
print("imported", *sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1].split(","))))
sys.exit(code)
"""


def imported(sandbox, names, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(names), *arguments], cwd=sandbox.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(fresh, arguments):
    assert imported(fresh, HEAVY + DOCUMENTS, *arguments) == []


@pytest.mark.parametrize("command", ["plan", "graph", "why data"])
def test_planning_imports_no_library_for_training(fresh, command):
    assert imported(fresh, HEAVY, *command.split()) == []


@pytest.mark.parametrize("arguments", [["plan"], ["plan", "--json"], ["gate"], ["verify"], ["run"], ["why", "data"]])
def test_documents_are_not_parsed_again_after_a_run(built, arguments):
    assert imported(built, HEAVY + DOCUMENTS, *arguments) == []
