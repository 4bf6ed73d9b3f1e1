"""The data stage: read, type, clean, check, divide, and write one Parquet file per side with a profile beside them."""

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from mlops_runner.data.checks.base import Context, Outcome
from mlops_runner.data.checks.run import diagnostics, run_checks
from mlops_runner.data.cleaning import Touched, clean
from mlops_runner.data.columns import unusable_names
from mlops_runner.data.derived.derive import WithDerived, derive
from mlops_runner.data.folds import FILE_NAME, fold_codes
from mlops_runner.data.profile import profile
from mlops_runner.data.quality import QUALITY_FILE, quality
from mlops_runner.data.repeats import repeats
from mlops_runner.data.sources.base import read_source
from mlops_runner.data.sources.parquet import FAULTS, damage
from mlops_runner.data.split import SIDES, Division, divide
from mlops_runner.data.table import Table, counted
from mlops_runner.data.types import convert
from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.data import Data, GroupSplit, HashSplit, PredefinedSplit, RandomSplit, TimeSplit
from mlops_runner.specs.data_cleaning import Cast
from mlops_runner.specs.data_sources import ParquetSource

# Written down because they decide the bytes: defaults of the library may move.
COMPRESSION_LEVEL = 3
ROW_GROUP = 131_072
# No column that was read can be called like this one.
SIDE = "\0side"


@dataclass(frozen=True, slots=True)
class Materialised:
    """What the stage reports: counts for the lock, and warnings for people."""

    metrics: dict[str, float | int]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Examined:
    """A table that passed, how it is divided, and what was found on the way."""

    read: int
    table: Table
    division: Division
    cleaning: tuple[Touched, ...]
    derived: WithDerived
    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...]
    folds: pl.DataFrame | None


def materialise(
    spec: Data, project: Path, inputs: Mapping[str, Path], out: Path, log: Callable[[str], None], now: datetime
) -> Materialised:
    """Write the data set that `spec` describes into the existing, empty folder `out`.

    `inputs` maps logical names to local paths: `source` for files, the declared names for a Python source, and what
    checks compare with. `now` (UTC) is what freshness is measured against. Equal rows give equal bytes. Raises
    InvalidInput with every problem of the data, StepFailed when user code raises.
    """
    try:
        return _materialise(spec, Context(project, inputs, now), out, log)
    except FAULTS as error:
        # Damage inside a file that is scanned shows only where its rows are read.
        if isinstance(spec.source, ParquetSource) and (problems := damage(inputs["source"], spec.source)):
            raise InvalidInput(problems) from error
        raise


def _materialise(spec: Data, context: Context, out: Path, log: Callable[[str], None]) -> Materialised:
    found = _examined(spec, context, log)
    rows = {side: found.division.rows(side) for side in SIDES}
    sides = _write(found, rows, out)
    if found.folds is not None:
        _write_frame(found.folds.lazy(), out / FILE_NAME)
    described = profile(sides, spec.with_derived(), rows)
    (out / "profile.json").write_text(canonical_json(described) + "\n", encoding="utf-8")
    record = quality(found.read, found.cleaning, found.outcomes, found.derived, found.table.files)
    (out / QUALITY_FILE).write_text(canonical_json(record) + "\n", encoding="utf-8")
    log("wrote " + ", ".join(f"{side}: {count} rows" for side, count in rows.items() if count))
    return Materialised(_metrics(found, rows), found.warnings)


def _examined(spec: Data, context: Context, log: Callable[[str], None]) -> _Examined:
    """Return what is to be written. Raises InvalidInput with all that is wrong."""
    typed, said, unread = _typed(spec, context, log)
    cleaned = clean(spec, typed, unread)
    for step in cleaned.steps:
        log(f"cleaned: {step}")
    derived = derive(spec, cleaned.table)
    for line in derived.lines():
        log(f"derived: {line}")
    spec, table = spec.with_derived(), derived.table
    outcomes = run_checks(spec, table, context)
    division = _division(spec, table)
    said += [*derived.said, *diagnostics(outcomes, spec, table), *(division.problems if division else ())]
    if division is None or _errors(said):
        raise InvalidInput(_errors(said))
    later = run_checks(spec, table, replace(context, sides=division.sides))
    said += diagnostics(later, spec, table)
    if errors := _errors(said):
        raise InvalidInput(errors)
    warnings = (*(one.message for one in said), *division.warnings)
    folds = _folds(spec, table, division)
    return _Examined(typed.height, table, division, cleaned.steps, derived, (*outcomes, *later), warnings, folds)


def _typed(spec: Data, context: Context, log: Callable[[str], None]) -> tuple[Table, list[Diagnostic], dict[str, int]]:
    """Return the table under its declared types, what is wrong with it, and the values lost by lenient columns."""
    if patterns := unusable_names(spec):
        raise InvalidInput(patterns)
    reading = read_source(spec, context.project, context.inputs)
    if reading.table is None:
        raise InvalidInput(reading.problems)
    files = f" ({counted(len(reading.table.files), 'file')})" if reading.table.files else ""
    log(f"read {reading.table.height} rows x {len(reading.table.names)} columns from {reading.table.origin}{files}")
    lenient = frozenset(name for step in spec.cleaning if isinstance(step, Cast) for name in step.columns)
    typed, unreadable, unread = convert(reading.table, spec.columns, lenient)
    return typed, [*reading.problems, *unreadable], unread


def _errors(said: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [one for one in said if one.severity == "error"]


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
        case HashSplit(columns=names):
            return names


def _folds(spec: Data, table: Table, division: Division) -> pl.DataFrame | None:
    train = _rows_of(table, division, 0)
    return fold_codes(spec, Table(train, table.origin, known_height=division.rows("train")))


def _rows_of(table: Table, division: Division, code: int) -> pl.LazyFrame:
    codes = pl.DataFrame({SIDE: division.sides}).lazy()
    return pl.concat([table.lazy, codes], how="horizontal").filter(pl.col(SIDE) == code).drop(SIDE)


def _write(found: _Examined, rows: Mapping[str, int], out: Path) -> dict[str, pl.LazyFrame]:
    """Write the sides that have rows, and return the rows of every side as queries."""
    sides = {side: _rows_of(found.table, found.division, code) for code, side in enumerate(SIDES)}
    paths = {side: out / f"{side}.parquet" for side in SIDES if rows[side]}
    # One after the other: in a single pass over a scan, rows of the slower sides pile up in memory.
    for side, path in paths.items():
        _write_frame(sides[side], path)
    if not found.table.scanned:
        return sides
    # What was written is quicker to read again than what it was made of.
    return sides | {side: pl.scan_parquet(path, glob=False) for side, path in paths.items()}


def _write_frame(rows: pl.LazyFrame, path: Path) -> None:
    try:
        rows.sink_parquet(
            path,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            statistics=True,
            row_group_size=ROW_GROUP,
            maintain_order=True,
            engine="streaming",
        )
    except pl.exceptions.PolarsError as error:
        if f"os error {errno.ENOSPC}" not in str(error):
            raise
        message = f"{path.name} cannot be written: no space is left"
        raise StepFailed(Diagnostic("disk-full", message, hint="free some space and run again")) from error


def _metrics(found: _Examined, rows: Mapping[str, int]) -> dict[str, float | int]:
    sides = {f"rows_{side}": count for side, count in rows.items()}
    counts = [one.broken or 0 for one in found.outcomes if one.check.kind == "duplicates"]
    repeated = counts[0] if counts else int(repeats(found.table).sum())
    return {"rows": found.table.height, **sides, "columns": len(found.table.names), "duplicate_rows": repeated}
