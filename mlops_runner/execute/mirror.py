"""The folder in which a step of the project's own runs: its inputs and its code at their paths, and nothing else.

Inputs are links to where their bytes are, code is copied. What the step leaves there is sorted into what it declared
and what it did not.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_file
from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.plan.steps import Step

MIRROR = "project"  # the name of that folder
IGNORED = "__pycache__"
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Left:
    """What a step left in its folder: the files it declared, and in words what it did beyond that."""

    files: Mapping[str, FileDigest]
    surprises: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What lies in the folder of a step before it starts, as paths in the project."""

    inputs: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()


def lay_out(folder: Path, step: Step, files: Mapping[str, Path], code: Mapping[str, Path]) -> None:
    """Make the folder: links to inputs, copies of code, and the folders into which the step writes."""
    parents = {str(Path(path).parent) for path in (*files, *code, *step.outputs)}
    for parent in sorted(parents):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for path, source in files.items():
        (folder / path).symlink_to(source)
    for path, source in code.items():
        shutil.copy(source, folder / path)


def collect(folder: Path, step: Step, seen: Seen) -> Left:
    """Take stock of what a step wrote.

    Raises StepFailed for an output that is missing or empty, and for what is no regular file.
    """
    outputs = step.outputs
    files, problems = dict[str, FileDigest](), list[Diagnostic]()
    for output in outputs:
        try:
            files |= _digests(folder, output)
        except _OddOutputError as error:
            place, hint = step.output_place(output), error.hint
            problems.append(Diagnostic(error.code, f"step {step.name} {error}", place, hint))
    if problems:
        raise StepFailed(problems)
    return Left(files, tuple(_surprises(folder, seen, outputs)))


class _OddOutputError(Exception):
    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def _digests(folder: Path, output: str) -> dict[str, FileDigest]:
    path = folder / output
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        hint = "write it there, below the folder in which the step runs; or correct outputs"
        raise _OddOutputError("no-output", f"did not write {output}", hint) from None
    if stat.S_ISREG(mode):
        return {output: digest_file(path)}
    if not stat.S_ISDIR(mode):
        raise _OddOutputError("irregular-output", f"wrote {output}, which is not a regular file", "write plain files")
    found = {}
    for name in sorted(_below(path)):
        inner = path / name
        if not stat.S_ISREG(inner.lstat().st_mode):
            message = f"wrote {output}/{name}, which is not a regular file"
            raise _OddOutputError("irregular-output", message, "write plain files")
        found[f"{output}/{name}"] = digest_file(inner)
    if not found:
        raise _OddOutputError("no-output", f"wrote nothing into {output}", "an empty folder cannot be kept")
    return found


def _below(folder: Path) -> Iterator[str]:
    """Yield the files below a folder by their paths there; a link is a file, wherever it leads."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{name}" for name in _below(Path(entry)))
        else:
            yield entry.name


def _surprises(folder: Path, seen: Seen, outputs: Iterable[str]) -> Iterator[str]:
    """Say what a step did that it had not declared: files beside its outputs, inputs that are gone or replaced."""
    heads = tuple(f"{output}/" for output in outputs)
    present = {name for name in _below(folder) if not f"{name}/".startswith(heads)}
    strays = {name for name in present - seen.inputs - seen.programs if IGNORED not in name.split("/")}
    touched = {name for name in seen.inputs if not (folder / name).is_symlink()}
    for names, what in ((strays, "wrote {}, which it does not declare"), (touched, "removed or replaced {}, an input")):
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"it {what.format(', '.join(sorted(names)[:MOST_NAMED]) + more)}"
