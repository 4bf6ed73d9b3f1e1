"""Objects: never written twice, never changed in place, never believed when damaged."""

import errno
import os
from pathlib import Path

import pytest

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import InvalidInput
from mlops_runner.store.objects import ObjectStore, cache_folder
from mlops_runner.store.stats import StatCache

DATA = b"some bytes"
DIGEST = digest_bytes(DATA)


@pytest.fixture
def store(tmp_path):
    return ObjectStore(tmp_path)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def damage(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


def set_aside(store):
    return [path.read_bytes() for path in (store.folder.parents[1] / "damaged").glob("*")]


def test_what_was_stored_is_there_and_verified(store, source):
    assert not store.has(DIGEST)
    store.add(source, DIGEST)
    assert store.has(DIGEST)
    assert store.verified(DIGEST.md5, DIGEST.sha256) == DIGEST
    assert store.path(DIGEST.md5).read_bytes() == DATA


def test_an_object_is_read_only_and_no_link_to_its_source(store, source):
    store.add(source, DIGEST)
    status = store.path(DIGEST.md5).stat()
    assert (status.st_mode & 0o777, status.st_nlink) == (0o444, 1)
    source.write_bytes(b"changed")
    assert store.path(DIGEST.md5).read_bytes() == DATA


def test_a_file_that_nobody_else_holds_becomes_the_object(store, source):
    inode = source.stat().st_ino
    store.take(source, DIGEST)
    status = store.path(DIGEST.md5).stat()
    assert (status.st_ino, status.st_mode & 0o777, source.exists()) == (inode, 0o444, False)


def test_a_file_with_another_name_does_not_become_the_object(store, source, tmp_path):
    os.link(source, tmp_path / "users")
    store.take(source, DIGEST)
    (tmp_path / "users").write_bytes(b"changed")
    assert store.verified(DIGEST.md5, DIGEST.sha256) == DIGEST
    assert (tmp_path / "users").stat().st_mode & 0o200, "the user's file is still writable"


@pytest.mark.parametrize("how", ["add", "take"])
def test_a_full_disk_leaves_the_source_and_no_object(store, source, monkeypatch, how):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        getattr(store, how)(source, DIGEST)
    assert source.read_bytes() == DATA
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_an_object_that_is_whole_stays_untouched(store, source):
    store.add(source, DIGEST)
    before = store.path(DIGEST.md5).stat()
    store.add(source, DIGEST)
    assert store.path(DIGEST.md5).stat().st_ino == before.st_ino


@pytest.mark.parametrize("other", [b"", DATA[:-1], b"SOME bytes"], ids=["empty", "cut", "same size"])
def test_a_damaged_object_is_set_aside_when_it_is_read(store, source, other):
    store.add(source, DIGEST)
    damage(store.path(DIGEST.md5), other)
    assert store.verified(DIGEST.md5, DIGEST.sha256) is None
    assert not store.path(DIGEST.md5).exists()
    assert set_aside(store) == [other]


@pytest.mark.parametrize("other", [b"", DATA[:-1], b"SOME bytes"], ids=["empty", "cut", "same size"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_damaged_object_is_replaced_when_its_content_is_added_again(tmp_path, source, other, cached):
    store = ObjectStore(tmp_path, StatCache(tmp_path / "stats.json") if cached else None)
    store.add(source, DIGEST)
    damage(store.path(DIGEST.md5), other)
    store.add(source, DIGEST)
    assert store.path(DIGEST.md5).read_bytes() == DATA
    assert set_aside(store) == [other]


def test_an_object_with_the_right_md5_but_another_sha256_is_damaged(store, source):
    store.add(source, DIGEST)
    assert store.verified(DIGEST.md5, "0" * 64) is None
    assert set_aside(store) == [DATA]


def test_a_missing_object_is_missing(store):
    assert store.verified(DIGEST.md5, DIGEST.sha256) is None
    assert not store.folder.exists(), "looking writes nothing"


def test_a_damaged_manifest_is_written_again(store):
    digest = store.add_folder({"a": DIGEST})
    path = store.path(f"{digest.md5}.dir")
    good = path.read_bytes()
    damage(path, b"[]")
    assert store.add_folder({"a": DIGEST}) == digest
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (good, 0o444)


def test_a_stat_cache_spares_reading_whole_objects(tmp_path, source):
    stats = StatCache(tmp_path / "stats.json", clock=lambda: 1 << 62)
    store = ObjectStore(tmp_path, stats)
    store.add(source, DIGEST)
    store.add(source, DIGEST)
    stats.save()
    assert str(store.path(DIGEST.md5)) in (tmp_path / "stats.json").read_text()


@pytest.mark.parametrize(
    ("text", "line"), [("[cache\n", 1), ("dir = x\n", 1), ("[cache]\ndir = a\ndir = b\n", 3), ("[cache]\n\xff\n", 1)]
)
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path, text, line):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput) as raised:
        cache_folder(tmp_path)
    found = raised.value.diagnostics[0]
    assert (found.code, str(found.place)) == ("dvc-config", f".dvc/config:{line}:1")
