"""Sections about the queries of a ranking: how many there are and what they can show, and those it ranks worst."""

from collections.abc import Sequence

from mlops_runner.reports.builders.errors import align_of, value_text_of
from mlops_runner.reports.builders.numbers import SIDES
from mlops_runner.reports.builders.text import metric_text
from mlops_runner.reports.document import Column, Section, Table
from mlops_runner.reports.evidence import Evidence


def queries_section(evidence: Evidence) -> Section:
    """How many queries each side has, and how many of them say something about an order."""
    found = evidence.get("queries")
    if not found:
        return Section("Queries", ())
    columns = (
        Column("Side"),
        *(Column(name, "right") for name in ("Rows", "Queries", "Without a relevant row", "Any order is as good")),
    )
    rows = tuple(
        (
            side,
            f"{evidence['rows'][side]:,}",
            *(f"{found[side][name]:,}" for name in ("queries", "without_relevant", "without_order")),
        )
        for side in SIDES
        if side in found
    )
    note = (
        "Metrics are means over queries, and resamples draw whole queries. A query without a relevant row counts as 0; "
        "one whose rows are all alike, or that has one row, is ranked as well by any model."
    )
    return Section("Queries", (Table(columns, rows, note),))


def worst_queries_section(evidence: Evidence) -> Section:
    """The queries that are ranked worst."""
    found = evidence.get("worst_queries")
    if not found or not found["queries"]:
        return Section("Worst queries", ())
    columns, queries = found["columns"], found["queries"]
    values = [one["values"] for one in queries]
    heads = (
        *(Column(name, align_of(values, name)) for name in columns),
        Column("Rows", "right"),
        Column("NDCG", "right"),
        Column("Relevance as ranked"),
        Column("In the best order"),
    )
    rows = tuple(
        (
            *(value_text_of(one["values"][name]) for name in columns),
            f"{one['rows']:,}",
            metric_text(one["ndcg"]),
            _places(one["ranked"], one["rows"]),
            _places(one["best"], one["rows"]),
        )
        for one in queries
    )
    note = f"Of the {found['side']} side."
    if any("***" in row.values() for row in values) or any(one["ranked"] == "***" for one in queries):
        note += " *** is personal data."
    return Section("Worst queries", (Table(heads, rows, note),), "detail")


def _places(relevance: Sequence[float] | str, rows: int) -> str:
    if isinstance(relevance, str):
        return relevance
    return " ".join(f"{value:g}" for value in relevance) + (" …" if rows > len(relevance) else "")
