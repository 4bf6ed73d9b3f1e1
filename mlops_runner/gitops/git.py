"""Run git: the only place that does."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.errors import Diagnostic, UsageFailure

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, as the name it was asked for and its full id."""

    name: str
    commit: str


def resolve(project: Path, name: str) -> Revision:
    """Find a commit. Raises UsageFailure when the project is not in git or has no such revision."""
    done = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if done.returncode:
        raise UsageFailure(_unknown(project, name))
    return Revision(name, done.stdout.decode().strip())


def read(project: Path, revision: Revision, path: str) -> bytes | None:
    """Return a file's bytes at a revision (path relative to the project), or None when it is not there."""
    done = _git(project, "cat-file", "blob", f"{revision.commit}:./{path}")
    return done.stdout if done.returncode == 0 else None


def unmerged(project: Path, path: str) -> tuple[bytes, bytes] | None:
    """Return our and their version of a file in an unfinished merge (path relative to the project), else None."""
    sides = [_git(project, "cat-file", "blob", f":{stage}:./{path}") for stage in (2, 3)]
    if any(side.returncode for side in sides):
        return None
    return sides[0].stdout, sides[1].stdout


def root(project: Path) -> Path | None:
    """Return the top folder of the working tree that holds the project, or None outside git."""
    done = _git(project, "rev-parse", "--show-toplevel")
    return Path(done.stdout.decode().strip()) if done.returncode == 0 else None


def version() -> str | None:
    """Return git's version, or None when there is no git."""
    try:
        done = subprocess.run(["git", "--version"], capture_output=True, check=False, timeout=TIMEOUT_SECONDS)
    except OSError:
        return None
    return done.stdout.decode().strip().removeprefix("git version ")


def _unknown(project: Path, name: str) -> Diagnostic:
    if root(project) is None:
        return Diagnostic("not-in-git", "this project is not in a git repository", hint="run: git init")
    return Diagnostic("unknown-revision", f'git knows no commit "{name}"', hint="see: git log --oneline")


def _git(project: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return run(project, arguments)


def run(
    folder: Path, arguments: Sequence[str], given: bytes = b"", timeout: float | None = TIMEOUT_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder and return what it answered; nothing is fetched. Raises UsageFailure without git."""
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, input=given, capture_output=True, check=False, env=environment, timeout=timeout)
    except FileNotFoundError:
        raise UsageFailure(Diagnostic("no-git", "git is not installed", hint="install git")) from None
