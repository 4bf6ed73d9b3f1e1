"""Conflicts of every class between two branches, with the merge driver and without."""

from importlib.metadata import version

import pytest

from mlops_runner.lock.codec import emit, parse

HEAD = "apiVersion: mlops/v1\nkind: Pipeline\nname: parts\nsteps:\n"


def step(name, text):
    command = f"shell: echo {text} >> out/{name}"
    return f"  {name}:\n    kind: command\n    {command}\n    outputs: [out/{name}]\n"


def documents(**steps):
    return HEAD + "".join(step(name, text) for name, text in steps.items())


BASE = documents(apple=1, fig=1, melon=1)


@pytest.fixture(params=["driver", "nothing"])
def git_merges(request):
    """How much of the set-up a clone has: all, what is committed but not what is configured, none."""
    return request.param


without_command = pytest.mark.parametrize("git_merges", ["driver", "attributes alone", "nothing"])


@pytest.fixture
def project(sandbox_of, git_merges):
    files = {"pipeline.yaml": BASE, ".gitignore": ".mlops/\n", "requirements.lock": f"click=={version('click')}\n"}
    project = sandbox_of(files)
    run(project)
    if git_merges != "nothing":
        assert project.call("doctor", "--fix").code in {0, 1}
    if git_merges == "attributes alone":
        project.git("config", "--remove-section", "merge.mlops")
    project.commit("run")
    return project


def run(project):
    answer = project.call("run")
    assert answer.code == 0, answer.err


def branch(project, name, text, start="main"):
    project.git("checkout", "-q", "-b", name, start)
    project.write("pipeline.yaml", text)
    run(project)
    project.commit(name)


def merge(project, ours, theirs, merged):
    """Run two documents on two branches and merge them; `merged` is what a person makes of the documents."""
    branch(project, "theirs", theirs)
    branch(project, "ours", ours)
    project.git("merge", "-q", "-m", "both", "theirs", check=False)
    unmerged = project.git("diff", "--name-only", "--diff-filter=U").split()
    project.write("pipeline.yaml", merged)
    return unmerged


def settle(project):
    """Resolve what is left of the lock; return what was kept from which side, and what must run."""
    answer = project.call("lock", "resolve", "--json")
    assert answer.code == 0, answer.err
    before = len(project.executed())
    lock = project.read("pipeline.lock")
    assert emit(parse(lock)) == lock
    run(project)
    assert project.call("verify").code == 0
    assert len(project.executed()) == before, "every result is known here"
    project.commit("merge")
    return answer.value["kept"], answer.value["to_run"]


@without_command
def test_changes_of_different_steps_merge_by_themselves(project):
    ours, theirs = documents(apple=2, fig=1, melon=1), documents(apple=1, fig=1, melon=2)
    assert merge(project, ours, theirs, documents(apple=2, fig=1, melon=2)) == []
    assert project.to_do() == {}
    run(project)
    assert len(project.executed()) == 5
    assert project.call("verify").code == 0


@pytest.mark.parametrize(("text", "side"), [(2, "ours"), (3, "theirs"), (1, None)])
def test_what_both_changed_is_taken_from_the_side_that_the_documents_name(project, text, side):
    ours, theirs, merged = (documents(apple=1, fig=number, melon=1) for number in (2, 3, text))
    assert "pipeline.lock" in merge(project, ours, theirs, merged)
    assert project.call("plan").code == 65
    kept, to_run = settle(project)
    assert kept.get("fig") == side
    assert to_run == ([] if side else ["fig"])


@pytest.mark.parametrize(("keep", "swapped"), [(True, False), (False, True)])
def test_one_side_removed_what_the_other_changed(project, keep, swapped):
    without, changed = documents(apple=1, melon=1), documents(apple=1, fig=2, melon=1)
    ours, theirs = (changed, without) if swapped else (without, changed)
    assert "pipeline.lock" in merge(project, ours, theirs, changed if keep else without)
    kept, to_run = settle(project)
    assert to_run == []
    assert kept.get("fig") == (("ours" if swapped else "theirs") if keep else None)


