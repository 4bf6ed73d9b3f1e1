"""What differs between two versions of a data set: in sentences for people, and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_runner.data.compare import ColumnChange, Difference, RowChanges, Schema
from mlops_runner.data.drift import Measure
from mlops_runner.data.profile import is_private

VERSION = 1
NOTHING = "no difference"
DIGITS = 6
MOST_NAMED = 5
EFFECTS = {"ks": "KS distance", "chi-square": "Cramér's V"}


def data_lines(found: Difference) -> list[str]:
    """Say everything that differs, one fact a line; a single line if nothing does."""
    lines = [*_schema(found.schema), *_rows(found), *(line for c in found.columns if c.differs for line in _column(c))]
    if not lines:
        lines = ["values differ a little; no column has shifted"] if found else [NOTHING]
    return [*lines, *found.notes]


def headline(found: Difference) -> str:
    """Say in one sentence how much differs."""
    schema, rows = found.schema, found.rows
    shifted = [change for change in found.columns if change.differs]
    columns = {
        "new": len(schema.added), "gone": len(schema.removed), "renamed": len(schema.renamed),
        "of another type": len(schema.retyped), "with another role": len(schema.roles),
        "shifted": sum(any(test.name != "missing" for test in change.movement.shifted) for change in shifted),
        "with another share of missing values": sum(change.movement.is_shifted("missing") for change in shifted),
    }  # fmt: skip
    counts = {} if rows is None else {
        "added": rows.added, "removed": rows.removed, "changed": rows.changed, "on another side": rows.moved,
        "in another order": found.new.rows if rows.reordered else 0,
    }  # fmt: skip
    parts = [*_counted("row", counts), *_counted("column", columns)]
    if rows is None and found.old.rows != found.new.rows:
        parts.insert(0, f"rows: {found.old.rows:,} → {found.new.rows:,}")
    return "; ".join(parts) or "values differ a little; no column has shifted"


def _counted(noun: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield from (f"{count:,} {noun if count == 1 else noun + 's'} {what}" for what, count in counts.items() if count)


def column_facts(change: ColumnChange) -> list[str]:
    """Say what happened to one column, without its name."""
    old, new = change.movement.missing
    facts = []
    for test in change.movement.shifted:
        match test.name:
            case "missing":
                facts.append(f"missing {percent(old)} → {percent(new)}")
            case "unseen":
                facts.append(f"new categories on {percent(test.effect)} of the rows{_categories(change)}")
            case _:
                facts.append(f"shifted, {EFFECTS[test.name]} {test.effect:.3f} ≥ {test.threshold:g} ({p_text(test.p)})")
    if change.cells:
        facts.append(f"{change.cells:,} {'value' if change.cells == 1 else 'values'} changed")
    return facts


def percent(share: float) -> str:
    """Write a share with two digits where it is small."""
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else f"{100 * share:.2g} %"


def p_text(p: float) -> str:
    """Write a p-value."""
    return "p < 1e-9" if p < 1e-9 else f"p = {p:.2g}"


def _schema(schema: Schema) -> Iterator[str]:
    yield from (f'column "{name}" is new' for name in schema.added)
    yield from (f'column "{name}" is gone' for name in schema.removed)
    yield from (f'column "{old}" is now called "{new}"' for old, new in schema.renamed)
    yield from (f'column "{name}" was {old}, is {new}' for name, old, new in schema.retyped)
    yield from (f'column "{name}" had the role {old}, has {new}' for name, old, new in schema.roles)


def _rows(found: Difference) -> Iterator[str]:
    if found.old.rows != found.new.rows or (found.rows is None and found.old.counts != found.new.counts):
        yield f"rows: {found.old.rows:,} → {found.new.rows:,}{_sides(found)}"
    if found.rows is not None:
        yield from row_facts(found.rows, found.key)


def _sides(found: Difference) -> str:
    """Show the rows of each side, where there is more than one."""
    names = dict.fromkeys([*found.old.counts, *found.new.counts])
    if len(names) < 2:
        return ""
    sides = (f"{name} {found.old.counts.get(name, 0):,} → {found.new.counts.get(name, 0):,}" for name in names)
    return f" ({', '.join(sides)})"


def row_facts(rows: RowChanges, key: Sequence[str]) -> Iterator[str]:
    """Say how many rows came, went and changed, with the keys of the first."""
    for what in ("added", "removed", "changed"):
        if count := getattr(rows, what):
            shown = rows.examples.get(what, ())
            more = ", …" if count > len(shown) else ""
            named = f" ({' and '.join(key)}: {'; '.join(shown)}{more})" if shown else ""
            yield f"{count:,} {'row' if count == 1 else 'rows'} {what}{named}"
    if rows.moved:
        yield f"{rows.moved:,} {'row is' if rows.moved == 1 else 'rows are'} on another side of the split"
    if rows.reordered:
        yield "the rows stand in another order"


def _column(change: ColumnChange) -> Iterator[str]:
    word = "target" if change.column.role == "target" else "column"
    if facts := column_facts(change):
        yield f'{word} "{change.name}": {"; ".join(facts)}'


def _categories(change: ColumnChange) -> str:
    if is_private(change.column):
        return ""
    names = [name if len(name) <= 40 else f"{name[:39]}…" for name in change.movement.unseen[:MOST_NAMED]]
    return f": {', '.join(names)}{', …' if len(change.movement.unseen) > MOST_NAMED else ''}"


def data_json(found: Difference) -> dict[str, Any]:
    """Return the difference as a JSON value; numbers with six digits, values of personal data left out."""
    schema = found.schema
    return {
        "version": VERSION,
        "old": {"name": found.old.name, "rows": dict(found.old.counts)},
        "new": {"name": found.new.name, "rows": dict(found.new.counts)},
        "different": bool(found),
        "basis": found.basis,
        "key": list(found.key),
        "schema": {
            "added": list(schema.added),
            "removed": list(schema.removed),
            "renamed": [{"old": old, "new": new} for old, new in schema.renamed],
            "retyped": [{"column": name, "old": old, "new": new} for name, old, new in schema.retyped],
            "roles": [{"column": name, "old": old, "new": new} for name, old, new in schema.roles],
        },
        "rows": _rows_json(found.rows),
        "columns": {change.name: _column_json(change) for change in found.columns},
        "notes": list(found.notes),
    }


def _rows_json(rows: RowChanges | None) -> dict[str, Any] | None:
    if rows is None:
        return None
    counts = {"added": rows.added, "removed": rows.removed, "changed": rows.changed, "moved": rows.moved}
    examples = {what: list(keys) for what, keys in rows.examples.items()}
    return {**counts, "reordered": rows.reordered, "examples": examples}


def _column_json(change: ColumnChange) -> dict[str, Any]:
    unseen = [] if is_private(change.column) else list(change.movement.unseen)
    return {
        "type": change.column.type,
        "role": change.column.role,
        "differs": change.differs,
        "cells": change.cells,
        "missing": {"old": _rounded(change.movement.missing[0]), "new": _rounded(change.movement.missing[1])},
        "tests": {test.name: _test_json(test) for test in change.movement.tests},
        "distances": {name: _rounded(value) for name, value in change.movement.distances.items()},
        "new_categories": unseen,
    }


def _test_json(test: Measure) -> dict[str, Any]:
    return {
        "effect": _rounded(test.effect),
        "threshold": test.threshold,
        "p": _rounded(test.p),
        "rows": list(test.rows),
        "answer": test.answer,
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
