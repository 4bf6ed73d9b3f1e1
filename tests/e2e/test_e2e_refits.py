"""Gates of stability and learning curves in a real pipeline: steps of their own, for what needs them and no more."""

import json

import pytest

GATES = """\
  steady:
    kind: stability
    metric: roc_auc
    over: seeds
    count: 3
    max_spread: 0.5
  settled:
    kind: stability
    metric: accuracy
    over: folds
    max_spread: 0.5
learning_curve: {shares: [0.3, 0.6]}
"""


@pytest.fixture
def declared(fresh):
    fresh.write("specs/evaluation.yaml", fresh.read("specs/evaluation.yaml") + GATES)
    fresh.edit("specs/data.yaml", "stratify: bought}", "stratify: bought}\nfolds: {count: 3, seed: 5}")
    fresh.edit("specs/training.yaml", "    rounds: 5\n", "    rounds: 5\n    early_stopping_rounds: 2\n")
    fresh.edit("specs/training.yaml", "      max_depth: 2\n", "      max_depth: 2\n      subsample: 0.5\n")
    return fresh


@pytest.fixture
def refitted(declared):
    answer = declared.call("run", "--no-report")
    assert answer.code == 0, answer.err
    return declared


def winner(project):
    return json.loads(project.read("artifacts/selection/winner.json"))["winner"]


def test_the_winner_and_no_other_candidate_is_trained_again(refitted):
    evidence = json.loads(refitted.read("artifacts/evaluation/evaluation.json"))
    assert evidence["winner"] == winner(refitted)
    fits = {
        name: json.loads(refitted.read(f"artifacts/refits/{name}/refits.json"))["fits"]
        for name in ("logistic", "boosted")
    }
    assert sorted(len(found) for found in fits.values()) == [0, 2 + 3 + 2]
    assert [point["share"] for point in evidence["learning_curve"]] == [0.3, 0.6, 1.0]
    assert evidence["learning_curve"][-1]["validation"] == evidence["metrics"][winner(refitted)]["validation"]
    gates = {gate["name"]: gate for gate in evidence["gates"]}
    assert gates["steady"]["answer"] == "pass"
    assert [one["at"] for one in gates["settled"]["details"]] == [0, 1, 2]
    report = refitted.call("report", "--format", "text")
    assert "Learning curve" in report.out
    assert "Stability" in report.out


def test_the_plan_says_how_many_fits_there_will_be(declared):
    space = "    search: {method: random, trials: 4, space: {C: {min: 0.1, max: 9.0}}}\n"
    declared.edit(
        "specs/training.yaml", "    params: {C: 1.0, max_iter: 200}\n", f"    params: {{max_iter: 200}}\n{space}"
    )
    lines = {line.split()[1]: line for line in declared.call("plan").out.splitlines() if line.startswith("  +")}
    assert lines["refit.logistic"].endswith("refit.logistic   7 fits if it wins")
    assert lines["refit.boosted"].endswith("refit.boosted   7 fits if it wins")
    assert lines["search.logistic"].endswith("search.logistic   at most 12 fits")
    assert lines["train.boosted"].endswith("train.boosted")
    steps = {step["name"]: step for step in declared.call("plan", "--json").value["steps"]}
    assert (steps["refit.boosted"]["fits"], steps["search.logistic"]["fits"]) == (7, 12)
    assert "fits" not in steps["train.boosted"]


def test_what_is_done_has_no_fits_before_it(refitted):
    assert "fits" not in refitted.call("plan").out
    assert "from the cache" not in refitted.call("plan").out


def test_another_limit_metric_or_side_needs_no_refit(refitted):
    refitted.edit(
        "specs/evaluation.yaml",
        "    metric: roc_auc\n    over: seeds\n",
        "    metric: accuracy\n    over: seeds\n    split: validation\n",
    )
    assert refitted.to_do() == {"evaluate": "rerun", "package": "unknown"}


def test_refits_repeat_bit_for_bit(refitted):
    before = refitted.read("pipeline.lock")
    assert refitted.call("run", "--no-report", "--force").code == 0
    assert refitted.read("pipeline.lock") == before


def test_without_such_a_gate_there_are_no_such_steps(built):
    assert not {"select", "refit.logistic", "refit.boosted"} & set(built.actions())


FRAGILE = '''

def fragile(x, y, *, seed):
    """Answer with the share of buyers; the third fit kills its process, once."""
    import os
    from pathlib import Path

    calls = Path({sign!r})
    count = len(calls.read_text()) if calls.exists() else 0
    calls.write_text("." * (count + 1))
    if count == 3:
        os._exit(9)
    return DummyClassifier(strategy="prior", random_state=seed).fit(x.to_numpy(), y)
'''


def test_refits_go_on_where_they_were_stopped(fresh, tmp_path):
    sign = tmp_path / "calls"
    fresh.write("callables/rule.py", fresh.read("callables/rule.py") + FRAGILE.format(sign=str(sign)))
    training = fresh.read("specs/training.yaml")
    start, end = training.index("  logistic:"), training.index("select:")
    candidate = "  fragile:\n    trainer: python\n    callable: callables.rule:fragile\n"
    fresh.write("specs/training.yaml", training[:start] + candidate + training[end:])
    fresh.write(
        "specs/evaluation.yaml", fresh.read("specs/evaluation.yaml") + "learning_curve: {shares: [0.3, 0.4, 0.5]}\n"
    )
    assert fresh.call("run", "--no-report").code == 1
    assert len(sign.read_text()) == 1 + 3  # its own fit, two shares, and the one that died
    assert fresh.call("run", "--no-report").code == 0
    assert len(sign.read_text()) == 4 + 1
    assert not list((fresh.root / ".mlops/searches").iterdir())


def test_a_fit_that_fails_is_told_and_the_run_goes_on(fresh):
    fresh.write(
        "specs/evaluation.yaml", fresh.read("specs/evaluation.yaml") + "learning_curve: {shares: [0.01, 0.5]}\n"
    )
    answer = fresh.call("run", "--no-report")
    assert answer.code == 0, answer.err
    points = json.loads(fresh.read("artifacts/evaluation/evaluation.json"))["learning_curve"]
    assert [point["rows"] for point in points] == [1, 50, 100]
    assert "problem" in points[0]
    assert "1 %: " in fresh.call("report", "--format", "text").out