def test_what_both_renamed_keeps_the_name_that_the_documents_give(project, git_merges):
    ours, theirs, merged = (
        BASE.replace("  fig:\n", f"  {name}:\n").replace("out/fig", "out/fruit") for name in ("date", "kiwi", "kiwi")
    )
    unmerged = merge(project, ours, theirs, merged)
    assert ("pipeline.lock" in unmerged) == (git_merges != "driver")
    if git_merges == "driver":
        assert project.to_do() == {"date": "remove"}
    kept, to_run = settle(project)
    assert kept["kiwi"] in {"ours", "theirs"}
    assert to_run == []


def test_one_side_renamed_what_the_other_changed(project):
    base = BASE.replace("out/fig", "out/fruit")
    project.write("pipeline.yaml", base)
    run(project)
    project.commit("fruit")
    ours, theirs = base.replace("  fig:\n", "  kiwi:\n"), base.replace("echo 1 >> out/fruit", "echo 2 >> out/fruit")
    merged = ours.replace("echo 1 >> out/fruit", "echo 2 >> out/fruit")
    assert "pipeline.lock" not in merge(project, ours, theirs, merged)
    assert project.to_do() == {}
    run(project)
    assert project.read("out/fruit") == "2\n"
    project.write("pipeline.yaml", merged.replace("  kiwi:\n", "  fruit:\n"))
    kept, to_run = settle(project)
    assert (set(kept), to_run) == ({"apple", "fruit", "melon"}, [])


@without_command
def test_what_was_inserted_at_one_place_is_merged_by_the_driver_and_resolved_without(project, git_merges):
    ours, theirs, merged = (
        documents(apple=1, fig=1, **more, melon=1) for more in ({"kiwi": 1}, {"lemon": 1}, {"kiwi": 1, "lemon": 1})
    )
    unmerged = merge(project, ours, theirs, merged)
    assert ("pipeline.lock" in unmerged) == (git_merges != "driver")
    assert ("out/.gitignore" in unmerged) == (git_merges == "nothing")
    if git_merges == "nothing":
        project.git("checkout", "--theirs", "out/.gitignore")
    if git_merges == "driver":
        assert project.to_do() == {}
    kept, to_run = settle(project)
    assert (set(kept), to_run) == ({"apple", "fig", "kiwi", "lemon", "melon"}, [])


def test_what_both_changed_alike_is_no_conflict(project):
    ours = documents(apple=1, fig=2, melon=1)
    theirs = documents(apple=1, fig=2, melon=2)
    assert merge(project, ours, theirs, theirs) == []
    assert project.to_do() == {}


def test_an_environment_of_one_side_meets_the_stages_of_the_other(project):
    branch(project, "theirs", documents(apple=1, fig=2, melon=1))
    pinned = BASE.replace("steps:\n", "dependencies: {lock: requirements.lock}\nsteps:\n")
    branch(project, "ours", pinned)
    project.git("merge", "-q", "-m", "both", "theirs", check=False)
    # a key holds the environment: of the stages that differ, both sides changed one
    assert project.git("diff", "--name-only", "--diff-filter=U").split() == ["pipeline.lock"]
    answer = project.call("lock", "resolve", "--json")
    assert (set(answer.value["kept"]), answer.value["to_run"]) == ({"apple", "melon"}, ["fig"])


MATRIX = """\
  grow:
    kind: command
    matrix: {axes: {size: [AXIS]}}
    shell: echo {size} > out/grow-{size}
    outputs: ["out/grow-{size}"]
  reap:
    kind: command
    shell: cat out/grow-* > out/all
    inputs: ["out/grow-*"]
    outputs: [out/all]
"""


def test_a_matrix_that_both_sides_extended_has_all_instances_and_runs_what_gathers_them(project):
    project.write("pipeline.yaml", BASE + MATRIX.replace("AXIS", "1"))
    run(project)
    project.commit("grow")
    ours, theirs, merged = (BASE + MATRIX.replace("AXIS", axis) for axis in ("1, 2", "1, 3", "1, 2, 3"))
    unmerged = merge(project, ours, theirs, merged)
    assert "pipeline.lock" in unmerged
    if "out/.gitignore" in unmerged:
        project.git("checkout", "--ours", "out/.gitignore")
    answer = project.call("lock", "resolve", "--json")
    assert {"grow@1", "grow@2", "grow@3"} <= set(answer.value["kept"])
    assert answer.value["to_run"] == ["reap"]
    run(project)
    assert project.read("out/all") == "1\n2\n3\n"
    assert project.call("verify").code == 0
    project.commit("merge")
    assert project.git("status", "--porcelain") == ""
