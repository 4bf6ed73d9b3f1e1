"""Progress of a run on stderr: a moving line on a terminal, one line a step otherwise."""

import contextlib
import itertools
import sys
import threading
import time

import click

from mlops_runner.cli.console import interactive, say
from mlops_runner.execute.engine import Result
from mlops_runner.plan.steps import Step

SYMBOLS = {"unchanged": "·", "restored": "=", "ran": "✓"}
TICK_SECONDS = 0.1


class Progress:
    """Listens to the engine."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._spinner: Spinner | None = None
        self._width = 24

    def started(self, step: Step, position: int, total: int, expected: float | None) -> None:
        """Show that a step runs, and how long it took the last time."""
        if self._quiet:
            return
        usual = f" (last time {expected:.1f} s)" if expected else ""
        text = f"{step.name}   step {position} of {total}{usual}"
        if interactive():
            self._spinner = Spinner(text)

    def settled(self, result: Result) -> None:
        """Replace the moving line by what came of it."""
        self._stop()
        if self._quiet:
            return
        numbers = "  ".join(f"{k} {v}" for k, v in result.stage.metrics.items() if "." not in k)
        took = f"{result.seconds:6.1f} s" if result.how == "ran" else f"{result.how:>8}"
        head = f"  {SYMBOLS[result.how]} {result.name:<{self._width}} {took}"
        say(f"{head}  {click.style(numbers, dim=True)}" if numbers else head)
        for warning in result.warnings:
            say(f"      {click.style('warning', fg='yellow')}: {warning}")

    def note(self, text: str) -> None:
        """Show something a person should know."""
        self._stop()
        say(f"      note: {text}")

    def close(self) -> None:
        """Stop what moves, as after a failure."""
        self._stop()

    def _stop(self) -> None:
        if self._spinner:
            self._spinner.stop()
            self._spinner = None


class Spinner:
    """A line that shows seconds passing until it is stopped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Clear the line."""
        self._done.set()
        self._thread.join()
        self._show("")

    def _turn(self) -> None:
        started = time.monotonic()
        for frame in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            self._show(f"  {frame} {self._text}   {time.monotonic() - started:.0f} s")
            if self._done.wait(TICK_SECONDS):
                return

    def _show(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that is gone stops no work
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
