"""The section about the quality of the data: what cleaning touched, what was derived, and what came of each check."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_runner.reports.builders.text import value_text
from mlops_runner.reports.document import Block, Cell, Column, Folded, Inline, Section, Table

MOST_FILES = 20
WORDS = {
    "pass": "passed",
    "fail": "failed",
    "warn": "warns",
    "unmeasured": "could not measure",
    None: "said at the run",
}

ORDER = ("fail", "warn", "unmeasured", None, "pass")


def quality_section(quality: Mapping[str, Any]) -> Section:
    """Show quality.json: steps of cleaning in their order, checks with those that did not pass first."""
    blocks: list[Block] = []
    if files := quality.get("files"):
        blocks.append(_files_table(files))
    if steps := quality.get("cleaning"):
        blocks.append(_cleaning_table(steps, quality["rows"]))
    if (derived := quality.get("derived")) and derived["steps"]:
        blocks.append(_derived_table(derived))
    blocks += _checks(quality.get("checks", ()))
    return Section("Data quality", tuple(blocks), "detail")


def _checks(checks: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Show what failed, then what warns or is not known, then what passed with rows that break it; fold the rest."""
    told = sorted((check for check in checks if not _is_quiet(check)), key=lambda check: ORDER.index(check["answer"]))
    if told:
        yield _checks_table(told)
        yield from (_sample_table(check) for check in told if check.get("sample") and check["answer"] != "pass")
    if quiet := [check for check in checks if _is_quiet(check)]:
        count = f"{len(quiet):,} {'check' if len(quiet) == 1 else 'checks'}"
        yield Folded(f"{'' if told or len(quiet) == 1 else 'All '}{count} passed", _by_kind(quiet))


def _is_quiet(check: Mapping[str, Any]) -> bool:
    return check["answer"] == "pass" and not check.get("broken") and not check.get("says")


def _by_kind(checks: Sequence[Mapping[str, Any]]) -> Table:
    kinds: dict[str, list[str]] = {}
    for check in checks:
        kinds.setdefault(check["kind"], []).append(check["name"].removeprefix("columns."))
    rows = tuple((kind, f"{len(names):,}", Cell(", ".join(names), mono=True)) for kind, names in kinds.items())
    return Table((Column("Kind"), Column("Passed", "right"), Column("Checks")), rows)


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


def _checks_table(checks: Sequence[Mapping[str, Any]]) -> Table:
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
