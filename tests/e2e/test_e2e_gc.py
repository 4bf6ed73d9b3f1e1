"""gc: what any branch, tag, stash, recent commit or result names stays; the rest goes, when it is told to."""

import fcntl
import os
import shutil
import subprocess
import sys
import time

import pytest

from mlops_runner.digest import digest_bytes
from mlops_runner.journal import Finished, append
from mlops_runner.store.objects import ObjectStore

OLD = time.time() - 90 * 86_400


@pytest.fixture
def shop(fresh):
    """The shop without a run: what names objects is written by hand, and what is stored is small."""
    fresh.write(".gitignore", ".mlops/\n.dvc/cache/\nignored/\n")
    fresh.write(".dvc/config", "")
    fresh.commit("dvc")
    return fresh


def store(sandbox, *texts):
    """Store texts as objects that are old enough to go, and return their md5s."""
    md5s = []
    for text in texts:
        digest = digest_bytes(text.encode())
        sandbox.write("one", text)
        ObjectStore(sandbox.root).add(sandbox.root / "one", digest)
        (sandbox.root / "one").unlink()
        md5s.append(digest.md5)
    return md5s


def lock_naming(*md5s):
    return "".join(f"      md5: {md5}\n" for md5 in md5s)


def commit_old(sandbox, message="old"):
    date = {"GIT_AUTHOR_DATE": f"{int(OLD)} +0000", "GIT_COMMITTER_DATE": f"{int(OLD)} +0000"}
    sandbox.git("add", "-A")
    os.environ.update(date)
    try:
        sandbox.git("commit", "-q", "--no-gpg-sign", "-m", message)
    finally:
        for name in date:
            del os.environ[name]


def loose(sandbox, *options):
    """Return what gc would remove an hour from now."""
    found = later(sandbox, "gc", "--json", *options)
    assert found.code == 0, found.err
    return set(found.value["loose"]["md5"])


def later(sandbox, *arguments, seconds=7200):
    """Run a command two hours from now, so that nothing is young."""
    real = time.time
    time.time = lambda: real() + seconds
    try:
        return sandbox.call(*arguments)
    finally:
        time.time = real


def present(sandbox):
    return {path.parent.name + path.name for path in sandbox.objects()}


def test_what_nothing_names_goes_and_only_when_told(shop):
    kept, gone = store(shop, "kept", "gone")
    shop.write("pipeline.lock", lock_naming(kept))
    assert loose(shop) == {gone}
    assert "to remove them: mlops gc --yes" in later(shop, "gc").out
    assert present(shop) == {kept, gone}, "looking removes nothing"
    assert not (shop.root / ".mlops").exists(), "and writes nothing"
    assert later(shop, "gc", "--yes").code == 0
    assert present(shop) == {kept}
    assert loose(shop) == set()


def test_what_is_younger_than_an_hour_stays(shop):
    (young,) = store(shop, "young")
    assert shop.call("gc", "--yes").code == 0
    assert present(shop) == {young}
    assert "it is younger than an hour" in shop.call("gc", "--explain", young).out


def on_branch(shop, text, tmp_path):
    shop.git("checkout", "-q", "-b", "side")
    shop.write("data/x.dvc", text)
    commit_old(shop)
    shop.git("checkout", "-q", "main")


def under_a_reference(*command):
    def name(shop, text, tmp_path):
        on_branch(shop, text, tmp_path)
        shop.git(*command)
        forget(shop, "side")

    return name


def in_a_stash(shop, text, tmp_path):
    shop.write("data/y.dvc", "empty")
    commit_old(shop)
    shop.write("data/y.dvc", text)
    shop.git("stash", "-q")


def untracked_in_a_stash(shop, text, tmp_path):
    shop.write("data/x.dvc", text)
    shop.git("stash", "-q", "-u")


def in_the_index(shop, text, tmp_path):
    shop.write("data/x.dvc", text)
    shop.git("add", "data/x.dvc")
    shop.write("data/x.dvc", "")


