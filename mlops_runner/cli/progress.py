"""Progress of a run on stderr: a moving line on a terminal, one line a step otherwise."""

import contextlib
import itertools
import shutil
import sys
import threading
import time
from dataclasses import dataclass

import click

from mlops_runner.cli.console import interactive, say
from mlops_runner.execute.result import Result
from mlops_runner.plan.steps import Step

SYMBOLS = {"unchanged": "·", "restored": "=", "ran": "✓"}
TICK_SECONDS = 0.1
MOST_UNCHANGED = 20  # in a row; more are counted, as in a plan


class Progress:
    """Listens to the engine."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._running: dict[str, Running] = {}
        self._spinner: Spinner | None = None
        self._width = 24
        self._unchanged: list[Result] = []  # not shown yet

    def started(self, step: Step, position: int, total: int, expected: float | None) -> None:
        """Show that a step runs, and how long it took the last time."""
        if self._quiet or not interactive():
            return
        self._show_unchanged()
        usual = f" (last time {expected:.1f} s)" if expected else ""
        self._running[step.name] = Running(f"{step.name} {position}/{total}{usual}", time.monotonic())
        self._spin()

    def settled(self, result: Result) -> None:
        """Print what came of a step, above the line that moves."""
        self._running.pop(result.name, None)
        if self._quiet:
            return
        if result.how == "unchanged" and not result.warnings:
            self._unchanged.append(result)
            return
        self._show_unchanged()
        self._stop()
        self._show(result)
        self._spin()

    def _show(self, result: Result) -> None:
        numbers = "  ".join(f"{k} {_short(v)}" for k, v in result.stage.metrics.items() if "." not in k)
        took = f"{result.seconds:6.1f} s" if result.how == "ran" else f"{result.how:>8}"
        head = f"  {SYMBOLS[result.how]} {result.name:<{self._width}} {took}"
        say(f"{head}  {click.style(numbers, dim=True)}" if numbers else head)
        for warning in result.warnings:
            say(f"      {click.style('warning', fg='yellow')}: {warning}")

    def _show_unchanged(self) -> None:
        """Print what nobody has heard of yet, one by one or as a number."""
        if not self._unchanged:
            return
        self._stop()
        if len(self._unchanged) > MOST_UNCHANGED:
            say(f"  {SYMBOLS['unchanged']} {f'{len(self._unchanged)} steps':<{self._width}} {'unchanged':>8}")
        else:
            for result in self._unchanged:
                self._show(result)
        self._unchanged.clear()

    def note(self, text: str) -> None:
        """Show something a person should know."""
        self._show_unchanged()
        self._stop()
        say(f"      note: {text}")
        self._spin()

    def close(self) -> None:
        """Stop what moves, as after a failure, and show what was held back."""
        self._running.clear()
        self._show_unchanged()
        self._stop()

    def _spin(self) -> None:
        self._stop()
        if self._running:
            self._spinner = Spinner(tuple(self._running.values()))

    def _stop(self) -> None:
        if self._spinner:
            self._spinner.stop()
            self._spinner = None


def _short(value: object) -> str:
    """Return a value for a line of progress: of a number six digits, the lock has them all."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Running:
    """A step that runs: what to show of it, and when it started (monotonic seconds)."""

    text: str
    since: float


class Spinner:
    """A line that shows what runs, and seconds passing, until it is stopped."""

    def __init__(self, running: tuple[Running, ...]) -> None:
        self._running = running
        self._columns = shutil.get_terminal_size().columns
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Clear the line."""
        self._done.set()
        self._thread.join()
        self._show("")

    def _turn(self) -> None:
        for frame in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            now = time.monotonic()
            texts = (f"{running.text} {now - running.since:.0f} s" for running in self._running)
            self._show(f"  {frame} {'   '.join(texts)}"[: self._columns - 1])
            if self._done.wait(TICK_SECONDS):
                return

    def _show(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that is gone stops no work
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
