"""The stat cache: quick where nothing changed, and never wrong where something did."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.digest import digest_bytes
from mlops_runner.durable import copy_file
from mlops_runner.store import stats as module
from mlops_runner.store.stats import RACY_NS, StatCache

LATER = 1 << 62


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"aaaa")
    return path


@pytest.fixture
def reads(monkeypatch):
    """The paths that were read."""
    found = []
    real = module.digest_file
    monkeypatch.setattr(module, "digest_file", lambda path: found.append(path) or real(path))
    return found


def cache(tmp_path, now=LATER):
    return StatCache(tmp_path / ".mlops" / "stats.json", clock=lambda: now)


def saved(tmp_path, *paths, now=LATER):
    found = cache(tmp_path, now)
    for path in paths:
        found.digest(path)
    found.save()
    return cache(tmp_path)


def test_a_file_that_has_not_changed_is_read_once(tmp_path, file, reads):
    assert saved(tmp_path, file).digest(file) == digest_bytes(b"aaaa")
    assert reads == [file]


def test_a_change_of_size_is_noticed(tmp_path, file):
    found = saved(tmp_path, file)
    file.write_bytes(b"aaaaa")
    assert found.digest(file) == digest_bytes(b"aaaaa")


def test_a_change_that_keeps_size_and_time_of_change_is_noticed(tmp_path, file):
    before = file.stat()
    found = saved(tmp_path, file)
    time.sleep(0.02)
    file.write_bytes(b"bbbb")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert found.digest(file) == digest_bytes(b"bbbb")


def test_another_file_of_the_same_size_and_time_is_noticed(tmp_path, file):
    before = file.stat()
    found = saved(tmp_path, file)
    (tmp_path / "other").write_bytes(b"bbbb")
    os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "other").replace(file)
    assert found.digest(file) == digest_bytes(b"bbbb")


@pytest.mark.parametrize(("age", "trusted"), [(0, False), (RACY_NS, False), (RACY_NS + 1, True), (-(10**12), False)])
def test_a_file_that_was_just_written_is_not_trusted(tmp_path, file, reads, age, trusted):
    status = file.stat()
    found = saved(tmp_path, file, now=max(status.st_mtime_ns, status.st_ctime_ns) + age)
    found.digest(file)
    assert len(reads) == (1 if trusted else 2)


def test_a_file_that_changes_while_it_is_read_is_not_remembered(tmp_path, file, monkeypatch):
    real = module.digest_file

    def meddle(path):
        digest = real(path)
        path.write_bytes(b"changed meanwhile")
        return digest

    monkeypatch.setattr(module, "digest_file", meddle)
    found = saved(tmp_path, file)
    monkeypatch.setattr(module, "digest_file", real)
    assert found.digest(file) == digest_bytes(b"changed meanwhile")


def placed(tmp_path, file):
    """A copy of the file that this process wrote, and its status before it got its name."""
    return tmp_path / "copy", copy_file(file, tmp_path / "copy")


def test_a_file_of_our_own_is_remembered_without_reading_it(tmp_path, file, reads):
    copy, written = placed(tmp_path, file)
    stats = StatCache(tmp_path / ".mlops" / "stats.json")
    stats.record(copy, digest_bytes(b"aaaa"), written)
    stats.save()
    assert cache(tmp_path).digest(copy) == digest_bytes(b"aaaa")
    assert reads == []


@pytest.mark.parametrize("when", ["before it is remembered", "afterwards"])
def test_a_file_of_our_own_that_is_changed_at_once_is_noticed(tmp_path, file, when):
    copy, written = placed(tmp_path, file)
    stats = StatCache(tmp_path / ".mlops" / "stats.json")
    if when == "before it is remembered":
        copy.write_bytes(b"bbbb")
    stats.record(copy, digest_bytes(b"aaaa"), written)
    if when == "afterwards":
        copy.write_bytes(b"bbbb")
    stats.save()
    assert cache(tmp_path).digest(copy) == digest_bytes(b"bbbb")


def test_a_file_of_our_own_that_was_replaced_is_not_remembered(tmp_path, file):
    copy, written = placed(tmp_path, file)
    (tmp_path / "other").write_bytes(b"bbbb")
    os.utime(tmp_path / "other", ns=(written.st_atime_ns, written.st_mtime_ns))
    (tmp_path / "other").replace(copy)
    stats = cache(tmp_path)
    stats.record(copy, digest_bytes(b"aaaa"), written)
    assert stats.digest(copy) == digest_bytes(b"bbbb")


def test_a_file_whose_time_could_stay_as_it_is_is_not_remembered(tmp_path, file):
    stats = cache(tmp_path)
    stats.record(file, digest_bytes(b"bbbb"), file.stat())
    assert stats.digest(file) == digest_bytes(b"aaaa")


def test_a_file_of_our_own_that_is_gone_is_no_error(tmp_path, file):
    copy, written = placed(tmp_path, file)
    copy.unlink()
    stats = cache(tmp_path)
    stats.record(copy, digest_bytes(b"aaaa"), written)
    with pytest.raises(FileNotFoundError):
        stats.digest(copy)


def test_a_missing_file_is_an_error(tmp_path, file):
    found = saved(tmp_path, file)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        found.digest(file)


def test_nothing_is_written_when_nothing_was_added(tmp_path, file):
    cache(tmp_path).save()
    assert not (tmp_path / ".mlops").exists()


def test_reading_writes_nothing(tmp_path, file):
    cache(tmp_path).digest(file)
    assert not (tmp_path / ".mlops").exists()


def test_a_relative_path_is_not_believed(tmp_path, file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = file.relative_to(tmp_path)
    found = saved(tmp_path, relative)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    os.link(file, "data.csv")
    assert "data.csv" not in found._entries


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_cache_costs_a_second_reading_and_nothing_else(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("stats")
    (folder / "a").write_bytes(b"aaaa")
    saved(folder, folder / "a")
    path = folder / ".mlops" / "stats.json"
    content = bytearray(path.read_bytes())
    position = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(content))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[:position] if data.draw(st.booleans()) else content)
    assert cache(folder).digest(folder / "a") == digest_bytes(b"aaaa")


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"version":1,"files":{"/a":[1,2,3,4,"m","s"]}}'])
def test_a_cache_of_another_form_is_empty(tmp_path, content):
    (tmp_path / ".mlops").mkdir()
    (tmp_path / ".mlops" / "stats.json").write_bytes(content)
    assert cache(tmp_path)._entries == {}
