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


def with_trainer(project, declared, code=""):
    """Let the searched candidate have another trainer, and parameters named depth and rate."""
    project.write("callables/rule.py", project.read("callables/rule.py") + code)
    project.write("specs/training.yaml", project.read("specs/training.yaml").replace(
        "  boosted:\n    trainer: xgboost\n    rounds: 5\n    params:\n      max_depth: 2\n", f"  boosted:\n{declared}"
    ).replace("max_depth:", "depth:").replace("learning_rate:", "rate:"))  # fmt: skip


def python(name, *more):
    return "".join(f"    {line}\n" for line in ("trainer: python", f"callable: callables.rule:{name}", *more))


BAD = '''

def bad(x, y, *, seed, depth, rate):
    """End, hang, fill the memory or raise, by depth."""
    import os
    import time

    if depth == 1:
        os._exit(3)
    if depth == 2:
        time.sleep(60)
    if depth == 3:
        x = np.ones((40_000, 40_000)) @ np.ones((40_000, 1))
    if depth == 4:
        raise RuntimeError("no luck")
    with open("own", "x") as file:
        file.write(str(depth))
    return DummyClassifier(strategy="prior", random_state=seed).fit(x.to_numpy(), y)
'''


def test_a_trial_that_crashes_hangs_or_is_too_big_fails_with_its_reason_and_the_search_goes_on(searched):
    with_trainer(searched, python("bad", "timeout: 2s", "memory: 1GiB"), "\nimport numpy as np\n" + BAD)
    searched.edit("specs/training.yaml", "        rate: {min: 0.05, max: 0.5, log: true}\n      trials: 12", GRID)
    found = {}
    for jobs in ("1", "3"):
        answer = searched.mlops("run", "--no-report", "--force", "-j", jobs)
        assert answer.code == 0, answer.err
        found[jobs] = trials(searched)
    assert found["1"] == found["3"]
    reasons = [trial.get("reason", trial["state"]) for trial in found["1"]["trials"]]
    assert reasons[0] == "callables.rule:bad ended with exit code 3"
    assert reasons[1] == "callables.rule:bad took longer than its timeout of 2 s and was ended"
    assert reasons[2].startswith("callables.rule:bad ran out of memory within its 1024 MiB")
    assert "no luck" in reasons[3]
    assert reasons[4:] == ["complete", "complete"]
    assert searched.read("pipeline.lock").count("repro: none") == 1


GRID = """\
        rate: {values: [0.1]}
      method: grid
      max_failed: 1.0
      trials: 12\
"""


def test_a_search_whose_trials_keep_failing_is_stopped_with_one_message(searched):
    with_trainer(searched, python("kill"), KILLER)
    answer = searched.mlops("run", "--no-report", "-j", "2")
    assert answer.code == 1
    assert "8 of 8 trials failed, first with depth" in answer.err
    assert "callables.rule:kill ended with exit code 3" in answer.err
    assert "specs/training.yaml" in answer.err
    assert "Traceback" not in answer.err


KILLER = '''

def kill(x, y, *, seed, depth, rate):
    """End the process."""
    import os

    os._exit(3)
'''


def test_a_command_is_searched_with_the_parameters_it_is_told(searched):
    searched.write("fit.py", FIT)
    declared = "    trainer: command\n    command: [python, fit.py]\n    files: [fit.py]\n"
    with_trainer(searched, declared)
    searched.edit("specs/training.yaml", "trials: 12", "trials: 2\n      measured_on: validation")
    searched.edit("specs/training.yaml", "      pruning: median\n", "")
    answer = searched.mlops("run", "--no-report", "-j", "2")
    assert answer.code == 0, answer.err
    assert len({trial["value"] for trial in trials(searched)["trials"]}) == 2
    searched.write("fit.py", FIT + "# other code\n")
    assert "search.boosted" in searched.to_do()


FIT = """
import json
import pathlib

import polars
import xgboost

told = json.loads(pathlib.Path("params.json").read_text())
assert not pathlib.Path("out/model.ubj").exists()
table = polars.read_parquet("train.parquet")
rows = xgboost.DMatrix(table[told["columns"]].to_numpy(), table[told["target"]].to_numpy())
given = {"max_depth": told["params"]["depth"], "eta": told["params"]["rate"], "seed": told["seed"], "nthread": 1}
booster = xgboost.train({"objective": "binary:logistic", **given}, rows, 3)
booster.save_model("out/model.ubj")
"""
