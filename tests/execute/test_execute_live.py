"""What running steps say, as it is passed on: whole lines, no secrets."""

from contextlib import closing
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.execute import live
from mlops_runner.execute.live import LiveLog, live_of
from mlops_runner.execute.logs import finish_log
from mlops_runner.execute.secrets import hidden

STEP = SimpleNamespace(name="a", file_name="a")
SECRETS = {"TOKEN": "hunter2-hunter2", "KEY": "-----BEGIN-----\nabcdefgh\nijklmnop\n-----END-----"}
WORDS = st.sampled_from(
    ["hunter2-hunter2", "hunter2", SECRETS["KEY"], "\n", "\r", "\r\n", "50% ", "said ", "hunter2-hunter2hunter2-", "ü"]
)


@pytest.fixture
def folders(tmp_path_factory):
    return tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("logs")


def leaks(text):
    return any(secret in text for secret in (b"hunter2-hunter2", b"abcdefgh", b"ijklmnop"))


@given(st.lists(WORDS), st.lists(st.integers(0, 200)), st.randoms(use_true_random=False))
def test_however_it_is_written_no_secret_is_passed_on_and_nothing_is_lost(tmp_path_factory, words, cuts, draw):
    work, logs = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("logs")
    data = "".join(words).encode()
    ends = sorted({*(cut for cut in cuts if cut < len(data)), len(data)})
    with closing(LiveLog(STEP, work, logs, SECRETS)) as found:
        with (work / "log.txt").open("ab", buffering=0) as stream:
            for begin, end in zip([0, *ends], ends, strict=False):
                stream.write(data[begin:end])
                if draw.random() < 0.7:
                    found.look()
                    assert not leaks("\n".join(found.last).encode())
        found.look()
        said = live_of(logs, STEP).read_bytes() if live_of(logs, STEP).exists() else b""
    assert not live_of(logs, STEP).exists()
    assert not leaks(said)
    end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    if SECRETS["KEY"] not in "".join(words):
        assert said == hidden(data[:end], SECRETS)


def test_the_last_lines_are_remembered_and_of_a_progress_bar_its_last_state(folders):
    found = closing(LiveLog(STEP, *folders, {}))
    (folders[0] / "log.txt").write_text("\n".join(f"line {n}" for n in range(9)) + "\r10%\r20%\r\n\n30")
    with found:
        found.thing.look()
    assert found.thing.last == ("line 6", "line 7", "line 8", "10%", "20%")


def test_a_line_without_end_is_not_collected_for_ever(folders, monkeypatch):
    monkeypatch.setattr(live, "MOST_BYTES", 1000)
    found = closing(LiveLog(STEP, *folders, {}))
    (folders[0] / "log.txt").write_bytes(b"x" * 5000 + b"\nend\n")
    with found:
        for _ in range(7):
            found.thing.look()
    assert found.thing.last[-1] == "end"
    assert len(found.thing._part) <= 2000


def test_of_a_log_without_end_the_first_and_last_lines_are_kept_and_no_half_secret(tmp_path):
    log = tmp_path / "log.txt"
    line = b"a line with hunter2-hunter2 in it\n"
    log.write_bytes(b"first\n" + line * 400_000 + b"last\n")
    finish_log(tmp_path, SECRETS)
    lines = log.read_bytes().splitlines()
    assert lines[0] == b"first"
    assert lines[-1] == b"last"
    assert log.stat().st_size < 8 << 20
    (left_out,) = (text for text in lines if b"are left out here" in text)
    assert set(lines[1:-1]) == {b"a line with *** in it", left_out}
