"""What commands share: the global options, messages for people on stderr, results for programs on stdout."""

import contextlib
import functools
import math
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from mlops_runner.errors import Diagnostic

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_runner.api import Project

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Settings:
    """The global options; each may stand before or after the command."""

    directory: str = "."
    as_json: bool = False
    quiet: bool = False
    color: bool = True
    lock_timeout: float = 0.0

    def project(self) -> "Project":
        """Open the project that the options name."""
        from pathlib import Path

        from mlops_runner.api import Project

        return Project(Path(self.directory).absolute(), self.lock_timeout)


class SizeParam(click.ParamType[int]):
    """A size such as 16GiB, as a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size."""
        found = re.fullmatch(r"([1-9][0-9]{0,8}) ?(MiB|GiB)", str(value))
        if not found:
            self.fail(f"{value!r} is not a size: a number with a unit, as in 16GiB", param, ctx)
        return int(found[1]) * {"MiB": 2**20, "GiB": 2**30}[found[2]]


def common_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add the global options to a command; it receives them as `settings`."""

    @click.option("-C", "directory", type=click.Path(exists=True, file_okay=False), help="Work in this folder.")
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
    @click.option("--quiet", "-q", is_flag=True, help="Print errors and the result only.")
    @click.option("--no-color", is_flag=True, help="Print without colours (as does NO_COLOR).")
    @click.option("--lock-timeout", type=click.FloatRange(min=0), help="Seconds to wait for another run.  [default: 0]")
    @click.pass_context
    @functools.wraps(function)
    def wrapped(context: click.Context, /, *args: Any, **options: Any) -> R:
        settings = context.ensure_object(Settings)
        _merge(settings, options)
        context.color = None if settings.color else False
        return function(*args, settings=settings, **options)  # type: ignore[arg-type]

    return wrapped


def _merge(settings: Settings, options: dict[str, Any]) -> None:
    settings.directory = options.pop("directory") or settings.directory
    settings.as_json |= options.pop("as_json")
    settings.quiet |= options.pop("quiet")
    settings.color &= not options.pop("no_color") and not os.environ.get("NO_COLOR")
    timeout = options.pop("lock_timeout")
    if timeout is not None and not math.isfinite(timeout):
        raise click.BadParameter(f"{timeout} is not a number of seconds", param_hint="'--lock-timeout'")
    settings.lock_timeout = settings.lock_timeout if timeout is None else timeout


def show_diagnostics(found: Iterable[Diagnostic]) -> None:
    """Print diagnostics for people, each with place and hint."""
    for diagnostic in found:
        style = {"error": "red", "warning": "yellow"}[diagnostic.severity]
        label = click.style(f"{diagnostic.severity}[{diagnostic.code}]", fg=style, bold=True)
        say(f"{label}: {_clean(diagnostic.message)}")
        if diagnostic.place:
            say(f"  --> {_clean(str(diagnostic.place))}")
        if diagnostic.hint:
            say(f"  {click.style('hint', bold=True)}: {_clean(diagnostic.hint)}")


def _clean(text: str) -> str:
    """Keep control characters of user files from reaching the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def say(text: str = "") -> None:
    """Print a line for people. A terminal that is gone stops no work: what came of it stands in the exit code."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True, color=_color())


def emit(text: str) -> None:
    """Print a line of the result."""
    click.echo(text, color=_color())


def emit_json(value: Any) -> None:
    """Print the result as JSON with sorted keys: byte-stable."""
    import json

    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def tell_written(settings: Settings, paths: "Iterable[Path]") -> None:
    """Name the files that a command wrote."""
    listed = [str(path) for path in paths]
    if settings.as_json:
        emit_json({"written": listed})
    else:
        for path in listed:
            say(f"wrote {path}")


def interactive() -> bool:
    """Say whether a person can be shown something that moves."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def styled() -> bool:
    """Say whether what is shown may have colours."""
    return _color() is not False


def _color() -> bool | None:
    context = click.get_current_context(silent=True)
    return False if os.environ.get("NO_COLOR") else (context.color if context else None)
