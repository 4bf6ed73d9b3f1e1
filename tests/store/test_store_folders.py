"""Folders: one digest for what lies in them, quick where nothing changed, and never wrong where something did."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.digest import digest_bytes, folder_digest
from mlops_runner.errors import InvalidInput, PlanMismatch
from mlops_runner.store import folders as module
from mlops_runner.store.inputs import Content, Inputs
from mlops_runner.store.layout import Layout
from mlops_runner.store.listing import Bounds, list_folder

FILES = {"a.csv": b"1", "deep/er/b.csv": b"2", "deep/empty": b"", "ü x.csv": b"3", "line\nend": b"4"}
LATER = 1 << 62


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "project")


def fill(root, files=FILES):
    for name, data in files.items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def inputs(root, now=LATER):
    found = Inputs(Layout(root))
    found._folders._clock = found.stats._clock = lambda: now
    return found


def saved(root, path="data", now=LATER, md5=False):
    found = inputs(root, now)
    content = found.look(path, md5=md5)
    found.save()
    return content


def expected(files):
    return folder_digest({name: digest_bytes(data).sha256 for name, data in files.items()})


@pytest.fixture
def reads(monkeypatch):
    """The files of folders that were read."""
    found = []
    real = module._Reader._small
    monkeypatch.setattr(
        module._Reader, "_small", lambda self, fd, name, *rest: found.append(name) or real(self, fd, name, *rest)
    )
    return found


def test_a_folder_has_the_digest_of_its_names_and_bytes(root):
    assert inputs(root).look("data") == Content(expected(FILES))


def test_the_md5_is_the_one_that_dvc_gives_the_folder(root):
    from mlops_runner.store.objects import manifest

    md5 = digest_bytes(manifest({name: digest_bytes(data) for name, data in FILES.items()})).md5
    assert inputs(root).look("data", md5=True).md5 == f"{md5}.dir"


def test_a_folder_that_has_not_changed_is_not_read_again(root, reads):
    first = saved(root)
    assert len(reads) == len(FILES)
    assert saved(root) == first
    assert len(reads) == len(FILES)


@pytest.mark.parametrize("change", ["content", "size", "touch", "add", "remove", "rename", "replace", "utime"])
def test_a_change_is_noticed_and_nothing_else_is_read(root, reads, change):
    saved(root)
    reads.clear()
    files = dict(FILES)
    file = root / "data" / "a.csv"
    before = file.stat()
    if change == "content":
        file.write_bytes(b"9")
        files["a.csv"] = b"9"
    elif change == "size":
        file.write_bytes(b"99")
        files["a.csv"] = b"99"
    elif change == "touch":
        os.utime(file)
    elif change == "add":
        (root / "data" / "new").write_bytes(b"n")
        files["new"] = b"n"
    elif change == "remove":
        file.unlink()
        del files["a.csv"]
    elif change == "rename":
        file.rename(root / "data" / "z.csv")
        files["z.csv"] = files.pop("a.csv")
    elif change == "replace":
        (root / "other").write_bytes(b"9")
        os.utime(root / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
        (root / "other").replace(file)
        files["a.csv"] = b"9"
    elif change == "utime":
        file.write_bytes(b"9")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        files["a.csv"] = b"9"
    assert inputs(root).look("data").digest == expected(files)
    assert len(reads) == (change != "remove")


def test_a_file_that_was_just_written_is_read_again(root, reads):
    saved(root, now=0)
    reads.clear()
    saved(root)
    assert len(reads) == len(FILES)


def test_md5_is_computed_when_it_is_asked_for_and_kept_when_a_file_was_only_touched(root, monkeypatch):
    saved(root)
    content = saved(root, md5=True)
    assert content.md5
    os.utime(root / "data" / "a.csv")
    assert saved(root) == content


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, 5 << 20])
def test_a_large_file_has_the_same_digest_as_a_small_one(root, size):
    (root / "data" / "large").write_bytes(b"x" * size)
    digest = expected({**FILES, "large": b"x" * size})
    assert inputs(root).look("data").digest == digest
    assert saved(root, md5=True).digest == digest
    assert inputs(root).look("data").digest == digest


def test_what_changed_is_named(root):
    then = saved(root)
    (root / "data" / "a.csv").write_bytes(b"9")
    (root / "data" / "ü x.csv").unlink()
    for name in "pqrs":
        (root / "data" / name).write_bytes(b"")
    found = inputs(root)
    found.look("data")
    difference = found.difference("data", then.digest)
    assert str(difference) == "4 added (p, q, r, …); 1 removed (ü x.csv); 1 changed (a.csv)"
    assert found.difference("data", "f1:other") is None


def test_nothing_is_written_by_looking(root):
    inputs(root).look("data")
    assert not (root / ".mlops").exists()


@pytest.mark.parametrize(
    "path", ["nothing", "nothing/deep", "data/a.csv/deep", "data/*.parquet", "nothing/*", "data/void"]
)
def test_what_is_not_there_is_nothing(root, path):
    (root / "data" / "void").mkdir()
    assert inputs(root).look(path) is None


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("data/*.csv", ["a.csv", "ü x.csv"]),
        ("data/**/*.csv", ["a.csv", "deep/er/b.csv", "ü x.csv"]),
        ("data/**", list(FILES)),
        ("data/*/*", ["deep/empty"]),
        ("data/d*/**/b*", ["deep/er/b.csv"]),
        ("data/line*", ["line\nend"]),
        ("data/a*a.csv", []),
    ],
)
def test_a_pattern_takes_the_files_it_names(root, pattern, names):
    (root / "data" / ".hidden").write_bytes(b"")
    (root / "data" / ".git").mkdir()
    (root / "data" / ".git" / "x.csv").write_bytes(b"")
    found = inputs(root).look(pattern)
    assert (found.digest if found else None) == (expected({n: FILES[n] for n in names}) if names else None)


def test_a_step_is_shown_the_same_relative_names(root):
    found = inputs(root)
    assert list(found.files("data/a.csv")) == ["a.csv"]
    assert list(found.files("data")) == sorted(f"data/{name}" for name in FILES)
    assert list(found.files("data/deep/**/*.csv")) == ["deep/er/b.csv"]
    assert all(path.read_bytes() == FILES[name.removeprefix("data/")] for name, path in found.files("data").items())


def test_a_link_within_the_project_counts_as_what_it_leads_to(root):
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "f").write_bytes(b"linked")
    (root / "data" / "file").symlink_to("../elsewhere/f")
    (root / "data" / "folder").symlink_to("../elsewhere")
    files = {**FILES, "file": b"linked", "folder/f": b"linked"}
    assert saved(root).digest == expected(files)
    (root / "elsewhere" / "f").write_bytes(b"another")
    assert inputs(root).look("data").digest != expected(files)


def break_in(root, tmp_path, how):
    place = root / "data" / "odd"
    if how == "out":
        (tmp_path / "secret").write_text("x")
        place.symlink_to(tmp_path / "secret")
    elif how == "folder out":
        (tmp_path / "secrets").mkdir()
        place.symlink_to(tmp_path / "secrets")
    elif how == "nowhere":
        place.symlink_to("gone")
    elif how == "itself":
        place.symlink_to("odd")
    elif how == "circle":
        place.symlink_to("../data")
    elif how == "deep circle":
        (root / "data" / "deep" / "er" / "up").symlink_to("../../../data")
    elif how == "pipe":
        os.mkfifo(place)
    elif how == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            before = Path.cwd()
            os.chdir(place.parent)
            made.bind("odd")
            os.chdir(before)
    elif how == "device":
        place.symlink_to(os.devnull)


WORDS = {
    "out": "leaves the project", "folder out": "leaves the project", "nowhere": "leads nowhere", "itself": "loop",
    "circle": "a folder that it lies in", "deep circle": "a folder that it lies in", "pipe": "is a pipe",
    "socket": "is a socket", "device": "leaves the project",
}  # fmt: skip


@pytest.mark.parametrize("how", WORDS)
def test_what_cannot_be_an_input_is_refused(root, tmp_path, how):
    break_in(root, tmp_path, how)
    with pytest.raises(InvalidInput, match=WORDS[how]):
        inputs(root).look("data")


@pytest.mark.parametrize("how", [how for how in WORDS if "circle" not in how])
def test_what_cannot_be_an_input_is_refused_as_a_file(root, tmp_path, how):
    break_in(root, tmp_path, how)
    with pytest.raises(InvalidInput, match=WORDS[how]):
        inputs(root).look("data/odd")


@pytest.mark.parametrize("how", ["out", "pipe", "itself"])
def test_a_pattern_does_not_mind_what_it_does_not_take(root, tmp_path, how):
    break_in(root, tmp_path, how)
    (root / "data" / "odd").rename(root / "data" / "odd.lock")
    assert inputs(root).look("data/*.csv") is not None


def test_a_link_into_the_cache_of_dvc_is_what_dvc_makes(root, tmp_path):
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "object").write_bytes(b"x")
    (root / "data" / "linked").symlink_to(tmp_path / "shared" / "object")
    assert inputs(root).look("data").digest == expected({**FILES, "linked": b"x"})


def test_two_names_that_are_one_elsewhere_are_refused(root):
    (root / "data" / "\u00e9").write_bytes(b"")
    (root / "data" / "e\u0301").write_bytes(b"")
    with pytest.raises(InvalidInput, match="the same name on other systems"):
        inputs(root).look("data")


def test_a_name_that_is_not_text_is_refused(root):
    (root / "data" / os.fsdecode(b"\xff\xfe")).write_bytes(b"")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        inputs(root).look("data")


def test_a_file_that_goes_away_meanwhile_is_no_answer(root, monkeypatch):
    real = module._Reader.read

    def meddle(self, listing):
        (root / "data" / "a.csv").unlink()
        return real(self, listing)

    monkeypatch.setattr(module._Reader, "read", meddle)
    with pytest.raises(PlanMismatch, match="changes while it is read"):
        inputs(root).look("data")


def test_a_file_that_changes_while_it_is_read_is_not_remembered(root, monkeypatch):
    real = os.read

    def meddle(descriptor, size):
        data = real(descriptor, size)
        if data == b"1":
            (root / "data" / "a.csv").write_bytes(b"9")
        return data

    monkeypatch.setattr(os, "read", meddle)
    saved(root)
    monkeypatch.undo()
    assert inputs(root).look("data").digest == expected({**FILES, "a.csv": b"9"})


def test_a_folder_deeper_than_python_recurses_is_listed(root):
    deep = str(root / "data")
    for _ in range(1200):
        deep += "/d"
        os.mkdir(deep)  # noqa: PTH102 pathlib itself recurses
    with open(f"{deep}/f", "wb"):  # noqa: PTH123
        pass
    names = list_folder(root, "data", Bounds(root, root)).names
    assert max(map(len, names)) == 2401
    subprocess.run(["rm", "-r", str(root / "data" / "d")], check=True)  # nor can pytest remove it


def test_a_folder_that_cannot_be_read_is_named(root):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "data" / "deep").chmod(0)
    with pytest.raises(InvalidInput, match="cannot be read"):
        inputs(root).look("data")


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_record_costs_a_second_reading_and_nothing_else(tmp_path_factory, data):
    root = fill(tmp_path_factory.mktemp("folders"))
    saved(root)
    (root / "data" / "a.csv").write_bytes(b"9")
    file = next((root / ".mlops" / "folders").iterdir())
    content = bytearray(file.read_bytes())
    position = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(content))
    content[position] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content[:position] if data.draw(st.booleans()) else content)
    assert inputs(root).look("data").digest == expected({**FILES, "a.csv": b"9"})


def test_looking_from_two_threads_gives_one_answer(root):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(inputs(root).look("data"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {Content(expected(FILES))}
