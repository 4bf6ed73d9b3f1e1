"""Read the whole file by the runner's own readers, as they will read it in every run."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops_runner.data.columns import unusable_names
from mlops_runner.data.sources.base import read_source
from mlops_runner.data.table import Table
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Data
from mlops_runner.store.listing import Bounds, list_folder
from mlops_runner.store.objects import cache_folder
from mlops_runner.store.patterns import parse_pattern

MOST_NAMED = 12
PLACE = "table"


@dataclass(frozen=True, slots=True)
class File:
    """Where the bytes are, and what the source will call them: `path` is relative to the project."""

    local: Path
    path: str
    project: Path


@contextmanager
def gathered(file: File) -> Iterator[File]:
    """Show what a pattern takes as a step sees it: links to the files, under their names, in a folder of their own."""
    pattern = parse_pattern(file.path)
    if pattern is None or file.local.exists():
        yield file
        return
    names = list_folder(file.project, pattern.base, Bounds(file.project, cache_folder(file.project)), pattern).names
    if not names:
        hint = "* stands for any characters of one name, ** for any number of folders"
        raise InvalidInput(Diagnostic("no-files", f"no file matches {file.path}", hint=hint))
    with TemporaryDirectory() as folder:
        for name in names:
            link = Path(folder, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((file.project / pattern.base / name).resolve())
        yield replace(file, local=Path(folder))


def read(file: File, source: Mapping[str, Any], types: Mapping[str, str], target: str) -> Table:
    """Read the declared columns of a source. Raises InvalidInput with what the reader complains about."""
    columns = {name: {"type": kind} for name, kind in types.items()}
    columns[target] = {**columns[target], "role": "target"}
    head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "table", "undeclared": "ignore"}
    found = {**source, "path": PLACE}
    given = {**head, "source": found, "columns": columns, "split": {"kind": "random", "seed": 1}}
    spec = Data.model_validate(given, strict=False)
    # Messages call the file as it was given, which need not be a path in a project.
    spec = spec.model_copy(update={"source": spec.source.model_copy(update={"path": file.path})})
    if patterns := unusable_names(spec):
        raise InvalidInput(patterns)
    reading = read_source(spec, file.project, {"source": file.local})
    if reading.table is None or reading.problems:
        raise InvalidInput(reading.problems)
    return reading.table


def check_names(names: Iterable[str], wanted: Mapping[str, str | None], file: File, *, named: bool = True) -> None:
    """Complain about columns that are there twice, or asked for and not there. `wanted`: option to column."""
    listed = list(names)
    known = set(listed)
    problems = []
    if len(known) < len(listed):
        twice = sorted({name for name in listed if listed.count(name) > 1} if len(listed) < 1000 else _doubled(listed))
        message = f"{file.path}: {_quoted(twice)} {'names' if len(twice) == 1 else 'name'} more than one column"
        problems.append(Diagnostic("duplicate-column", message, hint="rename them where the file is written"))
    for option, name in wanted.items():
        if name is not None and name not in known:
            problems.append(_unknown(option, name, listed, file, named))
    if len(listed) == 1:
        message = f'{file.path} has the single column "{listed[0]}": no features to learn from'
        problems.append(Diagnostic("single-column", message, hint="a table needs a target and at least one feature"))
    if problems:
        raise InvalidInput(problems)


def _unknown(option: str, name: str, names: list[str], file: File, named: bool) -> Diagnostic:
    shown = _quoted(names)
    if len(names) > MOST_NAMED:  # the last one is often the target
        shown = f"{_quoted(names[: MOST_NAMED - 1])}, {len(names) - MOST_NAMED} more, and {_quoted(names[-1:])}"
    hint = nearest(name, names) or _same_letters(name, names) or f"the columns are {shown}"
    if not named:
        hint = f"the first line holds no names, so the columns are called {names[0]} to {names[-1]}"
    message = f'{file.path} has no column "{name}" ({option})'
    return Diagnostic("unknown-column", message, hint=hint)


def _same_letters(name: str, names: list[str]) -> str | None:
    found = next((other for other in names if other.strip().casefold() == name.strip().casefold()), None)
    return f'did you mean "{found}"?' if found else None


def _doubled(names: list[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
