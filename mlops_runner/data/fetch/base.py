"""The family of fetchers: what each must offer, what it returns, and the table that finds the leaf for a kind."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeVar, cast

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.base import Secret
from mlops_runner.specs.data import Column
from mlops_runner.specs.data_sources import HttpSource, SqlSource

T = TypeVar("T")

# Leaves are named, not imported: a database driver is an extra that few projects install.
FETCHERS: Mapping[str, str] = {
    "sql": "mlops_runner.data.fetch.sql",
    "http": "mlops_runner.data.fetch.http",
}
EXTRA = frozenset({"sqlalchemy", "psycopg"})
PAUSES = (0.5, 2.0, 5.0)  # seconds before the second, third and fourth attempt


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fetched.

    `secrets` maps the names that the source mentions to their values, `surroundings` the variables by which machines
    name proxies and certificates.
    """

    source: SqlSource | HttpSource
    columns: Mapping[str, Column]
    undeclared: str
    project: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)

    def reveal(self, value: str | Secret) -> str:
        """Return a value that may stand behind a secret."""
        return self.secrets[value.secret] if isinstance(value, Secret) else value


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the digest that pins it, its size as it is stored, and the number of rows where they were seen."""

    digest: str
    size: int
    rows: int | None = None


class Fetcher(Protocol):
    """Fetches one kind of source."""

    def __call__(self, wanted: Wanted, target: Path, log: Callable[[str], None], /) -> Fetched:
        """Write the snapshot to `target`, which does not exist yet.

        Raises Unreachable for what may be over in a moment, StepFailed for what is not, InvalidInput for rows that
        are not those that the document declares. What stands in `target` then counts for nothing.
        """
        ...


class Unreachable(Exception):
    """An attempt failed for a reason that may be over in a moment."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


def fetch(wanted: Wanted, target: Path, log: Callable[[str], None]) -> Fetched:
    """Fetch the snapshot of a source and hold it against its pin, if it has one.

    Raises StepFailed when it cannot be reached, or is not what is pinned; InvalidInput when its rows do not fit.
    """
    try:
        leaf = cast(Fetcher, import_module(FETCHERS[wanted.source.kind]).fetch)
        found = _patiently(lambda: leaf(wanted, target, log), target, log)
    except ModuleNotFoundError as error:
        raise _missing_extra(error) from error
    except OSError as error:
        message = f"the snapshot cannot be written: {error.strerror or error}"
        raise StepFailed(Diagnostic("snapshot-unwritable", message, hint="is there space left?")) from error
    counted = "" if found.rows is None else f"{found.rows} rows, "
    log(f"fetched {counted}{found.size} bytes, {found.digest}")
    if wanted.source.digest not in {None, found.digest}:
        raise StepFailed(_another(wanted.source, found))
    return found


def _patiently(attempt: Callable[[], T], target: Path, log: Callable[[str], None]) -> T:
    """Try again, after longer and longer pauses, while the reason may be over in a moment."""
    for pause in PAUSES:
        try:
            return attempt()
        except Unreachable as error:
            log(f"{error}; trying again in {pause:g} s")
            target.unlink(missing_ok=True)
            time.sleep(pause)
    try:
        return attempt()
    except Unreachable as error:
        message = f"{error.diagnostic.message} (after {len(PAUSES) + 1} attempts)"
        raise StepFailed(replace(error.diagnostic, message=message)) from None


def _another(source: SqlSource | HttpSource, found: Fetched) -> Diagnostic:
    what = "the query answers other rows" if source.kind == "sql" else "there is another file"
    message = f"{what} than the pinned ones: {found.digest}, not {source.digest}"
    hint = "fetch what was pinned from a DVC remote: dvc pull; or take what is there now: mlops data refresh"
    return Diagnostic("pin-differs", message, hint=hint, path="source.digest")


def _missing_extra(error: ModuleNotFoundError) -> Exception:
    """Say how to install what SQL sources need; any other module that is missing is a fault of ours."""
    if error.name not in EXTRA:
        return error
    message = f"SQL sources need {error.name}, which is not installed"
    return InvalidInput(Diagnostic("missing-extra", message, hint="pip install mlops_runner[sql]"))
