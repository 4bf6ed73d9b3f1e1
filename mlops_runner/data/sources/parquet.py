"""Parquet: one file, or a folder of them in the order of their names. Large tables stay where they are and are scanned.

Files of one table may order their columns differently and store them in different widths; what the declared types
cannot hold is complained about for the file that has it. Folders named `key=value` may be columns of text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from mlops_runner.data.columns import MOST_SHOWN, compare_columns
from mlops_runner.data.sources.files import files_below, no_files
from mlops_runner.data.table import Numbering, Part, Reading, Table
from mlops_runner.data.types import DTYPES, WIDE, accepts, utc, wrong_type
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column, Data
from mlops_runner.specs.data_sources import ParquetSource

# Tables that are estimated to be larger than this are scanned; both ways give the same rows.
MOST_HELD = 1 << 29
TEXT_BYTES, VALUE_BYTES = 32, 8
MISSING = "__HIVE_DEFAULT_PARTITION__"
FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, slots=True)
class _File:
    """A file with its name below the source, what it stores, and the values that its folders stand for."""

    path: Path
    name: str
    types: Mapping[str, pl.DataType]
    folders: tuple[tuple[str, str | None], ...] = ()

    @property
    def names(self) -> list[str]:
        return [*self.types, *dict(self.folders)]


def read(spec: Data, _project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Read the declared columns; see `sources.base.Reader`. Damage inside a file shows when its rows are read."""
    source = spec.source
    assert isinstance(source, ParquetSource)
    files, problems = _files(inputs["source"], source)
    if not files or problems:
        return Reading(None, problems or (no_files(source.path),))
    if problems := _disagreements(files, spec, source.path):
        return Reading(None, problems)
    query = _query(files, {name: column for name, column in spec.columns.items() if name in files[0].names})
    numbering = Numbering(files=cache(lambda: _counted(files)) if files[0].name else None)
    texts = frozenset(name for name, _ in files[0].folders)
    try:
        height = int(query.select(pl.len()).collect().item())
        scanned = height * sum(_width(dtype) for dtype in query.collect_schema().values()) > MOST_HELD
        data = query if scanned else query.collect(engine="streaming")
    except FAULTS:
        return Reading(None, damage(inputs["source"], source))
    table = Table(data, source.path, texts, numbering=numbering, known_height=height, scanned=scanned)
    return Reading(table, tuple(compare_columns(files[0].names, spec, source.path)))


def damage(path: Path, source: ParquetSource) -> tuple[Diagnostic, ...]:
    """Read every file to its end, and complain about those that cannot be read."""
    files, problems = _files(path, source)
    for file in files:
        try:
            pl.scan_parquet(file.path, glob=False).select(pl.all().null_count()).collect(engine="streaming")
        except FAULTS as error:
            problems += (_malformed(_called(file.name, source), error),)
    return problems


def _files(path: Path, source: ParquetSource) -> tuple[list[_File], tuple[Diagnostic, ...]]:
    """Open the files in the order of their names; names that start with a dot or underscore are passed over."""
    files, problems = [], []
    for at in files_below(path) if path.is_dir() else [path]:
        name = "" if at == path else at.relative_to(path).as_posix()
        try:
            with at.open("rb") as stream:  # opened here, because a path may be taken for a pattern
                types = pl.read_parquet_schema(stream)
        except FAULTS as error:
            problems.append(_malformed(_called(name, source), error))
        else:
            files.append(_File(at, name, types, _folders(name) if source.partitions == "hive" else ()))
    return files, tuple(problems)


def _folders(name: str) -> tuple[tuple[str, str | None], ...]:
    pairs = (part.partition("=") for part in name.split("/")[:-1] if "=" in part)
    return tuple((unquote(key), None if value == MISSING else unquote(value)) for key, _, value in pairs)


def _called(name: str, source: ParquetSource) -> str:
    return f"{source.path}: {name}" if name else source.path


