"""How values are written in reports."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_runner.reports.document import Cell, Inline, threshold_word

ABSENT = "–"
DIGEST_DIGITS = 12


def metric_text(value: float | None, *, strong: bool = False, small: str = "") -> Cell:
    """Write a metric with four digits after the point, the exact number behind it; a dash when it was not measured."""
    if value is None:
        return Cell(ABSENT, "could not be measured")
    return Cell(metric_word(value), repr(value), strong=strong, small=small)


def metric_word(value: float) -> str:
    """Return a metric with four digits after the point, or in thousands."""
    short = f"{value:.4f}" if abs(value) < 1000 else f"{value:,.6g}"
    return "0.0000" if short == "-0.0000" else short


def interval_word(bounds: Mapping[str, Any] | None) -> str:
    """Return an interval as `0.9862 – 0.9981`; nothing where there is none, or where no resample differs."""
    if not bounds or "low" not in bounds or (bounds.get("constant") and "method" not in bounds):
        return ""
    low, high = metric_word(bounds["low"]), metric_word(bounds["high"])
    return f"{low} to {high}" if bounds["low"] < 0 else f"{low} – {high}"


def threshold_text(value: float, *, strong: bool = False) -> Cell:
    """Write a threshold in few digits, the exact one behind it."""
    return Cell(threshold_word(value), repr(value), strong=strong)


def thresholds_fact(name: str, value: float | Sequence[float]) -> tuple[str, Inline]:
    """Name a threshold; of several labels the lowest and the highest."""
    if isinstance(value, Sequence):
        return f"{name}, by label", f"{threshold_word(min(value))} to {threshold_word(max(value))}"
    return name, threshold_text(value)


def number_text(value: float) -> Cell:
    """Write a sum, such as a cost, with four significant digits, the exact one behind it."""
    return Cell(f"{value:.4g}", repr(value))


def value_text(value: Any) -> str:
    """Write a value of a spec the way YAML would."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def digest_text(digest: str) -> Cell:
    """Shorten a digest after its prefix, with the full one behind it; text that is no digest stays as it is."""
    found = re.fullmatch(r"([a-z0-9]+:)?([0-9a-f]{32,})", digest)
    short = f"{found[1] or ''}{found[2][:DIGEST_DIGITS]}…" if found else digest
    return Cell(short, digest, mono=True)


def flat_facts(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Inline]]:
    """Flatten nested facts to ("inputs / data.parquet / sha256", digest)."""
    found: list[tuple[str, Inline]] = []
    for name, value in facts.items():
        path = f"{prefix} / {name}" if prefix else re.sub(r"^(inputs|outputs)/", r"\1 / ", str(name))
        found += flat_facts(value, path) if isinstance(value, Mapping) else [(path, digest_text(value_text(value)))]
    return found
