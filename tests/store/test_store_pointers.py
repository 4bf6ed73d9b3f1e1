"""Pointers and what surrounds them: what a person wrote is left as it is."""

import pytest

from mlops_runner.digest import digest_bytes
from mlops_runner.store.pointers import Pointers, ensure_dvc, pointer_path, remove_pointers


def write(project, output, files):
    pointers = Pointers(project)
    pointers.write(output, files)
    pointers.save()


FILES = {"a": digest_bytes(b"a")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"/data\n"),
        (b"", b"/data\n"),
        (b"*.pyc\n", b"*.pyc\n/data\n"),
        (b"*.pyc", b"*.pyc\n/data\n"),
        (b"# a\r\n*.pyc\r\n", b"# a\r\n*.pyc\r\n/data\n"),
        (b"\xff\xfe\n", b"\xff\xfe\n/data\n"),
        (b"/data\n# mine\n", b"/data\n# mine\n"),
        (b"/data\r\n", b"/data\r\n"),
        (b"/database\n", b"/database\n/data\n"),
    ],
)
def test_git_ignores_the_folder_and_the_file_keeps_what_it_says(tmp_path, before, after):
    path = tmp_path / "artifacts" / ".gitignore"
    path.parent.mkdir()
    if before is not None:
        path.write_bytes(before)
    write(tmp_path, "artifacts/data", FILES)
    write(tmp_path, "artifacts/data", FILES)
    assert path.read_bytes() == after


def test_an_equal_pointer_is_not_written_again(tmp_path):
    write(tmp_path, "artifacts/data", FILES)
    before = pointer_path(tmp_path, "artifacts/data").stat().st_ino
    write(tmp_path, "artifacts/data", FILES)
    assert pointer_path(tmp_path, "artifacts/data").stat().st_ino == before


def test_removing_a_pointer_twice_is_fine(tmp_path):
    write(tmp_path, "artifacts/data", FILES)
    written = {"artifacts/data/a": FILES["a"].md5}
    remove_pointers(tmp_path, written, keep=())
    remove_pointers(tmp_path, written, keep=())
    assert not pointer_path(tmp_path, "artifacts/data").exists()


def test_a_pointer_to_a_file_is_what_dvc_writes_and_goes_with_it(tmp_path):
    write(tmp_path, "out/a.txt", {"": FILES["a"]})
    text = pointer_path(tmp_path, "out/a.txt").read_text()
    assert text == f"outs:\n- md5: {FILES['a'].md5}\n  size: 1\n  hash: md5\n  path: a.txt\n"
    assert (tmp_path / "out" / ".gitignore").read_text() == "/a.txt\n"
    remove_pointers(tmp_path, {"out/a.txt": FILES["a"].md5}, keep=())
    assert not pointer_path(tmp_path, "out/a.txt").exists()


def test_a_pointer_to_other_bytes_or_of_an_output_that_is_kept_stays(tmp_path):
    write(tmp_path, "artifacts/data", FILES)
    remove_pointers(tmp_path, {"artifacts/data/a": "0" * 32}, keep=())
    remove_pointers(tmp_path, {"artifacts/data/a": FILES["a"].md5}, keep=("artifacts/data",))
    assert pointer_path(tmp_path, "artifacts/data").exists()


def test_a_repository_of_dvc_is_left_as_it_is(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    remote = r\n")
    ensure_dvc(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [".dvc", "config"]


def test_patterns_that_dvc_ignores_are_kept(tmp_path):
    (tmp_path / ".dvcignore").write_text("mine\n")
    ensure_dvc(tmp_path)
    assert (tmp_path / ".dvcignore").read_text() == "mine\n"
