"""What kind of source a file, a pattern or a folder is, how it is to be read, and the types of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.data.infer.dialect import Sniffed, sniff
from mlops_runner.data.infer.encoding import Encoding, encoding_of, head_of, is_parquet, text_of
from mlops_runner.data.infer.markers import null_values, sample_of
from mlops_runner.data.infer.reading import File, check_names, read
from mlops_runner.data.infer.types import decimal_of, stored_type, types_of
from mlops_runner.data.infer.values import Typing, Wishes
from mlops_runner.data.sources.files import files_below, no_files
from mlops_runner.data.table import Table
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest

DEFAULTS: Mapping[str, Any] = {
    "delimiter": ",",
    "quote": "double",
    "encoding": "utf-8",
    "header": True,
    "skip_lines": 0,
    "trim": False,
    "decimal": ".",
    "null_values": ("",),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A source, as its fields with a reason for some of them; its table, and the types of its columns.

    skipped: stored columns that no type fits, and why. wishes: what the user said, with columns by their names.
    """

    source: Mapping[str, Any]
    why: Mapping[str, str]
    table: Table
    types: Mapping[str, Typing]
    wishes: Wishes
    skipped: Mapping[str, str]


def find(file: File, wishes: Wishes) -> Found:
    """Find out how the file is to be read, and read it. Raises InvalidInput when that cannot be done."""
    files = _files(file)
    head = head_of(files[0])
    return _parquet(file, files, wishes) if is_parquet(head) else _csv(file, files, wishes)


def _files(file: File) -> list[Path]:
    """List the files that a path stands for: itself, or those below a folder, which must be of one kind."""
    if file.local.is_dir():
        found = files_below(file.local)
        if not found:
            raise InvalidInput(no_files(file.path))
        endings = {path.suffix.lower(): path.name for path in reversed(found)}
        if len(endings) > 1:
            message = f"{file.path} holds files of several kinds: {', '.join(sorted(endings.values()))}"
            hint = f"name those that are one table with a pattern: '{file.path.rstrip('/')}/*{found[0].suffix}'"
            raise InvalidInput(Diagnostic("mixed-files", message, hint=hint))
        return found
    if file.local.is_file():
        return [file.local]
    if file.local.exists():
        message = f"{file.path} is not a regular file"
        raise InvalidInput(Diagnostic("unreadable-file", message, hint="name a CSV or Parquet file"))
    names = [entry.name for entry in file.local.parent.iterdir()] if file.local.parent.is_dir() else []
    hint = nearest(file.local.name, names) or "correct the path"
    raise InvalidInput(Diagnostic("missing-file", f"there is no file {file.path}", hint=hint))


def _csv(file: File, files: list[Path], wishes: Wishes) -> Found:
    heads = {path: head_of(path) for path in files}
    if other := next((path for path, head in heads.items() if is_parquet(head)), None):
        message = f"{file.path} holds files of several kinds: {other.name} is Parquet, {files[0].name} is text"
        raise InvalidInput(Diagnostic("mixed-files", message, hint="name those that are one table with a pattern"))
    encodings = dict.fromkeys(encoding_of(path, head) for path, head in heads.items())
    # What is UTF-8 in one file and something else in others is plain ASCII; or the reader will complain.
    encoding: Encoding = next((one for one in encodings if one != "utf-8"), "utf-8")
    head = heads[files[0]]
    sniffed = sniff(text_of(head, encoding), complete=len(head) == files[0].stat().st_size)
    wishes = wishes if sniffed.named else _by_number(wishes, sniffed.names)
    check_names(sniffed.names, _named(wishes), file, named=sniffed.named)
    dialect = {**_dialect(sniffed), "encoding": encoding}
    texts = dict.fromkeys(sniffed.names, "string")
    table = read(file, {"kind": "csv", "path": file.path, **dialect}, texts, wishes.target)
    nulls = null_values(table)
    decimal = decimal_of(sample_of(table, table.names), sniffed.delimiter)
    found = {**dialect, "decimal": decimal, "null_values": nulls}
    if (decimal, nulls) != (".", ("",)):
        table = read(file, {"kind": "csv", "path": file.path, **found}, texts, wishes.target)
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()
             if value != DEFAULTS[key]}  # fmt: skip
    source = {"kind": "csv", "path": file.path, **given}
    return Found(source, _reasons(given), table, types_of(table), wishes, {})


def _dialect(sniffed: Sniffed) -> dict[str, Any]:
    return {
        "delimiter": sniffed.delimiter,
        "quote": sniffed.quote,
        "header": sniffed.named,
        "skip_lines": sniffed.skip_lines,
        "trim": sniffed.trim,
    }


def _reasons(given: Mapping[str, Any]) -> dict[str, str]:
    """Say what is not plain about a dialect, by field."""
    every = {
        "header": "the first line holds values: name the columns below as you like, their order counts",
        "skip_lines": "above the table",
        "trim": "fields are padded with spaces",
        "null_values": "each means a missing value",
    }
    return {field: why for field, why in every.items() if field in given}


def _by_number(wishes: Wishes, names: tuple[str, ...]) -> Wishes:
    """Let columns without names be asked for by their number from 1."""

    def name(given: str | None) -> str | None:
        number = int(given) if given and given.isascii() and given.isdigit() else 0
        return names[number - 1] if 0 < number <= len(names) else given

    target = name(wishes.target) or wishes.target
    return replace(wishes, target=target, time=name(wishes.time), group=name(wishes.group), id=name(wishes.id))


def _named(wishes: Wishes) -> dict[str, str | None]:
    return {"--target": wishes.target, "--time": wishes.time, "--group": wishes.group, "--id": wishes.id}


def _parquet(file: File, files: list[Path], wishes: Wishes) -> Found:
    hive = file.local.is_dir() and all("=" in path.parent.name for path in files)
    try:
        schema = pl.scan_parquet(files, hive_partitioning=hive).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        message = f"{file.path}: cannot be read as Parquet: {reason}"
        raise InvalidInput(Diagnostic("malformed-parquet", message, hint="is it complete, and Parquet?")) from None
    check_names(schema.names(), _named(wishes), file)
    types = {name: typing.type for name, dtype in schema.items() if (typing := stored_type(dtype)) is not None}
    skipped = {
        name: f"holds {dtype}: such values cannot be used" for name, dtype in schema.items() if name not in types
    }
    if wishes.target in skipped:
        message = f'{file.path}: target "{wishes.target}" {skipped[wishes.target]}'
        raise InvalidInput(Diagnostic("target-type", message, hint="numbers, texts and booleans can be predicted"))
    source = {"kind": "parquet", "path": file.path, **({"partitions": "hive"} if hive else {})}
    table = read(file, source, types, wishes.target)
    return Found(source, {}, table, types_of(table), wishes, skipped)
