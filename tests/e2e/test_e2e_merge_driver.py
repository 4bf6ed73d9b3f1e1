"""The merge driver as git calls it, and how a repository gets it."""

import subprocess
import sys

import pytest

from mlops_runner.lock.codec import emit
from mlops_runner.lock.model import Lock, Stage

ATTRIBUTES = "pipeline.lock merge=mlops\n.gitignore merge=union\n"


def lock_of(**keys):
    return emit(Lock({}, {name: Stage(f"k1:{key}", "c1:a") for name, key in keys.items()}))


@pytest.fixture
def repository(sandbox_of):
    repository = sandbox_of({"pipeline.lock": lock_of(a=1, b=1, c=1), ".gitattributes": "*.csv -text", "note": "1\n"})
    assert repository.call("doctor", "--fix").code in {0, 1}
    repository.commit("driver")
    return repository


def merged(repository, ours, theirs):
    """Merge two versions of the lock in git; return whether that was clean, and the lock."""
    for branch, text in (("theirs", theirs), ("ours", ours)):
        repository.git("checkout", "-q", "-b", branch, "main")
        (repository.root / "pipeline.lock").write_bytes(text if isinstance(text, bytes) else text.encode())
        repository.commit(branch)
    repository.git("merge", "-m", "both", "theirs", check=False)
    clean = not repository.git("diff", "--name-only", "--diff-filter=U").split()
    return clean, (repository.root / "pipeline.lock").read_bytes().decode("utf-8", "replace")


def driven(folder, *texts):
    """Run the driver on base, ours and theirs; return its exit code, its message and the result."""
    for name, text in zip(("base", "ours", "theirs"), texts, strict=True):
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mlops_runner", "lock", "merge-driver", "base", "ours", "theirs"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert not list(folder.glob(".mlops*"))
    return done.returncode, done.stderr, (folder / "ours").read_text()


def finding(repository, *options):
    (found,) = (found for found in repository.call("doctor", "--json", *options).value if found["name"] == "merging")
    return found


# -- git calls it


def test_git_merges_stages_side_by_side_through_the_driver(repository):
    assert merged(repository, lock_of(a=1, b=2, c=1), lock_of(a=1, b=1, bb=5, c=7)) == (
        True,
        lock_of(a=1, b=2, bb=5, c=7),
    )


def test_git_leaves_a_conflict_with_whole_stages_between_the_markers(repository):
    clean, text = merged(repository, lock_of(a=1, b=2, c=2), lock_of(a=2, b=3, c=1))
    assert not clean
    assert text.count("<<<<<<< ours\n  b:\n") == 1
    assert "k1:2\n" in text.partition("<<<<<<<")[0]


@pytest.mark.parametrize("damaged", [b"\xff\x00\x00", lock_of(a=1, b=2)[:-9].encode(), b"nonsense\n"])
def test_a_damaged_side_is_an_ordinary_conflict(repository, damaged):
    clean, _ = merged(repository, lock_of(a=1, b=2, c=1), damaged)
    assert not clean
    assert repository.git("status", "--porcelain", "pipeline.lock").startswith("UU")


def test_histories_that_cross_are_merged(repository):
    """Git merges the bases first; where those conflict, the base that the driver gets carries markers."""
    for branch, key in (("one", 2), ("two", 3)):
        repository.git("checkout", "-q", "-b", branch, "main")
        repository.write("pipeline.lock", lock_of(a=key, b=1, c=1))
        repository.commit(branch)
    for branch, other in (("one", "two"), ("two", "one~1")):
        repository.git("checkout", "-q", branch)
        start = other if branch == "one" else "one~1"
        repository.git("merge", "-q", start, check=False)
        repository.write("pipeline.lock", lock_of(a=2, b=1, c=9) if branch == "one" else lock_of(a=2, b=8, c=1))
        repository.commit("crossed")
    repository.git("merge", "-q", "-m", "both", "one")
    assert repository.read("pipeline.lock") == lock_of(a=2, b=8, c=9)


def test_a_rebase_and_a_cherry_pick_use_it(repository):
    repository.git("checkout", "-q", "-b", "other", "main")
    repository.write("pipeline.lock", lock_of(a=1, b=1, bb=1, c=1))
    repository.commit("insert bb")
    repository.git("checkout", "-q", "main")
    repository.write("pipeline.lock", lock_of(a=1, b=1, ba=1, c=1))
    repository.commit("insert ba")
    repository.git("cherry-pick", "other")
    assert repository.read("pipeline.lock") == lock_of(a=1, b=1, ba=1, bb=1, c=1)
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("checkout", "-q", "other")
    repository.git("rebase", "-q", "main")
    assert repository.read("pipeline.lock") == lock_of(a=1, b=1, ba=1, bb=1, c=1)


def test_an_environment_that_is_gone_leaves_merges_as_they_are_without_a_driver(repository):
    command = repository.git("config", "merge.mlops.driver").strip()
    repository.git("config", "merge.mlops.driver", command.replace(sys.executable, "/nowhere/python"))
    assert finding(repository)["what"].endswith("mlops doctor --fix sets that up")
    assert merged(repository, lock_of(a=2, b=1, c=1), lock_of(a=1, b=1, c=2)) == (True, lock_of(a=2, b=1, c=2))


