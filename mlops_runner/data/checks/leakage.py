"""What a model could know of the answer before it is asked: features that give it away, rows on two sides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import polars as pl

from mlops_runner.data.checks.association import association
from mlops_runner.data.checks.base import SAMPLED_ROWS, Check, Context, Found, Look, Sides
from mlops_runner.data.checks.rules import marked
from mlops_runner.data.information import told_apart
from mlops_runner.data.repeats import HASH, alike, chosen
from mlops_runner.data.table import Table
from mlops_runner.digest import Json
from mlops_runner.specs.data import Data, PredefinedSplit, TimeSplit
from mlops_runner.specs.data_checks import AnyRule, LeakageRule

FEWEST_ROWS = 50
# Enough to see an association near 1; the rows are drawn, not taken from the top.
SAMPLE = 50_000
DIGITS = 6
SIDE = "\0side"
Run: TypeAlias = Callable[[Table, Context], Found]


def compile_rule(rule: AnyRule, _at: str, spec: Data) -> Iterator[Check]:
    """Compile a leakage rule: one check for each way in which the answer can leak."""
    assert isinstance(rule, LeakageRule)
    features, targets = spec.with_role("feature"), spec.with_role("target")
    hint = "leave out what is known only afterwards, or raise target"
    for target in targets:
        part = "target" if len(targets) == 1 else f"target {target}"
        yield _check(rule, part, (), _tells(rule, features, target), ("", ""), hint)
    if rule.duplicates is not False:
        words = ("has the features of a row on an earlier side", "have the features of a row on an earlier side")
        hint = "drop duplicates in cleaning, split by group, or set duplicates: false"
        look = _across(features, spec)
        yield _check(rule, "duplicates", (), look if rule.duplicates else _unlikely(features, look), words, hint)
    if rule.ids:
        for name in (*spec.with_role("id"), *spec.with_role("group")):
            words = ("has a value that is on an earlier side too", "have a value that is on an earlier side too")
            yield _check(rule, f"ids {name}", (name,), _across((name,), spec), words, "split by group")
    if rule.time and isinstance(spec.split, TimeSplit | PredefinedSplit):
        split = (spec.split.time,) if isinstance(spec.split, TimeSplit) else ()
        for name in dict.fromkeys((*split, *spec.with_role("time"))):
            words = (
                "of the train side is later than a row held out",
                "of the train side are later than a row held out",
            )
            yield _check(rule, f"time {name}", (name,), _too_late(name), words, "split by time")


def _check(
    rule: LeakageRule, part: str, columns: tuple[str, ...], look: Run, words: tuple[str, str], hint: str
) -> Check:
    name = f"{rule.name or 'leakage'}: {part}"
    return Check(
        name,
        "leakage",
        "leakage",
        Look(look),
        columns,
        words,
        hint,
        severity=rule.severity,
        named=True,
    )


def _tells(rule: LeakageRule, features: Sequence[str], target: str) -> Run:
    def look(table: Table, _context: Context) -> Found:
        present = [name for name in features if name in table.schema]
        if target not in table.schema or not present:
            return Found(unmeasured="the target or the features could not be read")
        rows = _drawn(table, [*present, target]).drop_nulls(target)
        if rows.height < FEWEST_ROWS or rows[target].n_unique() < 2:
            return Found(unmeasured=f"it takes {FEWEST_ROWS} rows and two values of the target")
        found = {name: round(association(rows[name], rows[target]), DIGITS) for name in present}
        return Found(says=_told(found, rule.target), figures={"association": dict[str, Json](found)})

    return look


def _told(found: Mapping[str, float], most: float) -> str | None:
    told = sorted((name for name, value in found.items() if value > most), key=lambda name: -found[name])
    shown = ", ".join(f'"{name}" {found[name]:.4g}' for name in told[:SAMPLED_ROWS])
    more = ", …" if len(told) > SAMPLED_ROWS else ""
    word = "feature tells" if len(told) == 1 else "features tell"
    return f"{len(told)} {word} the target: {shown}{more} > {most:.4g} (target)" if told else None


def _drawn(table: Table, names: Sequence[str]) -> pl.DataFrame:
    """Return up to SAMPLE rows, one drawn from each of as many stretches of the table."""
    rows = table.lazy.select(names)
    if table.height > SAMPLE:
        # The bit generator is named, because numpy may change its default one.
        parts = np.random.Generator(np.random.PCG64(0)).random(SAMPLE)
        marks = np.zeros(table.height, np.bool_)
        marks[((np.arange(SAMPLE) + parts) * (table.height / SAMPLE)).astype(np.int64)] = True
        rows = chosen(rows, pl.Series(marks))
    return rows.collect(engine="streaming")


def _across(names: Sequence[str], spec: Data) -> Run:
    """Count the rows whose values are also on an earlier side; hashes leave few rows, which are compared exactly."""
    skipped = [name for name in names if spec.columns[name].role in {"id", "group"}]

    def look(table: Table, context: Context) -> Found:
        present = [name for name in names if name in table.schema]
        if not present:
            return Found(unmeasured="the features could not be read")
        sides = pl.Series(SIDE, _sides(context))
        alike = _alike(table, present, sides)
        if alike is None:
            return Found(0)
        rows = chosen(table.lazy.select(present), alike).collect(engine="streaming")
        first = pl.col(SIDE).min().over(present)
        later = rows.with_columns(sides.filter(alike)).select(
            (pl.col(SIDE) > first) & pl.all_horizontal(pl.lit(True), *(pl.col(name).is_not_null() for name in skipped))
        )
        mask = alike.clone().scatter(alike.arg_true().filter(later.to_series().not_()), False)
        return marked(mask)

    return look


def _unlikely(names: Sequence[str], across: Run) -> Run:
    """Leave rows out that may well agree by chance, because their features hold too little to tell rows apart."""

    def look(table: Table, context: Context) -> Found:
        found = across(table, context)
        present = [name for name in names if name in table.schema]
        if not found.broken or _told_apart(_drawn(table, present)):
            return found
        return Found(0, figures={"by_chance": found.broken})

    return look


def _told_apart(rows: pl.DataFrame) -> bool:
    entropies = rows.select(pl.all().drop_nulls().unique_counts().entropy(2, normalize=True)).row(0)
    return told_apart(rows.height, sum(bits or 0.0 for bits in entropies))


def _alike(table: Table, names: Sequence[str], sides: pl.Series) -> pl.Series | None:
    """Mark the rows whose hash is on several sides; None when there are no such rows."""
    again = alike(table.lazy.select(names), table.height)
    if again is None:
        return None
    hashes = chosen(table.lazy.select(names), again).select(pl.struct(names).hash().alias(HASH))
    side = pl.col(SIDE)
    several = (
        hashes.collect(engine="streaming")
        .with_columns(sides.filter(again))
        .select(side.min().over(HASH) < side.max().over(HASH))
    )
    marks = again.scatter(again.arg_true().filter(~several.to_series()), False)
    return marks if marks.any() else None


def _too_late(name: str) -> Run:
    def look(table: Table, context: Context) -> Found:
        moments, sides = table.column(name), pl.Series(_sides(context))
        earliest = moments.filter(sides > 0).min()
        return Found(0) if earliest is None else marked((moments > earliest) & (sides == 0))

    return look


def _sides(context: Context) -> Sides:
    assert context.sides is not None
    return context.sides
