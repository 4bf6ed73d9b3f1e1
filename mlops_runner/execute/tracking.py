"""The experiment log: what each run tried and what came of it. Local, embedded, and never part of a lock."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlops_runner.durable import make_folder

VERSION = 1  # of the file; raise it when a record changes its meaning, and read the older ones
Verdict = Literal["passed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run. `number` is given when it is recorded; `at` is UTC, RFC 3339; `seconds` is of the whole run.

    documents: name of the document → its text, as it was run. settings: what was given beside the files. params: flat,
    step → dotted path → value. metrics: of the winner, flat. curves: model → side → metric → values. steps: name → how
    it was settled, key, seconds, peak memory, digests of its files, its own metrics. searches: candidate → all trials.
    """

    at: str
    verdict: Verdict
    seconds: float
    message: str = ""
    revision: str = ""
    settings: tuple[str, ...] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    winner: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    searches: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


class ExperimentLog:
    """Experiments in one SQLite file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, experiment: Experiment) -> int:
        """Record an experiment and return its number; when this returns it is on disk. Raises OSError."""
        make_folder(self._file.parent)
        body = {name: value for name, value in asdict(experiment).items() if name != "number"}
        with self._open() as database:
            row = database.execute("INSERT INTO runs (body) VALUES (?)", (json.dumps(body),))
            database.commit()
        return int(row.lastrowid or 0)

    def latest(self, limit: int | None = None) -> list[Experiment]:
        """Return experiments, the newest first."""
        if not self._file.exists():
            return []
        with self._open() as database:
            query = "SELECT number, body FROM runs ORDER BY number DESC LIMIT ?"
            return [_decode(*row) for row in database.execute(query, (-1 if limit is None else limit,))]

    def find(self, numbers: Sequence[int]) -> dict[int, Experiment]:
        """Return those of the experiments that exist, by number."""
        if not self._file.exists():
            return {}
        with self._open() as database:
            marks = ",".join("?" * len(numbers))
            rows = database.execute(f"SELECT number, body FROM runs WHERE number IN ({marks})", tuple(numbers))  # noqa: S608
            return {number: _decode(number, body) for number, body in rows}

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget experiments."""
        with self._open() as database:
            database.executemany("DELETE FROM runs WHERE number = ?", [(number,) for number in numbers])
            database.commit()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self._file, timeout=10)
            with contextlib.closing(database):
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=FULL")
                if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                    database.execute(
                        "CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)"
                    )
                    database.execute(f"PRAGMA user_version={VERSION}")
                    database.commit()
                yield database
        except sqlite3.Error as error:
            raise OSError(None, f"the experiment log cannot be used: {error}", str(self._file)) from error


def _decode(number: int, body: str) -> Experiment:
    value = json.loads(body)
    return Experiment(**{**value, "settings": tuple(value["settings"]), "number": number})
