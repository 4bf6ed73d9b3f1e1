"""Measure every column over all rows, in few passes."""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from mlops_runner.data.infer.markers import sample_of
from mlops_runner.data.infer.personal import kind_of
from mlops_runner.data.infer.values import MOST_VALUES, Facts, Typing
from mlops_runner.data.table import Table

# Counting distinct values exactly needs memory for all of them; beyond this many rows an estimate must do.
EXACT_ROWS = 5_000_000
NUMBERS = frozenset({"float", "int"})
ORDERED = frozenset({"float", "int", "date", "datetime"})
# A prefix and a number (INV-000123, 2026/0017), a UUID, or a long hexadecimal number.
CODE = re.compile(
    r"[A-Za-z]{0,8}[-_/]?\d{3,}(?:[-_/]\d+)*"
    r"|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|(?=[a-f]*\d)[0-9a-f]{16,64}"
)
# A number with a sign of money or per cent, or with a mark between thousands.
AMOUNT = re.compile(
    r"[-+]?[$€£¥] ?[-+]?\d[\d.,' ]*|[-+]?\d[\d.,' ]* ?(?:[$€£¥%]|[A-Z]{3})|[-+]?\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d+)?"
)
NEARLY_ALL = 0.95


def measure(table: Table, types: Mapping[str, Typing]) -> tuple[Facts, ...]:
    """Return the facts about each column of the typed table, in the order of the table."""
    names = list(types)
    counted = table.select(*(e for i, name in enumerate(names) for e in _counts(i, name, types[name], table.height)))
    numbers = counted.row(0, named=True)
    few = [name for i, name in enumerate(names) if 0 < numbers[f"distinct{i}"] <= MOST_VALUES]
    values = _values(table, few)
    looks = _looks(table, [name for name in names if types[name].type == "string"])
    return tuple(
        _facts(name, types[name], table.height, {key: numbers.get(f"{key}{i}") for key in KEYS}, values, looks)
        for i, name in enumerate(names)
    )


KEYS = ("missing", "distinct", "low", "high", "whole", "falls")


def _counts(index: int, name: str, typing: Typing, rows: int) -> list[pl.Expr]:
    column = pl.col(name)
    known = column.drop_nulls()
    distinct = known.n_unique() if rows <= EXACT_ROWS else known.approx_n_unique()
    found = [column.null_count().alias(f"missing{index}"), distinct.alias(f"distinct{index}")]
    if typing.type in ORDERED:
        found.append((known < known.shift(1)).any().alias(f"falls{index}"))
    if typing.type in NUMBERS:
        found += [column.min().alias(f"low{index}"), column.max().alias(f"high{index}")]
        found.append((known == known.floor()).all().alias(f"whole{index}"))
    return found


def _values(table: Table, names: list[str]) -> dict[str, tuple[tuple[Any, int], ...]]:
    if not names:
        return {}
    columns = (pl.col(name).drop_nulls().value_counts(name="\0count").implode().alias(name) for name in names)
    row = table.select(*columns).row(0, named=True)
    found = {}
    for name in names:
        pairs = [(entry[name], entry["\0count"]) for entry in row[name]]
        found[name] = tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
    return found


def _looks(table: Table, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return what is said about texts, by a sample of each text column."""
    if not names:
        return {}
    sample = sample_of(table, names)
    return {name: _look([text for text in sample[name].cast(pl.String).to_list() if text]) for name in names}


def _look(texts: list[str]) -> dict[str, Any]:
    if not texts:
        return {}
    return {
        "characters": sum(map(len, texts)) / len(texts),
        "words": sum(len(text.split()) for text in texts) / len(texts),
        "coded": all(CODE.fullmatch(text) for text in texts),
        "amounts": sum(bool(AMOUNT.fullmatch(text)) for text in texts) > NEARLY_ALL * len(texts),
        "personal": kind_of(texts),
    }


def _facts(
    name: str,
    typing: Typing,
    rows: int,
    numbers: Mapping[str, Any],
    values: Mapping[str, tuple[tuple[Any, int], ...]],
    looks: Mapping[str, Mapping[str, Any]],
) -> Facts:
    return Facts(
        name=name,
        typing=typing,
        rows=rows,
        missing=numbers["missing"],
        distinct=numbers["distinct"],
        low=numbers["low"],
        high=numbers["high"],
        values=values.get(name, ()),
        whole=bool(numbers["whole"]),
        ordered=numbers["falls"] is False,
        **looks.get(name, {}),
    )
