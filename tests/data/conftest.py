"""Builds specs and runs the data stage on real files in the test's own folder."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops_runner.data.materialise import Materialised, materialise
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data

COLUMNS: dict[str, Any] = {"a": {"type": "int"}, "b": {"type": "float"}, "y": {"type": "string", "role": "target"}}
NOW = datetime(2026, 7, 1, tzinfo=UTC)
ONLY_TRAIN = {"kind": "random", "seed": 1, "validation": 0, "test": 0}


class Stage:
    """The data stage over one folder: `out` holds what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.out.mkdir()
        self.said: list[str] = []

    @staticmethod
    def describe(source: dict[str, Any], columns: dict[str, Any] = COLUMNS, **fields: Any) -> Data:
        head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "loans", "source": source, "columns": columns}
        return Data.model_validate({**head, "split": ONLY_TRAIN, **fields}, strict=False)

    def run(self, spec: Data, inputs: dict[str, Path]) -> Materialised:
        for old in self.out.iterdir():
            old.unlink()
        return materialise(spec, self.folder, inputs, self.out, self.said.append, NOW)

    def csv(
        self, text: str | bytes, columns: dict[str, Any] = COLUMNS, dialect: Any = None, **fields: Any
    ) -> Materialised:
        file = self.folder / "loans.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        source = {"kind": "csv", "path": "loans.csv", **(dialect or {})}
        return self.run(self.describe(source, columns, **fields), {"source": file})

    def frame(self, frame: pl.DataFrame, columns: dict[str, Any] = COLUMNS, **fields: Any) -> Materialised:
        file = self.folder / "loans.parquet"
        frame.write_parquet(file)
        return self.run(
            self.describe({"kind": "parquet", "path": "loans.parquet"}, columns, **fields), {"source": file}
        )

    def side(self, name: str = "train") -> pl.DataFrame:
        return pl.read_parquet(self.out / f"{name}.parquet")

    def complaints(self, how: Callable[..., Materialised], *args: Any, **fields: Any) -> list[Diagnostic]:
        with pytest.raises(InvalidInput) as caught:
            how(*args, **fields)
        return list(caught.value.diagnostics)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def only(stage: Stage) -> Callable[..., Diagnostic]:
    """Run a CSV text that has exactly one problem, and return it."""

    def run(text: str | bytes, *args: Any, **fields: Any) -> Diagnostic:
        found = stage.complaints(stage.csv, text, *args, **fields)
        assert len(found) == 1, [str(one) for one in found]
        return found[0]

    return run


@pytest.fixture(scope="session")
def describe() -> Callable[..., Data]:
    return Stage.describe
