"""The journal: nothing that finished is lost, nothing that is damaged is believed."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.digest import FileDigest
from mlops_runner.journal import Finished, append, read

DONE = Finished(
    "k1:a",
    "train.a",
    {"model.ubj": FileDigest("m", "s", 3)},
    {"auc": 0.1 + 0.2, "rows": 5, "f1": None},
    {"g": "pass"},
    1.5,
)
NEXT = replace(DONE, key="k1:b", step="train.b")
LAST = replace(DONE, key="k1:c", step="train.c")


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".mlops" / "journal.jsonl"


def fill(path, *records):
    for record in records:
        append(path, record)


def test_what_was_appended_is_read_back(path):
    fill(path, DONE, NEXT)
    assert read(path) == {"k1:a": DONE, "k1:b": NEXT}


def test_a_missing_journal_is_empty(path):
    assert read(path) == {}


def test_of_several_records_of_one_key_the_last_counts(path):
    again = replace(DONE, seconds=9.0)
    fill(path, DONE, NEXT, again)
    assert read(path) == {"k1:a": again, "k1:b": NEXT}


def test_a_line_end_in_a_name_stays_inside_of_its_record(path):
    odd = replace(DONE, outputs={"a\nb\u2028c\udcff": FileDigest("m", "s", 1)}, step="ü\r")
    fill(path, odd, NEXT)
    assert read(path) == {"k1:a": odd, "k1:b": NEXT}


def test_a_torn_last_line_is_ignored_and_closed_off(path):
    fill(path, DONE, NEXT)
    path.write_bytes(path.read_bytes()[:-20])
    assert read(path) == {"k1:a": DONE}
    append(path, LAST)
    assert read(path) == {"k1:a": DONE, "k1:c": LAST}


def test_a_whole_last_line_without_its_end_is_not_believed_but_never_joined_with_the_next(path):
    fill(path, DONE)
    path.write_bytes(path.read_bytes()[:-1])
    append(path, NEXT)
    assert read(path)["k1:b"] == NEXT


@pytest.mark.parametrize(
    "damage", [b"x", b"\r", b"\n", b"\x00", b"[" * 100_000, b'{"version": 1}', b"{}", b"null", b"{" * 9]
)
def test_a_damaged_line_is_skipped_and_the_rest_is_read(path, damage):
    fill(path, DONE, NEXT, LAST)
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1][:100] + damage + lines[1][100:]
    path.write_bytes(b"\n".join(lines))
    assert read(path) == {"k1:a": DONE, "k1:c": LAST}


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damage_never_changes_what_a_record_says(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    fill(path, DONE, NEXT, LAST)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert read(path).items() <= {"k1:a": DONE, "k1:b": NEXT, "k1:c": LAST}.items()
    assert len(read(path)) >= 1


def test_records_of_a_later_version_are_left_out(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"version": 3, "key": "k1:z"}) + "\n")
    assert read(path) == {}


def test_what_was_appended_before_a_kill_is_there(path):
    code = (
        "import sys; from pathlib import Path; from mlops_runner.journal import Finished, append\n"
        "for n in range(10_000):\n"
        "    append(Path(sys.argv[1]), Finished(f'k1:{n}', 's', {}))\n"
        "    print(n, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        told = 20 + len(writer.stdout.read().splitlines())
    found = read(path)
    assert list(found) == [f"k1:{n}" for n in range(len(found))]
    assert len(found) >= told
    append(path, DONE)
    assert read(path)["k1:a"] == DONE


def test_a_record_that_does_not_fit_on_the_disk_is_an_error(path):
    fill(path, DONE)
    code = (
        "import resource, sys; from pathlib import Path; from mlops_runner.journal import Finished, append\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))\n"
        "append(Path(sys.argv[1]), Finished('k1:b', 's', {}))"
    )
    room = path.stat().st_size + 50
    done = subprocess.run([sys.executable, "-c", code, str(path), str(room)], capture_output=True, text=True)
    assert "OSError" in done.stderr, "a record that is half written is no record"
    append(path, LAST)
    assert read(path) == {"k1:a": DONE, "k1:c": LAST}


def test_a_link_is_refused(path):
    path.parent.mkdir()
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        append(path, DONE)
    assert not path.exists()


def test_ten_thousand_records_are_read_in_less_than_a_second(path):
    append(path, DONE)
    line = path.read_bytes()
    path.write_bytes(line * 10_000)
    started = time.perf_counter()
    assert read(path) == {"k1:a": DONE}
    assert time.perf_counter() - started < 1
