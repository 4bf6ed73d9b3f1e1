"""Which parts of the moment of a row tell something of the target, where no feature holds them already."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from mlops_runner.data.derived.parts import part_of
from mlops_runner.data.infer.values import Guess, SplitGuess, TaskGuess
from mlops_runner.data.table import Table
from mlops_runner.specs.data_derived_kinds import OF_TIMES, CalendarPart

# The year only goes on, days of a month and minutes are rarely a habit.
TRIED: tuple[CalendarPart, ...] = ("month", "weekday", "hour")
# The variance between the values of a part over the one within: what chance hardly reaches.
TELLING = 5.0
MOST_CLASSES = 10
MOST_RIVALS = 400


def calendar_of(table: Table, guesses: Sequence[Guess], split: SplitGuess, task: TaskGuess) -> tuple[CalendarPart, ...]:
    """Return the parts of the column with the role time that are worth a feature, judged by the training side."""
    time = next((g for g in guesses if g.role == "time" and g.facts.type in {"date", "datetime"}), None)
    if time is None or split.fields["kind"] != "time":
        return ()
    target = next(guess for guess in guesses if guess.role == "target")
    rivals = [g for g in guesses if g.role == "feature" and g.facts.distinct <= MOST_RIVALS][:MOST_RIVALS]
    rows = table.lazy.select(time.name, target.name, *(rival.name for rival in rivals)).drop_nulls(target.name)
    found = rows.filter(pl.col(time.name).is_not_null()).sort(time.name, maintain_order=True).collect()
    train = round(found.height * (1 - split.fields["validation"] - split.fields["test"]))
    able, telling = list[CalendarPart](), list[CalendarPart]()
    for part in TRIED:
        if (part in OF_TIMES and time.facts.type == "date") or f"{time.name}_{part}" in table.names:
            continue
        values = part_of(found[time.name], part).alias("\0part")
        seen = set(values[:train])
        if len(seen) > 1 and seen >= set(values[train:]) and not _is_there(values, found, rivals):
            able.append(part)
            if _tells(values[:train], found[target.name][:train], task):
                telling.append(part)
    # Days off have other hours, which the weekday alone need not show.
    return tuple(part for part in able if part in telling or (part == "weekday" and "hour" in telling))


def _is_there(values: pl.Series, rows: pl.DataFrame, rivals: Sequence[Guess]) -> bool:
    """Whether a feature holds the same under other names."""
    distinct = values.n_unique()
    alike = [rival.name for rival in rivals if rows[rival.name].n_unique() == distinct]
    return any(pl.DataFrame([values, rows[name]]).n_unique() == distinct for name in alike)


def _tells(values: pl.Series, target: pl.Series, task: TaskGuess) -> bool:
    return any(_ratio(values, one) > TELLING for one in _numbers(target, task.classes))


def _numbers(target: pl.Series, classes: Sequence[tuple[Any, int]]) -> Iterator[pl.Series]:
    """Yield the target as a number; of classes, whether it is each of them."""
    if not classes:
        yield target.cast(pl.Float64)
    for value, _ in classes[:MOST_CLASSES]:
        yield (target == value).cast(pl.Float64)


def _ratio(values: pl.Series, target: pl.Series) -> float:
    """Return the F statistic of a one-way analysis of variance."""
    rows = pl.DataFrame([values, target.alias("\0target")])
    parts = rows.group_by("\0part", maintain_order=True).agg(
        pl.col("\0target").mean().alias("mean"), pl.col("\0target").var(ddof=0).alias("within"), pl.len().alias("count")
    )
    inside = parts.select((pl.col("within") * pl.col("count")).sum()).item()
    middle = pl.col("\0target").mean()
    total = rows.select(((pl.col("\0target") - middle) ** 2).sum()).item()
    left = rows.height - parts.height
    if left <= 0 or total <= inside:
        return 0.0
    if inside <= 0:
        return math.inf
    return float((total - inside) / (parts.height - 1) / (inside / left))