def _malformed(called: str, error: BaseException) -> Diagnostic:
    reason = str(error).splitlines()[0][:200]
    message = f"{called}: the file cannot be read as Parquet: {reason}"
    return Diagnostic("malformed-parquet", message, hint="is it complete, and Parquet?")


def _disagreements(files: Sequence[_File], spec: Data, origin: str) -> tuple[Diagnostic, ...]:
    """Complain about files that lack a column of the first one, or store it as what its declared type cannot hold."""
    first = files[0]
    if twice := [name for name, _ in first.folders if name in first.types]:
        message = f'{origin}: "{twice[0]}" is a column of the files and the name of their folders'
        return (Diagnostic("duplicate-column", message, hint="set partitions: none, or drop it from the files"),)
    found = [problem for file in files[1:] for problem in _disagreement(file, first, spec, origin)]
    hidden = len(found) - MOST_SHOWN
    more = [Diagnostic("wrong-type", f"{origin}: {hidden} more columns of files do not fit")] if hidden > 0 else []
    return (*found[:MOST_SHOWN], *more)


def _disagreement(file: _File, first: _File, spec: Data, origin: str) -> Iterable[Diagnostic]:
    called, stored = f"{origin}: {file.name}", file.types
    if [key for key, _ in file.folders] != [key for key, _ in first.folders]:
        wanted = "/".join(f"{key}=…" for key, _ in first.folders) or "no folder that is named key=value"
        yield Diagnostic("missing-column", f"{called}: the file must lie in {wanted}", hint="as the first file does")
    for name in first.types:
        if name in spec.columns and name not in stored:
            yield Diagnostic("missing-column", f'{called}: column "{name}" is not there', hint=f"{first.name} has it")
        elif name in spec.columns and not _agree(first.types[name], stored[name], spec.columns[name]):
            yield wrong_type(called, name, stored[name], spec.columns[name])
    if spec.undeclared == "error":
        for name in stored:
            if name not in first.types:
                message = f'{called}: column "{name}" is not there in {first.name}'
                yield Diagnostic("undeclared-column", message, hint="set undeclared: ignore")


def _agree(first: pl.DataType, other: pl.DataType, column: Column) -> bool:
    return first == other or (accepts(first, column.type) and accepts(other, column.type))


def _query(files: Sequence[_File], columns: Mapping[str, Column]) -> pl.LazyFrame:
    """Return the declared columns of all files, under types that all of them fit in."""
    shared = {name: _shared([file.types.get(name) for file in files], column) for name, column in columns.items()}
    groups = groupby(files, key=lambda file: ([file.types.get(name) for name in columns], file.folders))
    return pl.concat([_scan(list(group), shared) for _, group in groups])


def _scan(files: Sequence[_File], types: Mapping[str, pl.DataType | None]) -> pl.LazyFrame:
    """Scan files that store the columns alike and lie in folders of the same values."""
    rows = pl.scan_parquet([file.path for file in files], glob=False, extra_columns="ignore")
    folders = dict(files[0].folders)
    return rows.select(
        pl.lit(folders[name], pl.String).alias(name) if name in folders else _as(name, files[0].types[name], dtype)
        for name, dtype in types.items()
    )


def _shared(stored: Sequence[pl.DataType | None], column: Column) -> pl.DataType | None:
    """Return the type that holds the values of all files; None when they agree, or the column is of the folders."""
    kinds = set(stored)
    if len(kinds) == 1:
        return None
    return pl.Int128() if column.type == "int" and kinds & set(WIDE) else DTYPES[column.type]


def _as(name: str, stored: pl.DataType, wanted: pl.DataType | None) -> pl.Expr:
    return pl.col(name) if wanted is None else utc(pl.col(name), stored).cast(wanted)


def _width(dtype: pl.DataType) -> int:
    return VALUE_BYTES if dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean else TEXT_BYTES


def _counted(files: Sequence[_File]) -> Sequence[Part]:
    counts = pl.collect_all([pl.scan_parquet(file.path, glob=False).select(pl.len()) for file in files])
    return [Part(file.name, int(count.item())) for file, count in zip(files, counts, strict=True)]
