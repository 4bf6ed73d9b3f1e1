"""The options by which plan and run are told which steps they are about."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from mlops_runner.plan.select import Selection

P = ParamSpec("P")
R = TypeVar("R")


def selection_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add --to, --from and --only to a command; it receives them as `selection`, None without any."""

    @click.option(
        "--to", multiple=True, metavar="STEP", help="A step and what it needs; may be repeated, as all three."
    )
    @click.option("--from", "start", multiple=True, metavar="STEP", help="A step and all that follows it.")
    @click.option("--only", multiple=True, metavar="STEP", help="A step alone; what it reads is taken as locked.")
    @functools.wraps(function)
    def wrapped(*args: Any, to: tuple[str, ...], start: tuple[str, ...], only: tuple[str, ...], **options: Any) -> R:
        return function(*args, selection=_selection(to, start, only), **options)  # type: ignore[arg-type]

    return wrapped


def _selection(to: tuple[str, ...], start: tuple[str, ...], only: tuple[str, ...]) -> "Selection | None":
    if not (to or start or only):
        return None
    from mlops_runner.plan.select import Selection

    return Selection(to, start, only)
