"""What `plan` says, and that saying it changes nothing."""

import os
import subprocess

import pytest


def test_after_a_run_there_is_nothing_to_do(built):
    assert built.to_do() == {}
    assert built.call("plan", "--detailed-exitcode").code == 0
    assert "nothing to do" in built.call("plan").out


def test_before_the_first_run_everything_is_new(fresh):
    assert set(fresh.to_do().values()) == {"add"}
    assert fresh.call("plan", "--detailed-exitcode").code == 2


@pytest.mark.parametrize("command", ["plan", "plan --json", "why data", "graph", "gate", "verify", "validate", "diff"])
@pytest.mark.parametrize("warm", [True, False])
def test_looking_writes_nothing(built, command, warm):
    if not warm:
        (built.root / ".mlops/compiled.json").unlink()
        (built.root / ".mlops/stats.json").unlink()
        built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    before = built.listing()
    built.call(*command.split())
    assert built.listing() == before


def test_looking_works_where_nothing_can_be_written(built):
    with ReadOnly(built.root):
        for command in ("plan", "why data", "gate", "verify", "validate", "diff", "doctor"):
            assert built.call(*command.split()).code == (command == "doctor"), command
        answer = built.mlops("run")
        assert answer.code == 1
        assert "read-only" in answer.err


COSMETIC = {
    "comment": ("specs/training.yaml", "task: binary", "# what a visit comes to\ntask: binary   # yes or no"),
    "description": ("specs/data.yaml", "kind: Data", "kind: Data\ndescription: Visits of one week."),
    "flow style": ("specs/training.yaml", "    params:\n      max_depth: 2", "    params: {max_depth: 2}"),
    "order of keys": ("specs/training.yaml", 'task: binary\npositive: "yes"', 'positive: "yes"\ntask: binary'),
    "callable": (
        "callables/rule.py",
        "    return DummyClassifier(strategy=strategy, random_state=seed)",
        "    # what else\n    return DummyClassifier(\n        strategy=strategy,\n        random_state=seed,\n    )",
    ),
    "docstring": ("callables/rule.py", "Answer with the share of buyers.", "Say it otherwise."),
    "gate's limit": ("specs/evaluation.yaml", "    kind: absolute\n", "    # enough\n    kind: absolute\n"),
}


@pytest.mark.parametrize("what", COSMETIC)
def test_what_means_the_same_runs_nothing(built, what):
    built.edit(*COSMETIC[what])
    assert built.to_do() == {}


def test_a_renamed_candidate_is_not_trained_again(built):
    built.edit("specs/training.yaml", "  boosted:\n", "  trees:\n")
    assert built.actions()["train.trees"] == "rename"
    assert built.call("run").code == 0
    assert "train.trees" not in built.executed()
    assert (built.root / "artifacts/candidates/trees/model.ubj").exists()
    assert not (built.root / "artifacts/candidates/boosted/model.ubj").exists()
    assert not (built.root / "artifacts/candidates/boosted.dvc").exists()
    assert built.to_do() == {}


def test_a_changed_value_is_named_old_new_and_where(built):
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert "max_depth 2 → 3   specs/training.yaml:23:18" in built.call("plan").out
    step = next(s for s in built.call("plan", "--json").value["steps"] if s["name"] == "train.boosted")
    assert step["action"] == "rerun"
    assert [(r["old"], r["new"], r["place"]) for r in step["reasons"]] == [(2, 3, "specs/training.yaml:23:18")]
    assert built.to_do() == {"train.boosted": "rerun", "evaluate": "unknown", "package": "unknown"}


def test_a_changed_function_is_named_with_its_file(built):
    built.edit("callables/rule.py", "random_state=seed", "random_state=seed + 1")
    assert "callables/rule.py" in built.call("plan").out
    assert built.to_do()["train.baseline"] == "rerun"


def test_a_changed_table_is_named(built):
    built.edit("data/visits.csv", "minutes,device,bought\n", "minutes,device,bought\n1.5,desk,no\n")
    assert "data/visits.csv" in built.call("plan").out
    assert built.to_do()["data"] == "rerun"


def test_an_absent_table_counts_as_the_locked_one_and_is_marked(built):
    (built.root / "data/visits.csv").unlink()
    assert built.to_do() == {}
    data = built.call("plan", "--json").value["steps"][0]
    assert data["counted_as_locked"] == ["data/visits.csv"]
    assert built.call("run").code == 0
    assert built.executed().count("data") == 1


def test_an_absent_table_that_must_be_read_again_is_said_to_be_missing(built):
    (built.root / "data/visits.csv").unlink()
    built.edit("specs/data.yaml", "seed: 3", "seed: 4")
    answer = built.call("run")
    assert answer.code == 65
    assert "data/visits.csv is not there" in answer.err
    assert "dvc pull data/visits.csv" in answer.err


def test_base_compares_with_another_revision(built):
    assert built.to_do("--base", "HEAD") == {}
    assert set(built.to_do("--base", "HEAD~1").values()) == {"add"}
    assert built.call("plan", "--base", "HEAD~1", "--detailed-exitcode").code == 2


def test_plan_needs_no_git_no_data_and_no_cache(fresh, tmp_path):
    import shutil

    for name in (".git", "data"):
        shutil.rmtree(fresh.root / name)
    answer = fresh.call("plan")
    assert answer.code == 0
    assert "data/visits.csv" in answer.out


def test_run_refuses_a_plan_that_is_not_the_plan_any_more(built):
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("plan", "--out", str(built.root / "plan.json")).code == 0
    built.edit("specs/training.yaml", "max_depth: 3", "max_depth: 4")
    before, lock = built.executed(), built.read("pipeline.lock")
    answer = built.call("run", "--plan", str(built.root / "plan.json"))
    assert answer.code == 5
    assert "mlops plan" in answer.err
    assert (built.executed(), built.read("pipeline.lock")) == (before, lock)


def test_run_accepts_the_plan_that_was_reviewed(built):
    built.call("plan", "--out", str(built.root / "plan.json"))
    assert built.call("run", "--plan", str(built.root / "plan.json")).code == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_digest": 5}', "\x00", '"p1:"'])
def test_a_file_that_is_no_plan_is_refused(built, text):
    built.write("plan.json", text)
    assert built.call("run", "--plan", str(built.root / "plan.json")).code in {5, 65}


class ReadOnly:
    """A folder as a read-only file system."""

    def __init__(self, folder):
        self.folder = str(folder)
        if os.geteuid() != 0:
            pytest.skip("needs root")

    def __enter__(self):
        if subprocess.run(["mount", "--bind", self.folder, self.folder], capture_output=True).returncode:
            pytest.skip("cannot mount here")
        subprocess.run(["mount", "-o", "remount,bind,ro", self.folder], check=True)

    def __exit__(self, *_):
        subprocess.run(["umount", self.folder], check=True)