def in_another_working_tree(shop, text, tmp_path):
    shop.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    other = type(shop)(tmp_path / "tree")
    other.write("data/x.dvc", text)
    return other


def committed_in_another_working_tree(shop, text, tmp_path):
    other = in_another_working_tree(shop, text, tmp_path)
    commit_old(other)
    (other.root / "data/x.dvc").unlink()
    other.git("add", "-A")


def in_a_recent_commit(shop, text, tmp_path):
    shop.write("data/x.dvc", text)
    shop.commit()
    shop.git("rm", "-q", "data/x.dvc")
    shop.commit("away")


def in_a_commit_that_was_undone(shop, text, tmp_path):
    shop.write("data/x.dvc", text)
    shop.commit()
    shop.git("reset", "-q", "--hard", "HEAD~1")


def in_an_unfinished_merge(shop, text, tmp_path):
    on_branch(shop, text, tmp_path)
    shop.write("data/x.dvc", "ours")
    commit_old(shop)
    shop.git("merge", "-q", "side", check=False)
    forget(shop, "side")


PLACES = {
    "branch": on_branch,
    "remote branch": under_a_reference("update-ref", "refs/remotes/origin/side", "side"),
    "tag": under_a_reference("tag", "v1", "side"),
    "annotated tag": under_a_reference("tag", "-a", "-m", "one", "v1", "side"),
    "experiment": under_a_reference("update-ref", "refs/exps/ab/side", "side"),
    "stash": in_a_stash,
    "untracked in a stash": untracked_in_a_stash,
    "index": in_the_index,
    "working tree": in_another_working_tree,
    "commit of a working tree": committed_in_another_working_tree,
    "recent commit": in_a_recent_commit,
    "commit that was undone": in_a_commit_that_was_undone,
    "merge": in_an_unfinished_merge,
    "untracked": lambda shop, text, _: shop.write("data/x.dvc", text),
    "ignored": lambda shop, text, _: shop.write("ignored/x.dvc", text),
}


def forget(shop, branch):
    shop.git("branch", "-q", "-D", branch)
    shop.git("reflog", "expire", "--expire=now", "--all")


@pytest.mark.parametrize("place", PLACES)
def test_a_name_in_any_place_keeps_an_object(shop, tmp_path, place):
    kept, gone = store(shop, "kept", "gone")
    PLACES[place](shop, lock_naming(kept), tmp_path)
    assert loose(shop) == {gone}
    assert later(shop, "gc", "--yes").code == 0
    assert present(shop) == {kept}


@pytest.mark.parametrize(
    "file", ["pipeline.lock", "dvc.lock", "deep/x.csv.dvc", "models/shop/1.yaml", "environments/p.yaml"]
)
def test_every_kind_of_file_that_names_objects_is_read(shop, file):
    kept, gone = store(shop, "kept", "gone")
    shop.write(file, lock_naming(kept))
    assert loose(shop) == {gone}


def test_other_files_keep_nothing(shop):
    (gone,) = store(shop, "gone")
    shop.write("notes.yaml", lock_naming(gone))
    shop.write("pipeline.lock.txt", lock_naming(gone))
    assert loose(shop) == {gone}


def test_an_old_commit_keeps_what_it_names_only_when_asked(shop):
    (kept,) = store(shop, "kept")
    shop.write("pipeline.lock", lock_naming(kept))
    commit_old(shop)
    shop.git("rm", "-q", "pipeline.lock")
    commit_old(shop, "away")
    assert loose(shop) == {kept}
    assert loose(shop, "--days", "100") == set()
    assert loose(shop, "--days", "0", "--commits", "4") == set()
    assert loose(shop, "--days", "0", "--commits", "2") == {kept}


def test_recent_results_of_this_machine_stay(shop):
    kept, gone = store(shop, "kept", "gone")
    for text in ("gone", "kept"):
        append(shop.root / ".mlops/journal.jsonl", Finished(f"k1:{text}", "train", {"x": digest_bytes(text.encode())}))
    assert loose(shop, "--results", "1") == {gone}
    assert loose(shop, "--results", "0") == {kept, gone}
    assert loose(shop) == set()


