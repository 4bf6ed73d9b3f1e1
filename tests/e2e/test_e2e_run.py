"""Runs that need not run: what is known comes back, what was altered is kept aside, what is damaged is made again."""

import pytest


def test_everything_but_the_files_in_git_can_be_made_again_byte_for_byte(built):
    before = built.content("artifacts", ".dvc/cache")
    built.git("clean", "-qfdx")
    assert not built.objects()
    answer = built.mlops("run")
    assert answer.code == 0, answer.err
    assert built.content("artifacts", ".dvc/cache") == before
    assert built.git("status", "--porcelain") == ""


def test_a_branch_switched_back_is_restored_without_executing(built):
    before = built.content()
    built.git("checkout", "-q", "-b", "deeper")
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run").code == 0
    built.commit()
    executed = built.executed()
    assert executed[6:] == ["train.boosted", "evaluate", "package"]
    built.git("checkout", "-q", "main")
    assert built.call("run").code == 0
    assert built.executed() == executed
    assert built.content("artifacts") == {f: d for f, d in before.items() if f.startswith("artifacts")}
    assert built.git("status", "--porcelain") == ""
    built.git("checkout", "-q", "deeper")
    assert built.call("run", "--json").value["passed"]
    assert built.executed() == executed


def test_a_gate_that_fails_answers_3_and_again_3_without_running(built):
    built.edit("specs/evaluation.yaml", "min: 0.5", "min: 0.999")
    answer = built.call("run")
    assert answer.code == 3
    assert "< 0.999" in answer.out
    executed = built.executed()
    assert (built.call("run").code, built.call("gate").code) == (3, 3)
    assert built.call("gate", "--json").value["passed"] is False
    assert built.executed() == executed
    assert built.call("verify").code == 0
    built.edit("specs/evaluation.yaml", "min: 0.999", "min: 0.5")
    assert (built.call("run").code, built.call("gate").code) == (0, 0)
    assert built.executed() == executed


def test_deleted_artifacts_are_restored(built):
    before = built.content("artifacts")
    for file in before:
        if not file.endswith((".dvc", ".gitignore")):
            (built.root / file).unlink()
    answer = built.call("run", "--json")
    assert {step["how"] for step in answer.value["steps"]} == {"restored"}
    assert built.content("artifacts") == before
    assert len(built.executed()) == 6


def test_an_artifact_edited_by_hand_is_kept_aside_and_restored(built):
    before = built.content("artifacts")
    built.write("artifacts/model/bundle.json", "mine")
    assert built.call("verify").code == 4
    answer = built.call("run")
    assert answer.code == 0
    assert "your version is kept as .mlops/replaced/artifacts/model/bundle.json" in answer.err
    assert built.read(".mlops/replaced/artifacts/model/bundle.json") == "mine"
    assert built.content("artifacts") == before
    built.write("artifacts/model/bundle.json", "mine too")
    assert built.call("run").code == 0
    assert built.read(".mlops/replaced/artifacts/model/bundle.json.1") == "mine too"


@pytest.mark.parametrize("there", ["folder", "link", "dangling link"])
def test_whatever_lies_where_an_artifact_belongs_is_kept_aside(built, there):
    place = built.root / "artifacts/model/bundle.json"
    locked = place.read_bytes()
    place.unlink()
    if there == "folder":
        place.mkdir()
        (place / "note").write_text("mine")
    else:
        place.symlink_to(built.root / ("README.md" if there == "dangling link" else "pipeline.yaml"))
    assert built.call("run").code == 0
    assert place.read_bytes() == locked
    assert not place.is_symlink()
    kept = built.root / ".mlops/replaced/artifacts/model/bundle.json"
    assert kept.is_symlink() or (kept / "note").read_text() == "mine"
    assert built.read("pipeline.yaml").startswith("apiVersion")


def alter(path, how):
    path.chmod(0o644)
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "altered":
        path.write_bytes(data[:10] + bytes([data[10] ^ 1]) + data[11:])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()


HOWS = ["truncated", "altered", "empty", "missing"]


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_object_whose_artifact_stands_is_whole_again_without_executing(built, how):
    before = built.content(".dvc/cache/files")
    alter(built.object_of("artifacts/data/train.parquet"), how)
    assert built.call("run").code == 0
    assert built.content(".dvc/cache/files") == before
    assert len(built.executed()) == 6
    damaged = list((built.root / ".dvc/cache/damaged").glob("*"))
    assert len(damaged) == (how != "missing")


def test_damaged_objects_whose_artifacts_are_gone_are_made_again_with_the_same_bytes(built):
    before = built.content("artifacts", ".dvc/cache/files")
    names = ["artifacts/data/test.parquet", "artifacts/candidates/logistic/model.skops",
             "artifacts/candidates/boosted/model.ubj", "artifacts/evaluation/evaluation.json"]  # fmt: skip
    for how, name in zip(HOWS, names, strict=True):
        alter(built.object_of(name), how)
        (built.root / name).unlink()
    assert built.call("verify").code == 4
    answer = built.call("run")
    assert answer.code == 0, answer.err
    made = built.executed()[6:]
    assert (made[0], set(made[1:3]), made[3:]) == ("data", {"train.logistic", "train.boosted"}, ["evaluate"])
    assert built.content("artifacts", ".dvc/cache/files") == before
    assert built.git("status", "--porcelain") == ""


def test_no_step_reads_a_damaged_object(built):
    """The table is damaged in the store, with its size kept, and a model must be trained from it."""
    whole = built.object_of("artifacts/data/train.parquet")
    before = whole.read_bytes()
    alter(whole, "altered")
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    answer = built.call("run", "--no-report")
    assert answer.code == 0
    told = answer.err.index("artifacts/data/train.parquet was damaged in the cache")
    assert told < answer.err.index("train.boosted")
    assert whole.read_bytes() == before


def test_a_step_that_damages_what_it_reads_is_found_out(built):
    """Steps are the user's own code, and the room keeps accidents apart: it is no jail. What they damage is noticed."""
    built.edit("callables/rule.py", "def train(", "import os\n\n\ndef train(")
    built.edit(
        "callables/rule.py", "    return Dummy",
        '    path = os.path.realpath("in/train/train.parquet")\n    os.chmod(path, 0o644)\n'
        '    open(path, "r+b").write(b"damage")\n    return Dummy',
    )  # fmt: skip
    before = built.content("artifacts/data", ".dvc/cache/files")
    locked = built.read("pipeline.lock")
    answer = built.call("run")
    assert answer.code == 5
    assert "train.parquet" in answer.err
    assert built.read("pipeline.lock") == locked
    after = built.content("artifacts/data", ".dvc/cache/files")
    assert {file: after[file] for file in before} == before
    built.git("checkout", "-q", "callables")
    assert built.call("verify").code == 0


def test_the_users_own_files_beside_artifacts_stay(built):
    built.write("artifacts/model/notes.txt", "mine")
    built.edit("specs/training.yaml", "  boosted:\n", "  trees:\n")
    built.call("run")
    assert built.read("artifacts/model/notes.txt") == "mine"
