"""What can go wrong, as values: diagnostics (a place, a complaint, a hint) and the exceptions that carry them.

Every exception names its exit code; `cli.main` is the only place that turns one into a process exit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CHANGES = 2
EXIT_REFUSED = 3
EXIT_NOT_VERIFIED = 4
EXIT_MISMATCH = 5
EXIT_USAGE = 64
EXIT_INVALID = 65
EXIT_BUG = 70
EXIT_BUSY = 75
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file: path relative to the project, line and column counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint about something the user can mend.

    `path` names the field of a document it is about, `checks.rules.3`, where only somebody else knows its place.
    """

    code: str
    message: str
    place: Place | None = None
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"
    path: str | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}"


class MlopsError(Exception):
    """Raised for what the caller cannot decide; carries at least one diagnostic."""

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__("; ".join(str(d) for d in found))
        self.diagnostics = found


class StepFailed(MlopsError):
    """A step of the pipeline did not finish."""

    exit_code = EXIT_FAILED


class PolicyRefused(MlopsError):
    """A gate or a policy said no."""

    exit_code = EXIT_REFUSED


class NotVerified(MlopsError):
    """The lock is stale, its chain is broken, or an artifact is missing or different."""

    exit_code = EXIT_NOT_VERIFIED


class PlanMismatch(MlopsError):
    """The plan no longer matches, or somebody else changed the state meanwhile."""

    exit_code = EXIT_MISMATCH


class UsageFailure(MlopsError):
    """The command line asks for something that does not exist."""

    exit_code = EXIT_USAGE


class InvalidInput(MlopsError):
    """A spec, a lock or a data file is not valid."""

    exit_code = EXIT_INVALID


class LockBusy(MlopsError):
    """Another runner works on this project."""

    exit_code = EXIT_BUSY


class Interrupted(MlopsError):
    """The user stopped the command."""

    exit_code = EXIT_INTERRUPTED
