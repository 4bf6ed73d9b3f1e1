"""Lines that are drawn anew in place, held against what a terminal makes of them."""

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.cli import display
from mlops_runner.cli.display import Display, Line, cut, plain, width

TOKEN = re.compile(r"\x1b\[(\d*)([AKJm])|\x1b\[[0-9;]*m|(.)", re.S)


class Terminal(io.StringIO):
    """As much of a terminal as is needed: it folds lines, moves up, and erases. `screen` holds every row there was."""

    def __init__(self, columns):
        super().__init__()
        self.columns, self.rows, self.row, self.column, self.writes = columns, [""], 0, 0, 0

    def write(self, text):
        self.writes += 1
        for number, what, letter in TOKEN.findall(text):
            if what == "A":
                self.row -= int(number)
                assert self.row >= 0
            elif what == "K":
                self.rows[self.row] = self.rows[self.row][: self.column]
            elif what == "J":
                self.rows[self.row] = self.rows[self.row][: self.column]
                del self.rows[self.row + 1 :]
            elif letter:
                self.put(letter)
        return len(text)

    def put(self, letter):
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self.row, self.column = self.row + 1, 0
            self.rows += [""] * (self.row + 1 - len(self.rows))
        else:
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + letter + row[self.column + 1 :]
            self.column += 1

    def narrow(self, columns):
        """Fold what does not fit any more, as terminals do."""
        folded, at = [], 0
        for number, row in enumerate(self.rows):
            at = len(folded) + self.column // columns if number == self.row else at
            folded += [row[n : n + columns] for n in range(0, max(1, len(row)), columns)]
        self.columns, self.rows, self.row, self.column = columns, folded, at, self.column % columns

    @property
    def screen(self):
        return [row.rstrip() for row in self.rows if row.strip()]


@pytest.fixture
def terminal(monkeypatch):
    found = Terminal(40)
    monkeypatch.setattr(display, "_size", lambda _stream: os.terminal_size((found.columns, 10)))
    return found


def test_lines_that_stay_are_printed_above_those_that_are_drawn_anew(terminal):
    lines = [Line("one runs"), Line("it says", dim=True)]
    drawn = Display(terminal, lambda _number, _rows: lines, styled=True)
    drawn._draw()
    assert terminal.screen == ["one runs", "it says"]
    drawn.show("  done a\n  done b")
    assert terminal.screen == ["  done a", "  done b", "one runs", "it says"]
    lines[:] = [Line("two runs")]
    drawn.show("  done c")
    assert terminal.screen == ["  done a", "  done b", "  done c", "two runs"]
    drawn.close()
    assert terminal.screen == ["  done a", "  done b", "  done c"]


def test_what_has_not_changed_is_not_drawn_again(terminal):
    drawn = Display(terminal, lambda _number, _rows: [Line("same")], styled=False)
    for _ in range(5):
        drawn._draw()
    assert terminal.writes == 1


def test_a_terminal_that_becomes_narrower_keeps_nothing_of_what_was_drawn(terminal):
    drawn = Display(terminal, lambda number, _rows: [Line(f"{number}" + "x" * 60), Line("y" * 29)], styled=False)
    drawn.show("kept")
    terminal.narrow(15)
    drawn._draw("also kept")
    assert terminal.screen == ["kept", "also kept", "0xxxxxxxxxxxx…", "yyyyyyyyyyyyy…"]


# how long each line is; whether something that stays is printed with it
FRAMES = st.lists(st.tuples(st.lists(st.integers(1, 60), max_size=6), st.booleans()), max_size=8)


@given(FRAMES)
def test_whatever_is_drawn_only_the_last_frame_and_what_stays_is_on_the_screen(frames):
    found, kept, now = Terminal(30), [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(display, "_size", lambda _stream: os.terminal_size((found.columns, 10)))
        drawn = Display(found, lambda _number, _rows: now, styled=True)
        for lengths, stays in frames:
            now[:] = [Line("x" * length, dim=length % 2 == 0) for length in lengths]
            if stays:
                kept.append(f"kept {len(kept)}")
                drawn.show(kept[-1])
            else:
                drawn._draw()
            assert found.screen == [*kept, *(cut(line.text, 29) for line in now)]
        drawn.close()
    assert found.screen == kept


ACCENTED = "e\u0301" * 3
CUTS = [
    ("abc", 3, "abc"),
    ("abcd", 3, "ab…"),
    ("日本語", 6, "日本語"),
    ("日本語", 5, "日本…"),
    ("日本語", 4, "日…"),
    ("ab", 0, ""),
]


@pytest.mark.parametrize(("text", "columns", "expected"), [*CUTS, (ACCENTED, 3, ACCENTED)])
def test_a_line_is_cut_at_the_width_of_the_terminal(text, columns, expected):
    assert cut(text, columns) == expected
    assert width(cut(text, columns)) <= columns


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[31mred\x1b[0m \x1b[2J\x1b[1;1Hx", "red x"),
        ("\x1b]0;title\x07bell\x07", "bell"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\tb\x00\x08\x7f\u202e", "a b"),
        ("\x1bc\x1b(Bplain", "plain"),
    ],
)
def test_nothing_that_a_step_says_moves_the_terminal(said, shown):
    assert plain(said) == shown


@given(st.text())
def test_a_plain_text_is_printable(text):
    assert all(letter.isprintable() for letter in plain(text))
