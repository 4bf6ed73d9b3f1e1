"""The report of a difference between two versions of a data set: what differs first, then every column."""

from collections.abc import Iterator

from mlops_runner.data.compare import ColumnChange, Difference
from mlops_runner.data.profile import is_private
from mlops_runner.reports.diff_data import EFFECTS, column_facts, headline, p_text, percent, row_facts
from mlops_runner.reports.document import (
    Block,
    Cell,
    Column,
    Facts,
    Figure,
    Inline,
    Paragraph,
    Report,
    Section,
    Table,
    Verdict,
)
from mlops_runner.reports.figures.columns import draw_column

MOST_FIGURES = 12
MOST_COLUMNS = 60
MEASURED = (
    Column("Column"),
    Column("Missing", "right"),
    Column("Test"),
    *(Column(name, "right") for name in ("Effect", "Adjusted p")),
    Column("Answer"),
    *(Column(name, "right") for name in ("PSI", "JS", "W1 / sd")),
)
CHANGES = (Column("Column"), Column("Change"), Column("Before"), Column("Now"))


def build_data_report(found: Difference) -> Report:
    """Build the report; figures only where values may be shown."""
    sections = [_rows(found)]
    if found:
        sections = [_schema(found), *sections, _shifts(found), _target(found), _figures(found), _columns(found)]
    title = "Difference of the data"
    subtitle = f"{found.old.name} → {found.new.name}"
    notes = Section("Notes", tuple(Paragraph(note) for note in (_basis(found), *found.notes)), "detail")
    return Report(title, subtitle, _verdict(found), tuple(s for s in (*sections, notes) if s.blocks))


def _verdict(found: Difference) -> Verdict:
    if not found:
        return Verdict("same", f"{found.new.rows:,} rows and {len(found.new.columns):,} columns are the same.")
    return Verdict("different", f"{headline(found)}.")


def _basis(found: Difference) -> str:
    if found.basis == "profiles":
        return "The rows of both versions are not here: the profiles of their train sides were compared."
    how = f"matched by {', '.join(found.key)}" if found.key else "matched by their values"
    return f"All rows of all sides were compared, {how}."


def _schema(found: Difference) -> Section:
    schema = found.schema
    rows: list[tuple[Inline, ...]] = [(_name(name), "new", "", _type(found, name)) for name in schema.added]
    rows += [(_name(name), "gone", found.old.columns[name].type, "") for name in schema.removed]
    rows += [(_name(new), "renamed", _name(old), _name(new)) for old, new in schema.renamed]
    rows += [(_name(name), "type", old, new) for name, old, new in schema.retyped]
    rows += [(_name(name), "role", old, new) for name, old, new in schema.roles]
    return Section("Schema", (Table(CHANGES, tuple(rows)),) if rows else ())


def _name(name: str) -> Cell:
    return Cell(name, mono=True)


def _type(found: Difference, name: str) -> str:
    return found.new.columns[name].type


def _rows(found: Difference) -> Section:
    names = dict.fromkeys([*found.old.counts, *found.new.counts])
    sizes = [(name, found.old.counts.get(name, 0), found.new.counts.get(name, 0)) for name in names]
    if len(sizes) > 1:
        sizes.append(("all", found.old.rows, found.new.rows))
    heads = (Column("Rows"), Column("Before", "right"), Column("Now", "right"), Column("Change", "right"))
    cells = tuple((name, f"{old:,}", f"{new:,}", f"{new - old:+,}" if new != old else "") for name, old, new in sizes)
    blocks: list[Block] = [Table(heads, cells)]
    if found.rows is not None:
        blocks += [Paragraph(f"{fact}.") for fact in row_facts(found.rows, found.key)]
    return Section("Rows", tuple(blocks))


def _shifts(found: Difference) -> Section:
    changed = [change for change in found.columns if change.differs]
    heads = (Column("Column"), Column("Role"), Column("What happened"))
    rows = tuple((_name(c.name), c.column.role, "; ".join(column_facts(c))) for c in changed)
    return Section("Columns that differ", (Table(heads, rows),) if rows else ())


def _target(found: Difference) -> Section:
    targets = [change for change in found.columns if change.column.role == "target"]
    return Section("Target", tuple(Facts(tuple(_shift(target))) for target in targets))


def _shift(target: ColumnChange) -> Iterator[tuple[str, Inline]]:
    yield "Column", _name(target.name)
    for test in target.movement.tests:
        if test.name in EFFECTS:
            yield EFFECTS[test.name], f"{test.effect:.4f}"
            yield "Adjusted p", p_text(test.p)
            yield "Answer", test.answer


def _figures(found: Difference) -> Section:
    return Section("Distributions", tuple(_drawn(found))[:MOST_FIGURES])


def _drawn(found: Difference) -> Iterator[Figure]:
    names = found.old.name, found.new.name
    shifted = [c for c in found.columns if any(test.name != "missing" for test in c.movement.shifted)]
    for at, change in enumerate(shifted[:MOST_FIGURES]):
        if not is_private(change.column):
            figure = draw_column(change.name, at, (change.old, change.new), names)
            if figure is not None:
                yield figure


def _columns(found: Difference) -> Section:
    shown = found.columns[:MOST_COLUMNS]
    left = len(found.columns) - len(shown)
    note = f"{left} more columns are not shown. " if left else ""
    note += (
        "Shifted: adjusted p < 0.05 (Benjamini-Hochberg) and effect at the threshold, with 400 rows a side or more. "
        "PSI and JS (Jensen-Shannon distance, base 2) over ten deciles of the older version, PSI less what is chance."
    )
    marked = frozenset(at for at, change in enumerate(shown) if change.differs)
    return Section("All columns", (Table(MEASURED, tuple(_cells(change) for change in shown), note, marked),), "detail")


def _cells(change: ColumnChange) -> tuple[Inline, ...]:
    old, new = change.movement.missing
    missing = f"{percent(old)} → {percent(new)}" if old != new else percent(old)
    test = next((test for test in change.movement.tests if test.name in EFFECTS), None)
    tested: tuple[Inline, ...] = ("", "", "", "")
    if test is not None:
        tested = (EFFECTS[test.name], f"{test.effect:.4f}", p_text(test.p), test.answer)
    found = change.movement.distances
    distances = tuple(f"{found[name]:.4f}" if name in found else "" for name in ("psi", "js", "wasserstein"))
    return (_name(change.name), missing, *tested, *distances)