def test_a_folder_keeps_its_files(shop):
    a, b, gone = store(shop, "a", "b", "gone")
    folder = ObjectStore(shop.root).add_folder({"a": digest_bytes(b"a"), "deep/b": digest_bytes(b"b")}).md5
    shop.write("data.dvc", lock_naming(f"{folder}.dir"))
    assert loose(shop) == {gone}
    (shop.root / "data.dvc").unlink()
    assert loose(shop) == {a, b, gone, f"{folder}.dir"}


def test_a_damaged_manifest_stops_everything(shop):
    (gone,) = store(shop, "gone")
    folder = ObjectStore(shop.root).add_folder({"a": digest_bytes(b"a")}).md5
    shop.write("data.dvc", lock_naming(f"{folder}.dir"))
    path = ObjectStore(shop.root).path(f"{folder}.dir")
    path.chmod(0o644)
    path.write_text("[]")
    answer = later(shop, "gc", "--yes")
    assert (answer.code, "what it names cannot be told" in answer.err) == (1, True), answer.err
    assert gone in present(shop)


def test_a_history_that_cannot_be_read_stops_everything(shop):
    (gone,) = store(shop, "gone")
    shop.write("pipeline.lock", lock_naming(gone))
    shop.commit()
    shop.git("rm", "-q", "pipeline.lock")
    blob = shop.git("rev-parse", "HEAD:pipeline.lock").strip()
    shop.commit("away")
    (shop.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    answer = later(shop, "gc", "--yes")
    assert (answer.code, "the history cannot be read" in answer.err) == (1, True), answer.err
    assert present(shop) == {gone}


def test_explain_names_every_place(shop):
    (kept,) = store(shop, "kept")
    (gone,) = store(shop, "gone")
    shop.write("pipeline.lock", lock_naming(kept))
    shop.commit()
    shop.git("branch", "side")
    out = later(shop, "gc", "--explain", kept[:8]).out
    for line in (
        "working tree: pipeline.lock",
        "branch main: pipeline.lock",
        "branch side: pipeline.lock",
        "(0 days old)",
    ):
        assert line in out
    assert "nothing names it: it may go" in later(shop, "gc", "--explain", gone).out
    for wrong in ("0" * 32, "xyz", ""):
        answer = later(shop, "gc", "--explain", wrong)
        assert answer.code == (64 if wrong else 0), answer.err


def test_nothing_is_removed_while_anything_works_here(shop):
    (gone,) = store(shop, "gone")
    (shop.root / ".dvc/tmp").mkdir()
    for lock, who in ((".mlops/runner.lock", "another mlops"), (".dvc/tmp/lock", "dvc")):
        shop.write(lock, "")
        with (shop.root / lock).open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            answer = later(shop, "gc", "--yes")
            assert (answer.code, f"{who} works on this project" in answer.err) == (75, True), answer.err
            assert loose(shop) == {gone}, "looking is free"
    assert present(shop) == {gone}


def test_a_cache_outside_of_the_project_is_left_until_its_projects_are_named(shop, tmp_path):
    shop.write(".dvc/config", f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    kept, _ = store(shop, "kept", "gone")
    other = type(shop)(tmp_path / "other")
    other.write("data/x.dvc", lock_naming(kept))
    other.write(".dvc/config", shop.read(".dvc/config"))
    answer = later(shop, "gc", "--yes")
    assert (answer.code, "may be used by other projects" in answer.err) == (3, True), answer.err
    assert later(shop, "gc", "--yes", "--project", str(other.root)).code == 0
    files = [path for path in (tmp_path / "shared").rglob("*") if path.is_file()]
    assert [path.parent.name + path.name for path in files] == [kept]


def test_a_project_outside_of_git_keeps_what_its_files_name(shop):
    kept, gone = store(shop, "kept", "gone")
    shutil.rmtree(shop.root / ".git")
    shop.write("deep/x.dvc", lock_naming(kept))
    assert loose(shop) == {gone}


def test_a_shallow_clone_is_told_of(shop, tmp_path):
    shop.write("a", "a")
    shop.commit("a")
    second = type(shop)(tmp_path / "second")
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{shop.root}", str(second.root)], check=True)
    assert "is a shallow clone" in second.call("gc").err


def dvc(folder, *arguments):
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site")}
    subprocess.run([sys.executable, "-m", "dvc", "-q", *arguments], cwd=folder, env=environment, check=True)


def test_both_gcs_keep_what_the_locks_of_all_branches_name(built):
    """And mlops gc keeps more: a stash, and models of which no pointer is left."""
    first = {path.name for path in built.objects()}
    built.git("checkout", "-q", "-b", "deeper")
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run", "--no-report").code == 0
    built.commit("deeper")
    both = {path.name for path in built.objects()}
    assert first < both
    assert later(built, "gc", "--yes", "--days", "0", "--results", "0").code == 0
    assert {path.name for path in built.objects()} == both
    dvc(built.root, "gc", "--all-branches", "--all-tags", "-f")
    assert {path.name for path in built.objects()} == both
    built.git("checkout", "-q", "main")
    dvc(built.root, "checkout")
    assert built.call("verify").code == 0
    assert built.to_do() == {}
    built.git("checkout", "-q", "deeper")
    assert built.call("run", "--no-report").code == 0
    assert built.executed().count("train.boosted") == 2


def test_dvc_gc_of_all_commits_keeps_what_a_branch_or_a_tag_leads_to(built):
    """And nothing else, as docs/dvc.md says: no stash, no branch that was deleted, no result that was not committed."""
    added = {}
    seen = {path.name for path in built.objects()}
    for at, name in enumerate(("tagged", "remote", "deleted", "stashed", "lost")):
        built.git("checkout", "-q", "-b", name)
        built.edit("specs/training.yaml", "max_depth: 2", f"max_depth: {at + 3}")
        assert built.call("run", "--no-report").code == 0
        if name in {"stashed", "lost"}:
            built.git("stash", "-q", "-u")
        else:
            built.commit(name)
        built.git("checkout", "-q", "main")
        dvc(built.root, "checkout")
        added[name] = {path.name for path in built.objects()} - seen
        seen |= added[name]
    built.git("stash", "drop", "-q")
    built.git("tag", "v1", "tagged")
    built.git("update-ref", "refs/remotes/origin/far", "remote")
    built.git("branch", "-q", "-D", "tagged", "remote", "deleted")
    assert all(added.values())
    dvc(built.root, "gc", "--all-commits", "-f")
    left = {path.name for path in built.objects()}
    assert {name for name, objects in added.items() if objects <= left} == {"tagged", "remote"}
    assert not any(left & added[name] for name in ("deleted", "stashed", "lost"))
    assert built.call("verify").code == 0


def test_a_registered_version_that_no_pointer_names_is_kept_by_us_alone(built):
    model = built.object_of("artifacts/candidates/boosted/model.ubj")
    md5 = model.parent.name + model.name
    built.write("models/shop/1.yaml", f"bundle:\n  files:\n    model.ubj:\n      md5: {md5}\n")
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run", "--no-report").code == 0
    commit_old(built)
    built.git("reflog", "expire", "--expire=now", "--all")
    built.git("update-ref", "refs/heads/main", built.git("commit-tree", "HEAD^{tree}", "-m", "one").strip())
    built.git("reflog", "expire", "--expire=now", "--all")
    assert later(built, "gc", "--yes", "--days", "0", "--results", "0").code == 0
    assert model.exists()
    dvc(built.root, "gc", "--all-branches", "--all-tags", "-f")
    assert not model.exists(), "dvc knows pointers only: docs/dvc.md says so"