def test_what_a_failing_driver_leaves_is_resolved_from_both_sides(sandbox_of):
    step = "  one: {kind: command, shell: echo 1 > x, outputs: [x]}\n"
    text = f"apiVersion: mlops/v1\nkind: Pipeline\nname: x\nsteps:\n{step}"
    project = sandbox_of({"pipeline.yaml": text, ".gitignore": ".mlops/\n", ".gitattributes": ATTRIBUTES})
    project.git("config", "merge.mlops.driver", "exit 70")
    assert project.call("run").code == 0
    project.commit("run")
    lock = project.read("pipeline.lock")
    other = lock.replace("key: k1:", "key: k1:0")
    clean, left = merged(project, other, lock.replace("repro: bitwise", "repro: tolerance"))
    assert (clean, left) == (False, other)
    assert project.call("lock", "resolve", "--json").value["kept"] == {"one": "theirs"}


# -- as a command


def test_the_driver_answers_by_its_exit_code_and_its_result(tmp_path):
    base = lock_of(a=1, b=1)
    assert driven(tmp_path, base, lock_of(a=2, b=1), lock_of(a=1, b=2)) == (0, "", lock_of(a=2, b=2))
    code, said, text = driven(tmp_path, base, lock_of(a=2, b=1), lock_of(a=3, b=1))
    assert (code, "both sides changed a;" in said, text.count(">>>>>>> theirs\n")) == (1, True, 1)
    code, said, text = driven(tmp_path, base, lock_of(a=2, b=1).replace("    spec: c1:a\n", "", 1), lock_of(a=3, b=1))
    assert (code, "damaged" in said, text.count(">>>>>>> theirs\n")) == (1, True, 1)
    assert driven(tmp_path, "", lock_of(a=2), lock_of(b=2))[::2] == (0, lock_of(a=2, b=2))


def test_the_driver_needs_neither_a_project_nor_heavy_libraries(tmp_path):
    code = "import sys; from mlops_runner.cli.main import run; run(sys.argv[1:]); print(*sys.modules)"
    for name, key in (("base", 1), ("ours", 1), ("theirs", 2)):
        (tmp_path / name).write_text(lock_of(a=key))
    command = [sys.executable, "-c", code, "lock", "merge-driver", "base", "ours", "theirs"]
    loaded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert {"polars", "numpy", "pydantic", "mlops_runner.api", "subprocess"}.isdisjoint(loaded)
    assert (tmp_path / "ours").read_text() == lock_of(a=2)


# -- how a repository gets it


def test_fix_adds_what_is_missing_and_leaves_every_other_byte(repository):
    assert repository.read(".gitattributes") == "*.csv -text\n" + ATTRIBUTES
    assert finding(repository)["what"] == "pipeline.lock is merged stage by stage"
    before = repository.content()
    assert finding(repository, "--fix")["ok"]
    assert repository.content() == before
    assert repository.git("config", "--get-all", "merge.mlops.driver").count("\n") == 1


def test_a_missing_driver_is_a_note_and_no_failure(repository):
    repository.git("config", "--remove-section", "merge.mlops")
    before = repository.listing()
    assert finding(repository) == {
        "name": "merging", "ok": True, "hint": None,
        "what": "pipeline.lock is not merged stage by stage by this mlops; mlops doctor --fix sets that up",
    }  # fmt: skip
    assert repository.listing() == before


def test_another_choice_of_the_project_stays(repository):
    repository.write(".gitattributes", "*.lock -merge\n")
    assert finding(repository, "--fix")["what"] == "pipeline.lock is merged as the attributes of git say: unset"
    assert repository.read(".gitattributes") == "*.lock -merge\n.gitignore merge=union\n"


def test_a_project_in_a_folder_of_its_repository_gets_its_own_attributes(repository):
    repository.write("inner/pipeline.lock", lock_of(a=1))
    repository.write(".gitattributes", "")
    assert repository.call("-C", str(repository.root / "inner"), "doctor", "--fix").code in {0, 1}
    assert repository.read("inner/.gitattributes") == ATTRIBUTES
    assert repository.read(".gitattributes") == ""


def test_without_a_repository_nothing_is_written(tmp_path, fresh):
    (tmp_path / "bare").mkdir()
    fresh.call("-C", str(tmp_path / "bare"), "doctor", "--fix")
    assert list((tmp_path / "bare").iterdir()) == []


def test_init_says_how_git_merges_and_touches_nothing_that_is_there(fresh, tmp_path):
    assert fresh.call("-C", str(tmp_path), "init", "new").code == 0
    assert (tmp_path / "new/.gitattributes").read_text() == ATTRIBUTES
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.gitattributes").write_text("mine\n")
    assert fresh.call("-C", str(tmp_path), "init", "other").code == 0
    assert (tmp_path / "other/.gitattributes").read_text() == "mine\n"
