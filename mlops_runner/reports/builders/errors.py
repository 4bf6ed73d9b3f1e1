"""Sections about where the winner errs: found slices and the worst rows; and what its boosted trees go by."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_runner.reports.builders.text import interval_word, metric_text, metric_word
from mlops_runner.reports.document import Cell, Column, Inline, Section, Table
from mlops_runner.reports.evidence import Evidence
from mlops_runner.reports.figures.importance import draw_contributions

MOST_CONTRIBUTIONS = 20


def found_slices_section(evidence: Evidence) -> Section:
    """The slices that a small tree found, and whether other rows confirm them."""
    found = evidence.get("found_slices")
    if not found or not found["slices"]:
        return Section("Weak spots", ())
    chosen = found["chosen_on"]
    sides = sorted(found["slices"][0]["sides"], key=lambda side: side != chosen)
    heads, unit = [Column("Slice")], "queries" if evidence["task"] == "ranking" else "rows"
    for side in sides:
        heads += [Column(f"{unit.title()}, {side}", "right"), Column(f"Loss, {side}", "right")]
    measured = [side for side in sides if side != chosen]
    heads += [Column(f"Above all {unit}, {side}", "right") for side in measured] + [Column("Holds") for _ in measured]
    rows = tuple(_found(one, sides, measured) for one in found["slices"])
    note = (
        f"Found by a small tree on the {chosen} side, where they look bad because they were chosen to. "
        f"The loss is the {found['loss']}. "
    )
    if measured:
        note += f"One holds when the interval of its excess on the {measured[0]} side lies above 0."
    return Section("Weak spots", (Table(tuple(heads), rows, note),))


def _found(one: Mapping[str, Any], sides: Sequence[str], measured: Sequence[str]) -> tuple[Inline, ...]:
    cells: list[Inline] = [one["text"]]
    for side in sides:
        of = one["sides"][side]
        cells += [f"{of['rows']:,}", metric_text(of["loss"], small=interval_word(of.get("loss_interval")))]
    for side in measured:
        of = one["sides"][side]
        excess = metric_text(of["excess"], small=interval_word(of.get("excess_interval")))
        cells.append(excess)
    cells += [Cell("yes", strong=True) if one["sides"][side].get("holds") else "not shown" for side in measured]
    return tuple(cells)


def worst_rows_section(evidence: Evidence) -> Section:
    """The rows the winner is most wrong about."""
    found = evidence.get("worst_rows")
    if not found or not found["rows"]:
        return Section("Worst rows", ())
    answers = [name for name in ("target", "decision", "score", "prediction") if name in found["rows"][0]]
    columns = found["columns"]  # in their order; the values were sorted by name when they were stored
    inner = [row["values"] for row in found["rows"]]
    heads = (Column("Row", "right"), *(Column(name.title(), align_of(found["rows"], name)) for name in answers),
             Column("Loss", "right"), *(Column(name, align_of(inner, name)) for name in columns))  # fmt: skip
    rows = tuple(
        (
            str(row["position"]),
            *(value_text_of(row[name]) for name in answers),
            metric_text(row["loss"]),
            *(value_text_of(row["values"][name]) for name in columns),
        )
        for row in found["rows"]
    )
    note = f"Of the {found['side']} side, by {found['loss']}; rows are counted from 0. "
    if "score" in answers:
        note += "The score is that of the positive class, or of the true one among several. "
    if any("***" in row["values"].values() or row["target"] == "***" for row in found["rows"]):
        note += "*** is personal data."
    return Section("Worst rows", (Table(heads, rows, note.strip()),), "detail")


def align_of(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Return the side on which a column of values stands: numbers on the right."""
    known = [row[name] for row in rows if row[name] is not None]
    return "right" if known and all(isinstance(value, int | float) for value in known) else "left"


def value_text_of(value: Any) -> Inline:
    """Write a value of the data."""
    if value is None:
        return Cell("–", "missing")
    if isinstance(value, bool):
        return str(value).lower()
    return Cell(f"{value:.6g}", repr(value)) if isinstance(value, float) else str(value)


def contributions_section(evidence: Evidence) -> Section:
    """What each feature contributes to the predictions of boosted trees."""
    found = evidence.get("contributions")
    if not found or not found["features"]:
        return Section("Contributions", ())
    features = found["features"]
    shown = features[:MOST_CONTRIBUTIONS]
    where = f"{found['rows']:,} rows of the {found['side']} side"
    figure = draw_contributions([(one["feature"], one["size"]) for one in shown], len(features), where)
    columns = (Column("Feature"), *(Column(name, "right") for name in ("Mean size", "Share", "Mean")))
    rows = tuple(
        (one["feature"], metric_text(one["size"]), f"{100 * one['share']:.1f} %", metric_word(one["direction"]))
        for one in shown
    )
    left = len(features) - len(shown)
    return Section("Contributions", (figure, Table(columns, rows, f"{left} more are not shown." if left else "")))
