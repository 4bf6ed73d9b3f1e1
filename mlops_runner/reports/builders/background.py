"""Sections that say where a result comes from: parameters, data, lineage, and how to repeat it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlops_runner.reports.builders.text import digest_text, flat_facts, value_text
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Block, Cell, Code, Column, Facts, Folded, Inline, Section, Table

MOST_COLUMNS = 60
# Stored profiles and locks are sorted by name; people read in the order of the work.
SIDES = ("train", "validation", "test")
STAGES = ("source", "data", "train", "evaluate", "package")
ENVIRONMENT = ("python", "dependencies", "seed", "threads")


def parameters_section(context: ReportContext, winner: str) -> Section:
    """One row per model and parameter."""
    entries = [(model, name, value) for model, found in context.parameters.items() for name, value in _flat(found)]
    rows = tuple((model, Cell(name, mono=True), Cell(value_text(value), mono=True)) for model, name, value in entries)
    marked = frozenset(at for at, (model, _, _) in enumerate(entries) if model == winner)
    table = Table((Column("Model"), Column("Parameter"), Column("Value")), rows, marked=marked)
    return Section("Parameters", (table,) if rows else (), "detail")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Write nested parameters the way paths in specs are written: params.depth."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def data_section(context: ReportContext) -> Section:
    """Rows per side, and the columns with what is known about them."""
    counts = context.data.get("rows", {})
    columns = context.data.get("columns", {})
    facts: tuple[tuple[str, Inline], ...] = tuple(
        (f"Rows, {side}", f"{counts[side]:,}") for side in _first(SIDES, counts)
    )
    blocks: list[Block] = [Facts(facts)] if facts else []
    if columns:
        blocks.append(_columns_table(columns))
    return Section("Data", tuple(blocks), "detail")


def _columns_table(columns: Mapping[str, Mapping[str, Any]]) -> Table:
    heads = (Column("Column"), Column("Type"), Column("Role"), *(Column(n, "right") for n in ("Missing", "Unique")))
    heads += (Column("Values, training side"),)
    shown = list(columns.items())[:MOST_COLUMNS]
    rows = tuple(
        (Cell(name, mono=True), _fact(of, "type"), _fact(of, "role"), _missing(of), _unique(of), _values(of))
        for name, of in shown
    )
    left = len(columns) - len(rows)
    return Table(heads, rows, f"{left} more columns are not shown." if left else "")


def _first(known: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return names in the order in which they are known; the rest follows as it came."""
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def _fact(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name, "")
    return f"{value:,}" if isinstance(value, int) else value_text(value)


def _unique(facts: Mapping[str, Any]) -> str:
    return f"≈ {_fact(facts, 'unique')}" if facts.get("estimated") else _fact(facts, "unique")


def _missing(facts: Mapping[str, Any]) -> str:
    missing, rows = facts.get("missing"), facts.get("rows")
    if not missing or not rows:
        return "" if missing is None else f"{missing:,}"
    return f"{missing:,} ({100 * missing / rows:.1f} %)"


def _values(facts: Mapping[str, Any]) -> str:
    """A range with mean and deviation, or the most frequent values."""
    if "categories" in facts:
        first = ", ".join(f"{value_text(one['value'])} ({one['count']:,})" for one in facts["categories"][:4])
        return first + (", …" if len(facts["categories"]) > 4 else "")
    if facts.get("mean") is not None and facts.get("std") is not None:
        return f"{facts['min']:.4g} … {facts['max']:.4g}, mean {facts['mean']:.4g} ± {facts['std']:.4g}"
    return f"{facts['min']} … {facts['max']}" if "min" in facts else ""


def lineage_section(context: ReportContext) -> Section:
    """The keys and digests of every stage, in the order in which stages run."""
    stages = {stage: _stage_facts(context.lineage[stage]) for stage in sorted(context.lineage, key=_stage_place)}
    if not stages:
        return Section("Lineage", (), "detail")
    keys = tuple(
        (Cell(stage, strong=True), value) for stage, facts in stages.items() for name, value in facts if name == "key"
    )
    files = tuple(
        (Cell(stage, strong=True) if at == 0 else "", name, value)
        for stage, facts in stages.items()
        for at, (name, value) in enumerate(fact for fact in facts if fact[0] != "key")
    )
    table = Table((Column("Stage"), Column("Fact"), Column("Digest")), files)
    folded = Folded(f"{len(files):,} digests of what went in and what came out", table)
    return Section("Lineage", (Table((Column("Stage"), Column("Key")), keys), folded), "detail")


def _stage_place(stage: str) -> int:
    kind = stage.partition(".")[0]
    return STAGES.index(kind) if kind in STAGES else len(STAGES)


def _stage_facts(facts: Mapping[str, Any]) -> list[tuple[str, Inline]]:
    """Put the key first, then inputs, then outputs: what went in before what came out."""
    first = [name for kind in ("key", "inputs", "outputs") for name in facts if name.partition("/")[0] == kind]
    return flat_facts({name: facts[name] for name in dict.fromkeys([*first, *facts])})


def repeat_section(context: ReportContext) -> Section:
    """The environment, and the commands that repeat the run."""
    facts = tuple(
        (name, digest_text(value_text(context.environment[name]))) for name in _first(ENVIRONMENT, context.environment)
    )
    blocks: list[Block] = [Facts(facts)] if facts else []
    if context.commands:
        blocks.append(Code("\n".join(context.commands), "sh"))
    return Section("Reproducibility", tuple(blocks), "detail")
