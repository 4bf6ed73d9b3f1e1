"""Lines at the bottom of a terminal that are drawn anew in place, below lines that stay.

Each frame is one write, and none where nothing has changed: nothing flickers.
"""

import contextlib
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

import click

TICK_SECONDS = 0.2
SIZE = os.terminal_size((80, 24))  # of a terminal that does not say

_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a frame; a dim one is of less importance."""

    text: str
    dim: bool = False


Frame = Callable[[int, int], Sequence[Line]]  # the number of the frame, rows there are → lines from top to bottom


class Display:
    """Draws frames until it is closed. Lines that stay are printed with `show`."""

    def __init__(self, stream: TextIO, frame: Frame, *, styled: bool) -> None:
        self._stream = stream
        self._frame = frame
        self._styled = styled
        self._widths: list[int] = []  # of the lines that are on the screen
        self._shown = ""
        self._number = 0
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Draw what there is now, and from then on."""
        with self._lock:
            self._draw()
        if self._thread is None:
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()

    def show(self, text: str) -> None:
        """Print lines that stay, above those that are drawn anew."""
        with self._lock:
            self._draw(text if self._styled else click.unstyle(text))

    def close(self) -> None:
        """Draw no more, and leave nothing."""
        self._done.set()
        if self._thread:
            self._thread.join()
        with self._lock:
            self._put(self._erased(_size(self._stream).columns))
            self._widths, self._shown = [], ""

    def _turn(self) -> None:
        while not self._done.wait(TICK_SECONDS):
            with self._lock:
                self._number += 1
                self._draw()

    def _draw(self, above: str = "") -> None:
        columns, rows = _size(self._stream)
        lines = [Line(cut(line.text, columns - 1), line.dim) for line in self._frame(self._number, max(1, rows - 1))]
        texts = [click.style(line.text, dim=True) if line.dim and self._styled else line.text for line in lines]
        shown = "\x1b[K\n".join(texts)
        if not above and shown == self._shown:
            return
        kept = "".join(f"{line}\x1b[K\n" for line in above.splitlines())
        self._put(f"{self._home(columns)}{kept}{shown}\x1b[J")
        self._widths, self._shown = [width(line.text) for line in lines], shown

    def _erased(self, columns: int) -> str:
        return f"{self._home(columns)}\x1b[J" if self._widths else ""

    def _home(self, columns: int) -> str:
        """Move to where the first line begins that is drawn anew; a terminal that is narrower now has folded them."""
        rows = sum(max(1, -(-drawn // max(1, columns))) for drawn in self._widths)
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")

    def _put(self, text: str) -> None:
        if text:
            with contextlib.suppress(OSError):  # a terminal that is gone stops no work
                self._stream.write(text)
                self._stream.flush()


def plain(text: str) -> str:
    """Return a text as it can be shown in one line: without colours and other control characters."""
    text = _CONTROL.sub("", text.replace("\t", " "))
    return "".join(letter for letter in text if letter.isprintable())


def width(text: str) -> int:
    """Return how many columns a text takes up."""
    return sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """Return as much of a text as fits into so many columns; what is cut ends with an ellipsis."""
    if width(text) <= columns:
        return text
    taken, kept = 1, ""
    for letter in text:
        taken += _columns(letter)
        if taken > columns:
            break
        kept += letter
    return f"{kept}…" if columns > 0 else ""


def _columns(letter: str) -> int:
    if letter < "\u0300":
        return 1
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def _size(stream: TextIO) -> os.terminal_size:
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return SIZE
    return os.terminal_size((found.columns or SIZE.columns, found.lines or SIZE.lines))
