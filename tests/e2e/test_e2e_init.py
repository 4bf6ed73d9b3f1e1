"""From a table to a model that passed its gates: init, run and verify, and a refreshed file."""

import random
from dataclasses import replace

import pytest

from mlops_runner.cli.main import cli


def rows(seed: int, count: int) -> str:
    draw = random.Random(seed)
    lines = ["customer;signed_up;plan;minutes;score;churned"]
    for i in range(count):
        plan, minutes = draw.choice(["basic", "plus", "pro"]), draw.gauss(200, 60)
        score = draw.gauss(0, 1) + (plan == "basic") - minutes / 100
        day, month, year = i % 28 + 1, i // 28 % 12 + 1, 2020 + i // 336
        minutes_text = "?" if draw.random() < 0.03 else f"{minutes:.1f}".replace(".", ",")
        label = "" if draw.random() < 0.02 else ("yes" if draw.gauss(score, 1) > -2 else "no")
        noise = f"{draw.gauss(0, 1):.3f}".replace(".", ",")
        lines.append(f"C{i % (count // 3):05d};{day:02d}.{month:02d}.{year};{plan};{minutes_text};{noise};{label}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def project(fresh, tmp_path):
    (tmp_path / "churn/data").mkdir(parents=True)
    project = replace(fresh, root=tmp_path / "churn")
    project.write("data/churn.csv", rows(1, 1500))
    return project


def test_a_table_becomes_a_pipeline_that_passes_its_gates(project):
    answer = project.mlops("init", "--from", "data/churn.csv", "--target", "churned")
    assert answer.code == 0, answer.err
    assert project.mlops("validate").code == 0
    answer = project.mlops("run")
    assert answer.code == 0, answer.err + answer.out
    assert project.mlops("verify").code == 0
    assert project.to_do() == {}


def test_a_refreshed_file_of_the_same_kind_passes_the_checks(project):
    project.mlops("init", "--from", "data/churn.csv", "--target", "churned")
    project.write("data/churn.csv", rows(2, 1700))
    answer = project.mlops("run")
    assert answer.code == 0, answer.err + answer.out


def test_init_lists_its_options():
    command = cli.get_command(None, "init")
    assert {"--from", "--target", "--time", "--group", "--id", "--positive", "--task", "--copy"} <= {
        option for parameter in command.params for option in parameter.opts
    }
