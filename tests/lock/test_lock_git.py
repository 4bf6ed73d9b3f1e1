"""Real git merges: branches that change different stages merge without a conflict, into a lock in its normal form."""

import os
import random
import subprocess
from dataclasses import replace

import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.lock.codec import emit, parse
from mlops_runner.lock.merge import has_conflicts, sides
from mlops_runner.lock.model import Environment, Lock, Output, Stage

ENV = {
    **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip


def digest(seed, digits=32):
    return "".join(random.Random(seed).choices("0123456789abcdef", k=digits))


def stage(name, version):
    """A stage as a run would record it: every fact but the environment depends on the version."""
    seed = f"{name}.{version}"
    return Stage(
        key=f"k1:{digest(seed)}",
        spec=f"c1:{digest(seed + 's')}",
        inputs={f"artifacts/data/{side}.parquet": f"sha256:{digest('data' + side, 64)}" for side in ("train", "test")},
        outputs={f"artifacts/{name}/model.ubj": Output(digest(seed + "o"), digest(seed + "o", 64))},
        params={"rounds": version, "depth": 3},
        metrics={"auc": round(random.Random(seed).random(), 6), "rows": 100},
    )


def lock_of(versions):
    return Lock({"default": Environment("e1:aa", "3.11")}, {name: stage(name, v) for name, v in versions.items()})


def merge_file(tmp_path, ours, base, theirs, *options):
    """Merge three texts as git does; return the number of conflicts and the result."""
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        (tmp_path / name).write_text(text)
    command = ["git", "merge-file", "-p", *options, "ours", "base", "theirs"]
    done = subprocess.run(command, cwd=tmp_path, env=ENV, capture_output=True, text=True)
    assert done.returncode >= 0, done.stderr
    return done.returncode, done.stdout


def test_branches_that_change_different_stages_merge_cleanly(tmp_path):
    def git(*words):
        subprocess.run(["git", *words], cwd=tmp_path, env=ENV, check=True, capture_output=True)

    def commit(versions):
        (tmp_path / "pipeline.lock").write_text(emit(lock_of(versions)))
        git("add", "-A")
        git("commit", "-m", "x")

    base = {"data": 1, "train.a": 1, "train.b": 1, "evaluate": 1}
    git("init", "-b", "main")
    commit(base)
    git("checkout", "-b", "other")
    commit({**base, "train.b": 2})
    git("checkout", "main")
    commit({**base, "train.a": 2, "package": 1})
    git("merge", "other")
    merged = (tmp_path / "pipeline.lock").read_text()
    assert emit(parse(merged)) == merged
    assert parse(merged) == lock_of({**base, "train.a": 2, "train.b": 2, "package": 1})


def test_many_disjoint_changes_never_conflict(tmp_path):
    names = [f"train.{letter}" for letter in "abcdefghijkl"]
    base = dict.fromkeys(names, 1)
    for seed in range(50):
        chance = random.Random(seed)
        ours, theirs = dict(base), dict(base)
        touched = chance.sample(names, k=chance.randint(2, len(names)))
        cut = chance.randint(1, len(touched) - 1)
        for side, chosen in ((ours, touched[:cut]), (theirs, touched[cut:])):
            for name in chosen:
                side[name] = chance.randint(2, 9)
        both = {**base, **{n: v for side in (ours, theirs) for n, v in side.items() if v != 1}}
        conflicts, merged = merge_file(tmp_path, *(emit(lock_of(v)) for v in (ours, base, theirs)))
        assert conflicts == 0, (seed, ours, theirs)
        assert merged == emit(lock_of(both)), seed


@pytest.mark.parametrize("style", [[], ["--diff3"], ["--zdiff3"]])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"a": 2, "b": 1}, {"a": 3, "b": 1}),
        ({"b": 1}, {"a": 2, "b": 1}),
        ({"a": 2, "b": 1}, {"b": 1}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "d": 1}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 2}),
        ({"a": 2, "b": 2}, {"a": 3, "b": 3}),
    ],
    ids=["both changed", "removed here", "removed there", "two inserted", "same inserted", "all changed"],
)
def test_both_sides_of_every_kind_of_conflict_come_back_whole(tmp_path, style, ours, theirs):
    texts = [emit(lock_of(versions)) for versions in (ours, {"a": 1, "b": 1}, theirs)]
    conflicts, merged = merge_file(tmp_path, *texts, *style)
    assert conflicts > 0
    assert has_conflicts(merged)
    assert sides(merged) == (lock_of(ours), lock_of(theirs))


def test_a_side_that_git_took_apart_is_refused_rather_than_guessed(tmp_path):
    """Git may align a renamed stage with its neighbour: then only its index still holds the two sides."""
    texts = [emit(lock_of(versions)) for versions in ({"renamed": 1, "b": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 1})]
    conflicts, merged = merge_file(tmp_path, *texts)
    assert conflicts
    with pytest.raises(InvalidInput):
        sides(merged)


def test_what_only_one_side_changed_inside_of_a_conflict_stands_in_both(tmp_path):
    """A limit to know: a side that is put together from markers is not always a lock that existed."""
    base = stage("a", 1)
    ours = replace(base, key="k1:ours", spec="c1:ours")
    theirs = replace(base, key="k1:theirs", spec="c1:theirs", metrics={"auc": 0.0, "rows": 7})
    texts = [emit(Lock({}, {"a": s})) for s in (ours, base, theirs)]
    conflicts, merged = merge_file(tmp_path, *texts)
    assert conflicts
    one, other = sides(merged)
    assert other.stages["a"] == theirs
    assert one.stages["a"] == replace(ours, metrics=theirs.metrics)
