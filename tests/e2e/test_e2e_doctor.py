"""`doctor` looks without touching; `doctor --fix` removes what killed runs left, and nothing else."""

import fcntl

LEFT = [
    ".mlops-tmp-0123456789abcdef",
    "artifacts/.mlops-tmp-0123456789abcdef",
    "artifacts/model/.mlops-tmp-0123456789abcdef",
    "specs/.mlops-tmp-0123456789abcdef",
    ".mlops/.mlops-tmp-0123456789abcdef",
    ".dvc/cache/files/md5/00/.mlops-tmp-0123456789abcdef",
    ".mlops/work/0123456789abcdef/out/model.ubj",
]


def test_fix_removes_leftovers_wherever_a_write_may_have_stopped(built):
    built.write(".gitattributes", "pipeline.lock merge=mlops\n.gitignore merge=union\n")
    before = built.content()
    for file in LEFT:
        built.write(file, "torn")
    assert "leftovers" in failed(built.call("doctor", "--json"))
    assert built.call("doctor", "--fix").code == 0
    assert [file for file in LEFT if (built.root / file).exists()] == []
    assert built.content() == before


def test_fix_leaves_the_files_of_a_run_under_way(built):
    built.write(LEFT[0], "being written")
    with (built.root / ".mlops/runner.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answer = built.call("doctor", "--fix")
    assert answer.code == 1
    assert "another run is under way" in answer.out
    assert (built.root / LEFT[0]).exists()


def test_looking_writes_nothing(fresh, tmp_path):
    (tmp_path / "empty").mkdir()
    before = fresh.listing()
    assert fresh.call("doctor").code == 0
    assert fresh.listing() == before
    assert fresh.call("-C", str(tmp_path / "empty"), "doctor").code == 1
    assert list((tmp_path / "empty").iterdir()) == []


def test_objects_set_aside_are_named_until_they_are_removed(built):
    damaged = built.object_of("artifacts/model/bundle.json")
    damaged.chmod(0o644)
    damaged.write_bytes(b"{}")
    assert built.call("run").code == 0
    assert "cache" in failed(built.call("doctor", "--json"))


def test_a_lock_that_cannot_be_read_is_a_finding(built):
    built.write("pipeline.lock", built.read("pipeline.lock")[:700])
    assert failed(built.call("doctor", "--json")) == {"lock"}


def failed(answer):
    return {finding["name"] for finding in answer.value if not finding["ok"]}
