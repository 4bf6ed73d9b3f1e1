"""Two people, two branches, one lock."""

import re

import pytest


@pytest.fixture
def branches(built):
    """Two branches, each run and committed: `deeper` changes the trees, `softer` another candidate."""
    for name, old, new in (("deeper", "max_depth: 2", "max_depth: 3"), ("softer", "C: 1.0", "C: 0.5")):
        built.git("checkout", "-q", "-b", name, "main")
        built.edit("specs/training.yaml", old, new)
        assert built.call("run", "--no-report").code == 0
        built.commit(name)
    return built


def test_a_merge_of_two_branches_is_planned_resolved_and_run(branches):
    branches.git("merge", "-q", "--no-edit", "deeper", check=False)
    if "pipeline.lock" in branches.git("diff", "--name-only", "--diff-filter=U"):
        for command in ("plan", "run"):
            assert branches.call(command).code == 65
        assert branches.call("verify").code == 4
        answer = branches.call("lock", "resolve", "--json")
        assert answer.code == 0
        assert {"data", "train.baseline", "train.logistic", "train.boosted"} <= set(answer.value["kept"])
    assert {"train.logistic", "train.boosted"}.isdisjoint(branches.to_do())
    executed = branches.executed()
    assert branches.call("run", "--no-report").code == 0
    assert set(branches.executed()[len(executed) :]) <= {"evaluate", "package"}
    assert branches.call("verify").code == 0
    branches.commit("merge")
    assert branches.git("status", "--porcelain") == ""


def test_a_merge_that_is_clean_as_text_but_wrong_is_found_and_mended(built):
    before = built.read("pipeline.lock")
    digest = re.search(r"artifacts/candidates/boosted/model.ubj: sha256:(\w{64})", before)[1]
    built.write("pipeline.lock", before.replace(f"sha256:{digest}", f"sha256:{digest[::-1]}"))
    answer = built.call("verify")
    assert answer.code == 4
    assert "made from another artifacts/candidates/boosted/model.ubj" in answer.err
    assert built.call("run").code == 0
    assert built.read("pipeline.lock") == before
    assert len(built.executed()) == 6


def test_stages_of_two_branches_that_do_not_fit_together_are_found_and_mended(built):
    old = built.read("pipeline.lock")
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run", "--no-report").code == 0
    new, executed = built.read("pipeline.lock"), built.executed()
    cut = "  train.baseline:\n"
    built.write("pipeline.lock", old.partition(cut)[0] + cut + new.partition(cut)[2])
    answer = built.call("verify", "--json")
    assert answer.code == 4
    assert "chain-broken" in {problem["code"] for problem in answer.value}
    assert set(built.to_do()) == {"evaluate", "package"}
    assert built.call("run").code == 0
    assert built.read("pipeline.lock") == new
    assert built.executed() == executed


def test_resolving_keeps_nothing_that_the_specs_do_not_prove(built):
    lock = built.read("pipeline.lock")
    other = re.sub(
        r"(train\.boosted:.*?key: k1:)(\w)", lambda m: m[1] + ("0" if m[2] != "0" else "1"), lock, flags=re.S
    )
    ours, theirs = ([*text.splitlines(keepends=True)] for text in (lock, other))
    changed = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
    conflict = ["<<<<<<< HEAD\n", ours[changed], "=======\n", theirs[changed], ">>>>>>> other\n"]
    built.write("pipeline.lock", "".join([*ours[:changed], *conflict, *ours[changed + 1 :]]))
    assert built.call("lock", "resolve").code == 0
    assert built.read("pipeline.lock") == lock
    built.write("pipeline.lock", "".join([*ours[:changed], *conflict, *ours[changed + 1 :]]))
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    answer = built.call("lock", "resolve", "--json")
    assert "train.boosted" in answer.value["to_run"]


@pytest.mark.parametrize("command", ["plan", "run", "verify", "lock prune", "lock resolve", "gate", "diff"])
@pytest.mark.parametrize("damage", ["newer", "truncated", "binary", "empty line"])
def test_a_lock_that_cannot_be_read_is_65_and_stays_as_it_is(built, command, damage):
    text = built.read("pipeline.lock")
    damaged = {
        "newer": text.replace("lock_version: 1", "lock_version: 99").encode(),
        "truncated": text[: len(text) // 2 - 7].encode(),
        "binary": b"\xff\xfe" + text.encode(),
        "empty line": text.replace("stages:\n", "stages:\n\n  :\n").encode(),
    }[damage]
    (built.root / "pipeline.lock").write_bytes(damaged)
    before = built.content()
    answer = built.call(*command.split())
    assert answer.code == 65, answer.err
    assert "pipeline.lock" in answer.err
    assert built.content() == before


def test_accepting_needs_a_reason_that_stays_for_the_reviewer(built):
    built.edit("callables/rule.py", "random_state=seed", "random_state=seed + 0")
    assert built.to_do()["train.baseline"] == "rerun"
    assert built.call("lock", "accept", "train.baseline", "--reason", "adds zero").code == 0
    assert built.to_do() == {}
    assert "adds zero" in built.read("pipeline.lock")
    assert built.call("verify").code == 0
    assert built.call("run").code == 0
    assert "adds zero" in built.read("pipeline.lock")


def test_the_sides_of_a_conflict_come_from_git_where_it_has_them(branches):
    branches.git("merge", "-q", "--no-edit", "deeper", check=False)
    branches.write("pipeline.lock", "<<<<<<< ours\nhalf of a stage\n=======\nanother half\n>>>>>>> theirs\n")
    unmerged = "pipeline.lock" in branches.git("diff", "--name-only", "--diff-filter=U")
    answer = branches.call("lock", "resolve", "--json")
    assert answer.code == (0 if unmerged else 65)
    if unmerged:
        assert {"data", "train.baseline"} <= set(answer.value["kept"])


def test_pruning_takes_files_and_pointer_along_and_leaves_what_was_changed(built):
    text = built.read("specs/training.yaml")
    start = text.index("  boosted:")
    built.write("specs/training.yaml", text[:start] + text[text.index("select:") :])
    built.write("artifacts/candidates/boosted/model.ubj", "mine")
    assert built.call("lock", "prune").code == 0
    assert not (built.root / "artifacts/candidates/boosted.dvc").exists()
    assert [path.name for path in (built.root / "artifacts/candidates/boosted").iterdir()] == ["model.ubj"]
    assert "train.boosted" not in built.read("pipeline.lock")
