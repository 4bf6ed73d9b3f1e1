"""One command for all pipelines of a repository: those that the one at hand names below itself, and then itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from mlops_runner.cli.console import Settings, emit, emit_json, show_diagnostics
from mlops_runner.errors import (
    EXIT_BUSY,
    EXIT_CHANGES,
    EXIT_FAILED,
    EXIT_INVALID,
    EXIT_MISMATCH,
    EXIT_NOT_VERIFIED,
    EXIT_OK,
    EXIT_REFUSED,
    EXIT_USAGE,
    Diagnostic,
    MlopsError,
    UsageFailure,
)

if TYPE_CHECKING:
    from mlops_runner.api import Project

P = ParamSpec("P")
R = TypeVar("R")

# of several exit codes, the first that is among them is that of the whole
SEVERITY = (
    EXIT_INVALID, EXIT_USAGE, EXIT_BUSY, EXIT_FAILED, EXIT_MISMATCH, EXIT_NOT_VERIFIED, EXIT_REFUSED, EXIT_CHANGES,
    EXIT_OK,
)  # fmt: skip
COMPLETE = frozenset({EXIT_OK, EXIT_REFUSED, EXIT_CHANGES})  # what others read was made
MARKS = {EXIT_OK: "✓", EXIT_CHANGES: "~", None: "–"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command for one pipeline: exit code, how to show it, its value for programs, a few words."""

    code: int
    show: Callable[[], None]
    value: Callable[[], Any]
    words: str


Command = Callable[[str, "Project"], Answer]  # takes the folder, too: places are told from the top


@dataclass(slots=True)
class _Tally:
    """What is known of the pipelines so far: of each its exit code (None: left out), words, and value for programs."""

    codes: dict[str, int | None] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    told: set[Diagnostic] = field(default_factory=set)

    def add(self, folder: str, code: int | None, words: str, value: Any = None, problems: Any = ()) -> None:
        """Note what came of a pipeline."""
        self.codes[folder], self.words[folder] = code, words
        self.values[folder] = {"exit": code, "result": value, "problems": list(problems)}

    def failed(self) -> list[str]:
        """Return the pipelines that did not come to an end."""
        return [folder for folder, code in self.codes.items() if code is not None and code not in COMPLETE]

    def code(self) -> int:
        """Return the worst exit code."""
        return next(code for code in SEVERITY if code in {*self.codes.values(), EXIT_OK})


def all_pipelines_option(function: Callable[P, R]) -> Callable[P, R]:
    """Add --all-pipelines to a command; it receives it as `everywhere`."""
    text = "Also, and before, for the pipelines that pipelines: names."
    option = click.option("--all-pipelines", "-P", "everywhere", is_flag=True, help=text)
    return option(function)


def answer(settings: Settings, command: Command, *, everywhere: bool, **how: Any) -> int:
    """Do a command for the pipeline at hand, or for all, and return the exit code."""
    if everywhere:
        return for_each(settings, command, **how)
    found = command(".", settings.project())
    if settings.as_json:
        emit_json(found.value())
    else:
        found.show()
    return found.code


def refuse_with_all(**given: object) -> None:
    """Refuse options that are about the steps of one pipeline. Raises UsageFailure."""
    if names := [f"--{name.replace('_', '-')}" for name, value in given.items() if value]:
        message = f"{names[0]} is about one pipeline, and --all-pipelines about several"
        raise UsageFailure(Diagnostic("contradiction", message, hint="choose the pipeline with -C"))


def for_each(
    settings: Settings,
    command: Command,
    projects: "Mapping[str, Project] | None" = None,
    left_out: "Callable[[Project, list[str]], str]" = lambda *_: "",
) -> int:
    """Do a command for every pipeline, those below first, and sum up. Returns the worst exit code.

    left_out: says of a pipeline, and of the folders of those that failed before, why it is not done; empty if it is.
    """
    tally = _Tally()
    for folder, project in (settings.project().pipelines() if projects is None else projects).items():
        try:
            if why := left_out(project, tally.failed()):
                tally.add(folder, None, why)
                continue
            if not settings.as_json:
                emit(click.style(f"── {folder}", bold=True))
            found = command(folder, project)
            tally.add(folder, found.code, found.words, found.value() if settings.as_json else None)
            if not settings.as_json:
                found.show()
                emit("")
        except MlopsError as error:
            _complain(settings, tally, folder, error)
    if settings.as_json:
        emit_json(tally.values)
    else:
        _sum_up(tally)
    return tally.code()


def every_pipeline(project: "Project") -> "dict[str, Project]":
    """Return all pipelines, the one at hand last, as far as they can be told from documents that may not be valid."""
    from mlops_runner.api import Project
    from mlops_runner.specs.above import PIPELINE_FILE, named_by

    found = [path for path in dict.fromkeys(named_by(project.root)) if (path / PIPELINE_FILE).is_file()]
    below = {path.relative_to(project.root).as_posix(): Project(path, project.lock_timeout) for path in found}
    return {**below, ".": project}


def waits(project: "Project", failed: list[str], *, stops: bool) -> str:
    """Say for which failure a pipeline cannot run: with `stops` for any, without for those that it reads from."""
    if not failed:
        return ""
    if stops:
        return f"not done: {failed[0]} failed"
    lacking = [folder for folder in failed if folder in project.reads_from()]
    return f"not done: reads what {lacking[0]} writes, which failed" if lacking else ""


def _complain(settings: Settings, tally: _Tally, folder: str, error: MlopsError) -> None:
    from mlops_runner.api.below import shifted

    problems = shifted(folder, error.diagnostics)
    new = [problem for problem in problems if problem not in tally.told]
    tally.told.update(new)
    if not settings.as_json:
        show_diagnostics(new)
        emit("")
    listed = [{"code": d.code, "message": d.message, "place": str(d.place or "")} for d in problems]
    tally.add(folder, error.exit_code, f"failed: {problems[0].message}", problems=listed)


def _sum_up(tally: _Tally) -> None:
    width = max(map(len, tally.codes), default=0)
    for folder, code in tally.codes.items():
        ended = f"   exit {code}" if code else ""
        emit(f"  {MARKS.get(code, '✗')} {folder:<{width}}  {tally.words[folder]}{ended}")
