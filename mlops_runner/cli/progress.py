"""Progress of a run on stderr: what runs now, with what it says, on a terminal; one line a step otherwise."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from mlops_runner.cli.console import interactive, say, styled
from mlops_runner.cli.display import Display, Line, plain
from mlops_runner.execute.live import LiveLog
from mlops_runner.execute.result import Result
from mlops_runner.plan.steps import Step

SYMBOLS = {"unchanged": "·", "restored": "=", "ran": "✓"}
TURNING = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
MOST_UNCHANGED = 20  # in a row; more are counted, as in a plan
MOST_SAID = 3  # lines of a step that are shown
NAME_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Running:
    """A step that runs: what to show of it, when it started (monotonic seconds), and what it says."""

    name: str
    place: str
    expected: float | None
    since: float
    log: LiveLog


class Progress:
    """Listens to the engine."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._running: dict[str, Running] = {}
        self._unchanged: list[Result] = []  # not shown yet
        self._display = Display(sys.stderr, self._frame, styled=styled()) if interactive() and not quiet else None

    def started(self, step: Step, position: int, total: int, expected: float | None, log: LiveLog) -> None:
        """Show that a step runs, and how long it took the last time."""
        self._running[step.name] = Running(step.name, f"{position}/{total}", expected, time.monotonic(), log)
        if self._display:
            self._show_unchanged()
            self._display.start()

    def ended(self, step: Step) -> None:
        """Show a step no longer."""
        self._running.pop(step.name, None)

    def settled(self, result: Result) -> None:
        """Print what came of a step, above what moves."""
        if self._quiet:
            return
        if result.how == "unchanged" and not result.warnings:
            self._unchanged.append(result)
            return
        self._show_unchanged()
        self._say(_text(result))

    def note(self, text: str) -> None:
        """Show something a person should know."""
        self._show_unchanged()
        self._say(f"      note: {text}")

    def close(self) -> None:
        """Stop what moves, as after a failure, and show what was held back."""
        self._running.clear()
        self._show_unchanged()
        if self._display:
            self._display.close()
            self._display = None

    def _show_unchanged(self) -> None:
        """Print what nobody has heard of yet, one by one or as a number."""
        if len(self._unchanged) > MOST_UNCHANGED:
            head = f"{len(self._unchanged)} steps"
            self._say(f"  {SYMBOLS['unchanged']} {head:<{NAME_COLUMNS}} {'unchanged':>8}")
        elif self._unchanged:
            self._say("\n".join(map(_text, self._unchanged)))
        self._unchanged.clear()

    def _say(self, text: str) -> None:
        if self._display:
            self._display.show(text)
        else:
            say(text)

    def _frame(self, number: int, rows: int) -> Sequence[Line]:
        """Return what runs: a line for each step, below it as much of what it says as there is room for."""
        running = list(self._running.values())
        shown = running if len(running) <= rows else running[: rows - 1]
        said = min(MOST_SAID, (rows - len(running)) // len(running)) if running else 0
        lines = [line for step in shown for line in _lines(step, TURNING[number % len(TURNING)], max(0, said))]
        if more := len(running) - len(shown):
            lines.append(Line(f"    and {more} more", dim=True))
        return lines


def _text(result: Result) -> str:
    """Say what came of a step."""
    numbers = "  ".join(f"{k} {_short(v)}" for k, v in result.stage.metrics.items() if "." not in k)
    took = f"{result.seconds:6.1f} s" if result.how == "ran" else f"{result.how:>8}"
    head = f"  {SYMBOLS[result.how]} {result.name:<{NAME_COLUMNS}} {took}"
    warnings = [f"      {click.style('warning', fg='yellow')}: {warning}" for warning in result.warnings]
    return "\n".join([f"{head}  {click.style(numbers, dim=True)}" if numbers else head, *warnings])


def _short(value: object) -> str:
    """Return a value for a line of progress: of a number six digits, the lock has them all."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _lines(running: Running, turning: str, said: int) -> Iterator[Line]:
    usual = f" (last time {_time(running.expected)})" if running.expected else ""
    seconds = _time(time.monotonic() - running.since, whole=True)
    yield Line(f"  {turning} {running.name} {running.place}  {seconds}{usual}")
    texts = [text for line in running.log.last if (text := plain(line).rstrip())]
    for text in texts[len(texts) - said :] if said < len(texts) else texts:
        yield Line(f"      {text}", dim=True)


def _time(seconds: float, *, whole: bool = False) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s" if whole else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
