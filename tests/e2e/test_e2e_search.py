"""A search in a real pipeline: the same trials with any number of workers, after a kill, and once more in verify."""

import json
import os
import signal
import time

import pytest

SEARCH = """\
    search:
      space:
        max_depth: {min: 1, max: 6}
        learning_rate: {min: 0.05, max: 0.5, log: true}
      trials: 12
      batch: 4
      pruning: median
"""


@pytest.fixture
def searched(fresh):
    """A project whose booster is searched over the folds of its data."""
    fresh.edit("specs/training.yaml", "      max_depth: 2\n", "      max_depth: 2\n" + SEARCH)
    fresh.edit("specs/data.yaml", "stratify: bought}", "stratify: bought}\nfolds: {count: 3, seed: 5}")
    return fresh


def trials(project):
    return json.loads(project.read("artifacts/searches/boosted/trials.json"))


def test_the_best_parameters_are_found_the_same_way_by_any_number_of_workers(searched):
    answer = searched.mlops("run", "--no-report", "-j", "1")
    assert answer.code == 0, answer.err
    alone, lock = trials(searched), searched.read("pipeline.lock")
    assert searched.mlops("run", "--no-report", "--force", "-j", "3").code == 0
    assert trials(searched) == alone
    assert searched.read("pipeline.lock") == lock
    best = next(trial for trial in alone["trials"] if trial["number"] == alone["best"])
    trained = json.loads(searched.read("artifacts/candidates/boosted/candidate.json"))["params"]
    assert {name: trained[name] for name in best["params"]} == best["params"]
    assert searched.mlops("verify", "--rerun", "1").code == 0


def test_a_search_that_was_killed_goes_on(searched, tmp_path):
    slow = searched.read("callables/rule.py") + SLOW.format(sign=tmp_path)
    searched.write("callables/rule.py", slow)
    searched.write("specs/training.yaml", searched.read("specs/training.yaml").replace(
        "  boosted:\n    trainer: xgboost\n    rounds: 5\n    params:\n      max_depth: 2\n",
        "  boosted:\n    trainer: python\n    callable: callables.rule:slow\n    params: {strategy: prior}\n",
    ).replace("max_depth:", "depth:").replace("learning_rate:", "rate:"))  # fmt: skip
    process = searched.start("run", "--no-report", "-j", "1")
    deadline = time.monotonic() + 60
    while len(calls(tmp_path)) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = len(calls(tmp_path))
    answer = searched.mlops("run", "--no-report", "-j", "1")
    assert answer.code == 0, answer.err
    assert before + len(calls(tmp_path)[before:]) < 2 * 12 * 3
    assert len(trials(searched)["trials"]) == 12
    assert not list((searched.root / ".mlops" / "searches").iterdir())


SLOW = '''

def slow(x, y, *, seed, strategy, depth, rate):
    """Take a while, and write down that it was called."""
    import time

    with open("{sign}/calls", "a") as file:
        file.write(f"{{depth}} {{rate}}\\n")
    time.sleep(0.05)
    return DummyClassifier(strategy=strategy, random_state=seed).fit(x.to_numpy(), y)
'''


def calls(folder):
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_depth: {min: 1, max: 6}", "max_dept: {min: 1, max: 6}", 'xgboost has no param "max_dept"'),
        (
            "learning_rate: {min: 0.05, max: 0.5, log: true}",
            "objective: {values: ['reg:squarederror']}",
            "does not suit",
        ),
    ],
)
def test_a_space_with_wrong_names_is_refused_before_any_trial(searched, old, new, said):
    searched.edit("specs/training.yaml", old, new)
    answer = searched.mlops("run", "--no-report")
    assert answer.code == 65
    assert said in answer.err
    assert "specs/training.yaml" in answer.err


def test_folds_that_are_not_declared_are_asked_for_by_plan(searched):
    searched.edit("specs/data.yaml", "folds: {count: 3, seed: 5}", "")
    answer = searched.call("plan")
    assert answer.code == 65
    assert "declares none" in answer.err
    assert "specs/training.yaml:" in answer.err


def test_a_trial_that_kills_its_worker_is_told_apart_from_the_search(searched):
    searched.write("callables/rule.py", searched.read("callables/rule.py") + KILLER)
    searched.write("specs/training.yaml", searched.read("specs/training.yaml").replace(
        "  boosted:\n    trainer: xgboost\n    rounds: 5\n    params:\n      max_depth: 2\n",
        "  boosted:\n    trainer: python\n    callable: callables.rule:kill\n",
    ).replace("max_depth:", "depth:").replace("learning_rate:", "rate:"))  # fmt: skip
    answer = searched.mlops("run", "--no-report", "-j", "2")
    assert answer.code == 1
    assert "a worker died while it tried one of the trials 0 to 3" in answer.err
    assert "Traceback" not in answer.err


KILLER = '''

def kill(x, y, *, seed, depth, rate):
    """End the process."""
    import os

    os._exit(3)
'''
