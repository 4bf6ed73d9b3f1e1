"""Durable writes, on real files: the old content or the new, never less, and nothing left behind."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.durable import (
    TEMPORARY,
    copy_file,
    leftovers,
    make_folder,
    move_file,
    replacing,
    seal,
    unseal,
    write_bytes,
    write_if_changed,
    write_text,
)


@pytest.fixture
def umask():
    """Set the umask; it is restored afterwards."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_in_the_block_leaves_the_old_content_and_nothing_else(tmp_path, error):
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(error), replacing(target) as stream:  # noqa: PT012
        stream.write(b"new")
        raise error
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_until_the_block_ends_readers_see_the_old_content(tmp_path):
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with replacing(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_a_target_that_is_a_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_bytes(tmp_path / "a", b"x")
    assert names(tmp_path) == ["a"]


def test_a_link_is_replaced_and_what_it_named_is_left_alone(tmp_path):
    (tmp_path / "named").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to("named")
    write_bytes(tmp_path / "link", b"ours")
    assert (tmp_path / "named").read_bytes() == b"theirs"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"ours"


def test_folders_that_are_missing_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c", "x")
    assert (tmp_path / "a" / "b" / "c").read_text() == "x"


def test_every_new_name_is_made_durable_in_its_folder(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    write_text(tmp_path / "a" / "b" / "c", "x")
    assert [path for path in synced if TEMPORARY not in path] == [
        str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b"),
    ]  # fmt: skip
    assert TEMPORARY in synced[2], "the bytes are durable before their name is"


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a" / "b")


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644)])
def test_a_file_is_no_more_open_than_the_umask_allows(tmp_path, umask, mask, expected):
    umask(mask)
    write_text(tmp_path / "a", "x")
    copy_file(tmp_path / "a", tmp_path / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (expected, expected)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_mode_that_is_asked_for_is_exact(tmp_path, umask, mask):
    umask(mask)
    with replacing(tmp_path / "a", 0o444) as stream:
        stream.write(b"x")
    copy_file(tmp_path / "a", tmp_path / "b", 0o444)
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o444, 0o444)


def test_a_copy_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "missing", tmp_path / "a")
    assert names(tmp_path) == []


def test_text_keeps_its_line_ends(tmp_path):
    write_text(tmp_path / "a", "x\r\ny\n")
    assert (tmp_path / "a").read_bytes() == b"x\r\ny\n"


def test_equal_content_is_not_written_again(tmp_path):
    target = tmp_path / "a"
    assert write_if_changed(target, "x")
    before = target.stat().st_ino
    assert not write_if_changed(target, "x")
    assert target.stat().st_ino == before
    assert write_if_changed(target, "y")


def test_a_full_disk_is_an_error_and_the_old_content_stays(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    code = (
        "import resource, sys; from pathlib import Path; from mlops_runner.durable import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_bytes(Path(sys.argv[1]), b'x' * 5000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True)
    assert "OSError" in done.stderr
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_what_a_kill_leaves_behind_can_be_found(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from mlops_runner.durable import replacing\n"
        "with replacing(Path(sys.argv[1])) as stream: os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b" / "a")], check=False)
    assert [path.parent.name for path in leftovers(tmp_path)] == ["b"]
    assert not (tmp_path / "b" / "a").exists()


@given(st.binary(max_size=80))
def test_a_sealed_body_comes_back(body):
    assert unseal(seal(body)) == body


@given(st.binary(max_size=40), st.data())
def test_a_damaged_seal_is_not_opened(body, data):
    sealed = bytearray(seal(body))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    assert unseal(bytes(sealed)) is None
    assert unseal(seal(body)[:position]) is None


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_a_copy_has_the_bytes_and_shares_no_name(tmp_path, size):
    (tmp_path / "a").write_bytes(b"x" * size)
    written = copy_file(tmp_path / "a", tmp_path / "b", 0o444)
    assert (tmp_path / "b").read_bytes() == b"x" * size
    status = (tmp_path / "b").stat()
    assert (status.st_ino, status.st_mtime_ns, status.st_nlink) == (written.st_ino, written.st_mtime_ns, 1)
    (tmp_path / "a").write_bytes(b"changed")
    assert (tmp_path / "b").read_bytes() == b"x" * size


def test_a_copy_is_made_by_hand_where_the_kernel_cannot(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "not here")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x" * 3_000_000


def test_what_was_written_is_dated_back_so_that_a_change_at_once_shows(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    copy_file(tmp_path / "a", tmp_path / "b")
    before = (tmp_path / "b").stat()
    assert before.st_mtime_ns < before.st_ctime_ns
    (tmp_path / "b").write_bytes(b"y")
    assert (tmp_path / "b").stat().st_mtime_ns > before.st_mtime_ns


def test_a_moved_file_is_the_same_file(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    inode = (tmp_path / "a").stat().st_ino
    move_file(tmp_path / "a", tmp_path / "deep" / "b", 0o444)
    status = (tmp_path / "deep" / "b").stat()
    assert (status.st_ino, status.st_mode & 0o777, (tmp_path / "a").exists()) == (inode, 0o444, False)


def test_a_file_with_a_second_name_is_copied(tmp_path):
    (tmp_path / "mine").write_bytes(b"x")
    os.link(tmp_path / "mine", tmp_path / "a")
    move_file(tmp_path / "a", tmp_path / "b", 0o444)
    (tmp_path / "mine").write_bytes(b"changed")
    assert (tmp_path / "b").read_bytes() == b"x"
