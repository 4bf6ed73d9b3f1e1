"""Cleans and checks a CSV text, or a Parquet file that is scanned, without splitting and storing it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops_runner.data.checks.base import Context, Outcome
from mlops_runner.data.checks.run import diagnostics, run_checks
from mlops_runner.data.cleaning import Cleaned, clean
from mlops_runner.data.sources.base import read_source
from mlops_runner.data.table import Table
from mlops_runner.data.types import convert
from mlops_runner.errors import InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_cleaning import Cast

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TARGET = {"type": "string", "role": "target"}


@dataclass
class Room:
    """One folder with a table in it, and files that rules name."""

    folder: Path

    def spec(self, columns: dict[str, Any], rules: Any = (), **fields: Any) -> Data:
        head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "loans"}
        source = {"kind": "csv", "path": "loans.csv"}
        checks = {"duplicate_rows": "allow", "rules": rules}
        value = {**head, "source": source, "columns": columns, "checks": checks, "split": {"kind": "random", "seed": 1}}
        return Data.model_validate({**value, **fields}, strict=False)

    def table(self, spec: Data, text: str) -> tuple[Table, dict[str, int]]:
        file = self.folder / "loans.csv"
        file.write_text(text)
        reading = read_source(spec, self.folder, {"source": file})
        assert reading.table is not None, reading.problems
        lenient = frozenset(name for step in spec.cleaning if isinstance(step, Cast) for name in step.columns)
        table, problems, unread = convert(reading.table, spec.columns, lenient)
        assert not [*reading.problems, *problems]
        return table, unread

    def cleaned(self, text: str, columns: dict[str, Any], steps: list[Any], **fields: Any) -> Cleaned:
        spec = self.spec(columns, cleaning=steps, **fields)
        return clean(spec, *self.table(spec, text))

    def run(self, text: str, columns: dict[str, Any], *rules: Any, **given: Any) -> list[Outcome]:
        """Return what came of the rules, without the limits of columns."""
        spec = self.spec(columns, rules, **given.pop("fields", {}))
        return self.ask(spec, self.table(spec, text)[0], **given)

    def ask(self, spec: Data, table: Table, **given: Any) -> list[Outcome]:
        context = Context(self.folder, **{"inputs": {}, "now": NOW, **given})
        self.said = diagnostics(found := run_checks(spec, table, context), spec, table)
        return [one for one in found if not one.check.name.startswith(("columns.", "rows", "target ", "duplicate_"))]

    def only(self, *args: Any, **given: Any) -> Outcome:
        (found,) = self.run(*args, **given)
        return found

    def message(self, *args: Any, **given: Any) -> str:
        """Return the message of the only rule, which must not pass."""
        assert self.only(*args, **given).answer != "pass"
        return str([one.message for one in self.said][-1])

    def refusal(self, *args: Any, **given: Any) -> str:
        """Return the message when a rule cannot be asked at all."""
        with pytest.raises(InvalidInput) as caught:
            self.run(*args, **given)
        (found,) = caught.value.diagnostics
        return found.message


def scanned(folder: Path, frame: pl.DataFrame, parts: int = 3) -> Table:
    """Return a table that is read anew by every look at it, from several files with several row groups."""
    size = -(-frame.height // parts)
    for part in range(parts):
        frame.slice(part * size, size).write_parquet(folder / f"part{part}.parquet", row_group_size=max(1, size // 3))
    return Table(pl.scan_parquet(sorted(folder.glob("part*.parquet"))), "parts", scanned=True)
