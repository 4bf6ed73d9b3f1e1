"""The data stage: read, type, check, divide, and write one Parquet file per side with a profile beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from mlops_runner.data.checks.base import Context
from mlops_runner.data.checks.run import diagnostics, run_checks
from mlops_runner.data.columns import unusable_names
from mlops_runner.data.profile import profile
from mlops_runner.data.repeats import repeats
from mlops_runner.data.sources.base import read_source
from mlops_runner.data.split import SIDES, Division, divide
from mlops_runner.data.table import Table
from mlops_runner.data.types import convert
from mlops_runner.digest import canonical_json
from mlops_runner.errors import InvalidInput
from mlops_runner.specs.data import Data, GroupSplit, PredefinedSplit, RandomSplit, TimeSplit
from mlops_runner.specs.data_cleaning import Cast

# Written down because they decide the bytes: defaults of the library may move.
COMPRESSION_LEVEL = 3
ROW_GROUP = 131_072


@dataclass(frozen=True, slots=True)
class Materialised:
    """What the stage reports: counts for the lock, and warnings for people."""

    metrics: dict[str, float | int]
    warnings: tuple[str, ...]


def materialise(
    spec: Data, project: Path, inputs: Mapping[str, Path], out: Path, log: Callable[[str], None]
) -> Materialised:
    """Write the data set that `spec` describes into the existing, empty folder `out`.

    `inputs` maps logical names to local paths: `source` for files, the declared names for a Python source. Equal rows
    give equal bytes. Raises InvalidInput with every problem of the data, StepFailed when user code raises.
    """
    table, division, warnings = _examined(spec, project, inputs, log)
    rows = {side: division.rows(side) for side in SIDES}
    for code, side in enumerate(SIDES):
        if rows[side]:
            _write(table.frame.filter(pl.Series(division.sides == code)), out / f"{side}.parquet")
    sides = {side: pl.scan_parquet(out / f"{side}.parquet") for side, count in rows.items() if count}
    (out / "profile.json").write_text(canonical_json(profile(sides, spec, rows)) + "\n", encoding="utf-8")
    log("wrote " + ", ".join(f"{side}: {count} rows" for side, count in rows.items() if count))
    return Materialised(_metrics(table, rows), warnings)


def _examined(
    spec: Data, project: Path, inputs: Mapping[str, Path], log: Callable[[str], None]
) -> tuple[Table, Division, tuple[str, ...]]:
    """Return the typed table, its division and the warnings. Raises InvalidInput with all that is wrong."""
    if patterns := unusable_names(spec):
        raise InvalidInput(patterns)
    reading = read_source(spec, project, inputs)
    if reading.table is None:
        raise InvalidInput(reading.problems)
    log(f"read {reading.table.height} rows x {len(reading.table.names)} columns from {reading.table.origin}")
    lenient = frozenset(name for step in spec.cleaning if isinstance(step, Cast) for name in step.columns)
    table, untyped, _ = convert(reading.table, spec.columns, lenient)
    context = Context(project, inputs, datetime.now(UTC))
    findings = diagnostics(run_checks(spec, table, context), spec, table)
    division = _division(spec, table)
    problems = [*reading.problems, *untyped, *(found for found in findings if found.severity == "error")]
    if problems or division is None or division.problems:
        raise InvalidInput([*problems, *(division.problems if division else ())])
    warnings = (*(found.message for found in findings if found.severity == "warning"), *division.warnings)
    return table, division, warnings


def _division(spec: Data, table: Table) -> Division | None:
    """Divide the rows, or return None when what the split needs was itself complained about."""
    if not table.height or not set(_split_columns(spec)) <= set(table.names):
        return None
    return divide(spec, table)


def _split_columns(spec: Data) -> Sequence[str]:
    match spec.split:
        case RandomSplit(stratify=name):
            return () if name is None else (name,)
        case GroupSplit(group=name) | TimeSplit(time=name) | PredefinedSplit(column=name):
            return (name,)


def _write(side: pl.DataFrame, path: Path) -> None:
    # One chunk, because the borders of chunks show in the pages of the file.
    side.rechunk().write_parquet(
        path, compression="zstd", compression_level=COMPRESSION_LEVEL, statistics=True, row_group_size=ROW_GROUP
    )


def _metrics(table: Table, rows: Mapping[str, int]) -> dict[str, float | int]:
    sides = {f"rows_{side}": count for side, count in rows.items()}
    repeated = int(repeats(table).sum())
    return {"rows": table.height, **sides, "columns": len(table.names), "duplicate_rows": repeated}
