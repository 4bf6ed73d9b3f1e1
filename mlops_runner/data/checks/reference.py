"""Values that must appear in another file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from mlops_runner.data.checks.base import SAMPLED_ROWS, Check, Context, Found, Look
from mlops_runner.data.checks.rules import row_check
from mlops_runner.data.table import POSITION, Numbering, Table
from mlops_runner.data.types import convert
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column, Data
from mlops_runner.specs.data_checks import AnyRule, ReferenceRule


def compile_rule(rule: AnyRule, at: str, spec: Data) -> Iterator[Check]:
    """Compile a reference rule. A row in which one of the values is missing refers to nothing, which is allowed."""
    assert isinstance(rule, ReferenceRule)

    def look(table: Table, context: Context) -> Found:
        return _strangers(table, rule.columns, _known(rule, spec, context.inputs[at]))

    says = (f"is not in {rule.file}", f"are not in {rule.file}", "correct the values, or add them to the file")
    yield row_check(rule, rule.columns, Look(look), "unknown-reference", says)


def _strangers(table: Table, names: Sequence[str], known: pl.DataFrame) -> Found:
    """Count the rows that have no partner; the known values are held in memory, the rows stream past them."""
    rows = table.lazy.select(names).with_row_index(POSITION).drop_nulls(list(names))
    strange = rows.join(known.lazy(), on=list(names), how="anti")
    first = pl.col(POSITION).bottom_k(SAMPLED_ROWS).implode()
    count, positions = strange.select(pl.len(), first).collect(engine="streaming").row(0)
    return Found(count, sorted(positions))


def _known(rule: ReferenceRule, spec: Data, path: Path) -> pl.DataFrame:
    """Read the distinct values of the file with the types of our columns, under the names of our columns."""
    theirs = dict(zip(rule.file_columns or rule.columns, rule.columns, strict=True))
    found = _read(rule, path, list(theirs))
    columns = {
        name: Column(type=spec.columns[own].type, format=spec.columns[own].format) for name, own in theirs.items()
    }
    text = frozenset(theirs) if rule.file.endswith(".csv") else frozenset[str]()
    table = Table(found, rule.file, text, numbering=Numbering("line", 1))
    typed, problems, _ = convert(table, columns)
    if problems:
        raise InvalidInput(problems)
    return typed.select(*(pl.col(name).alias(own) for name, own in theirs.items())).unique()


def _read(rule: ReferenceRule, path: Path, names: list[str]) -> pl.DataFrame:
    try:
        # Everything in a csv file is text here; the types of our own columns say what it means.
        scan = pl.scan_csv(path, infer_schema=False) if rule.file.endswith(".csv") else pl.scan_parquet(path)
        present = scan.collect_schema().names()
        _must_hold(rule, present, names)
        return scan.select(names).collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0][:200]
        raise InvalidInput(Diagnostic("malformed-reference", f"{rule.file}: cannot be read: {reason}")) from error


def _must_hold(rule: ReferenceRule, present: Sequence[str], names: Sequence[str]) -> None:
    absent = [name for name in names if name not in present]
    if absent:
        problems = (
            Diagnostic("missing-column", f'{rule.file}: has no column "{name}"', hint=nearest(name, present))
            for name in absent
        )
        raise InvalidInput(problems)
