"""The section about the quality of the data: what cleaning touched, what was derived, and what came of each check."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_runner.reports.builders.text import value_text
from mlops_runner.reports.document import Block, Cell, Column, Inline, Section, Table

MOST_FILES = 20
WORDS = {
    "pass": "passed",
    "fail": "failed",
    "warn": "warns",
    "unmeasured": "could not measure",
    None: "said at the run",
}


def quality_section(quality: Mapping[str, Any]) -> Section:
    """Show quality.json: steps of cleaning in their order, checks with those that did not pass first."""
    blocks: list[Block] = []
    if files := quality.get("files"):
        blocks.append(_files_table(files))
    if steps := quality.get("cleaning"):
        blocks.append(_cleaning_table(steps, quality["rows"]))
    if (derived := quality.get("derived")) and derived["steps"]:
        blocks.append(_derived_table(derived))
    if checks := sorted(quality.get("checks", ()), key=lambda check: check["answer"] == "pass"):
        blocks.append(_checks_table(checks))
        blocks += [_sample_table(check) for check in checks if check.get("sample") and check["answer"] != "pass"]
    return Section("Data quality", tuple(blocks), "detail")


def _files_table(files: Sequence[Mapping[str, Any]]) -> Table:
    shown = tuple((Cell(file["name"], mono=True), f"{file['rows']:,}") for file in files[:MOST_FILES])
    more = f" The first {MOST_FILES} are shown." if len(files) > MOST_FILES else ""
    return Table(
        (Column("File"), Column("Rows", "right")), shown, f"{len(files):,} files were read as one table.{more}"
    )


def _cleaning_table(steps: list[Mapping[str, Any]], rows: int) -> Table:
    heads = (Column("Step"), Column("Cells changed"), Column("Rows touched", "right"), Column("Rows left", "right"))
    shown = tuple((step["kind"], _cells(step["cells"]), f"{step['rows']:,}", f"{step['left']:,}") for step in steps)
    return Table(heads, shown, f"{rows:,} rows were read.")


def _cells(cells: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in cells.items())


def _derived_table(derived: Mapping[str, Any]) -> Table:
    heads = (Column("Derived"), Column("Missing values", "right"), Column("Rows dropped", "right"))
    rows: list[tuple[Inline, ...]] = []
    for step in derived["steps"]:
        for at, (name, missing) in enumerate(step["missing"].items()):
            rows.append((Cell(name, mono=True), f"{missing:,}", "" if at else f"{step['dropped']:,}"))
    holes = f"{derived['series']:,} series, {derived['holes']:,} moments missing between their first and last."
    return Table(heads, tuple(rows), holes if derived["series"] else "")


def _checks_table(checks: list[Mapping[str, Any]]) -> Table:
    heads = (Column("Check"), Column("Answer"), Column("Rows that break it", "right"), Column("What it says"))
    rows = tuple(
        (Cell(check["name"], mono=True), WORDS[check["answer"]], _broken(check), check.get("says", ""))
        for check in checks
    )
    return Table(heads, rows, marked=frozenset(at for at, check in enumerate(checks) if check["answer"] != "pass"))


def _broken(check: Mapping[str, Any]) -> str:
    if "broken" not in check:
        return ""
    return f"{check['broken']:,} ({100 * check['share']:.2f} %)" if check["broken"] else "0"


def _sample_table(check: Mapping[str, Any]) -> Table:
    sample = check["sample"]
    names = list(dict.fromkeys(name for row in sample for name in row["values"]))
    heads = (Column("Row"), *(Column(name) for name in names))
    rows: tuple[tuple[Inline, ...], ...] = tuple(
        (row["place"], *(Cell(value_text(row["values"].get(name)), mono=True) for name in names)) for row in sample
    )
    return Table(heads, rows, f"Rows that break {check['name']}, the first of {check.get('broken', len(sample)):,}.")
