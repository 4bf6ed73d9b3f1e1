"""The split that fits: by time, by group, by digest of an id, or at random with the classes in proportion."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from mlops_runner.data.infer.values import Guess, SplitGuess, TaskGuess
from mlops_runner.data.table import Table

SEED = 1
MANY_ROWS = 200_000
GROWING_ROWS = 10_000
ROWS_A_CLASS = 200
GROUPS_A_CLASS = 10


def split_of(table: Table, guesses: Sequence[Guess], task: TaskGuess) -> SplitGuess:
    """Choose the split; the table is typed, and rows without a target are left out of the judgement."""
    target = next(guess for guess in guesses if guess.role == "target")
    known = table.lazy.filter(pl.col(target.name).is_not_null())
    share = 0.1 if target.facts.known > MANY_ROWS else 0.2
    refused = ""
    if task.task == "ranking":
        (query,) = (guess.name for guess in guesses if guess.role == "group")
        return SplitGuess(_fields("group", share, group=query, seed=SEED), "the rows of a query are ranked together")
    for time in (guess for guess in guesses if guess.role == "time"):
        if why := _time_fails(known, time, target, task, share):
            refused = f"not by {time.name}: {why}; "
            continue
        why = "the model is tested on what came later, as in use"
        return SplitGuess(_fields("time", share, time=time.name), why)
    for group in (guess for guess in guesses if guess.role == "group"):
        if task.classes and _groups_of_rarest(known, group, target) < GROUPS_A_CLASS:
            refused += f"not by {group.name}: a class is in few of them only; "
            continue
        why = f"{refused}rows of one {group.name} are alike: on both sides they would flatter the model"
        return SplitGuess(_fields("group", share, group=group.name, seed=SEED), why)
    return _without_order(guesses, target, task, share, refused)


def _without_order(guesses: Sequence[Guess], target: Guess, task: TaskGuess, share: float, refused: str) -> SplitGuess:
    ids = [guess.name for guess in guesses if guess.role == "id"]
    rarest = min((count for _, count in task.classes), default=ROWS_A_CLASS)
    if ids and target.facts.known >= GROWING_ROWS and rarest >= ROWS_A_CLASS:
        why = f"{refused}a row keeps its side when others come"
        return SplitGuess(_fields("hash", share, columns=ids[:1], seed=SEED), why)
    if task.classes:
        why = f"{refused}every side gets the classes in the same proportion"
        return SplitGuess(_fields("random", share, seed=SEED, stratify=target.name), why)
    return SplitGuess(_fields("random", share, seed=SEED), f"{refused}no time, group or class to keep to")


def _fields(kind: str, share: float, **others: Any) -> dict[str, Any]:
    return {"kind": kind, **others, "validation": share, "test": share}


def _time_fails(known: pl.LazyFrame, time: Guess, target: Guess, task: TaskGuess, share: float) -> str | None:
    """Say why a time split would not do: too few moments, or classes that training or the later sides do not see."""
    rows = known.select(pl.col(time.name).alias("time"), pl.col(target.name).alias("target"))
    found = rows.filter(pl.col("time").is_not_null()).sort("time").collect()
    count = found.height
    ends = [found["time"][min(round(count * (1 - part * share)), count - 1)] for part in (2, 1)]
    if not found["time"][0] < ends[0] < ends[1]:
        return "too many rows share a moment"
    if not task.classes:
        return None
    moment = pl.col("time")
    sides = [moment < ends[0], (moment >= ends[0]) & (moment < ends[1]), moment >= ends[1]]
    classes = [found.filter(side)["target"].n_unique() for side in sides]
    if classes[0] < len(task.classes):
        return "the earlier rows lack a class"
    return "the later rows have one class only" if min(classes) < 2 else None


def _groups_of_rarest(known: pl.LazyFrame, group: Guess, target: Guess) -> int:
    """Count the groups in which the class is that is in the fewest."""
    per_class = known.group_by(target.name).agg(pl.col(group.name).n_unique().alias("groups"))
    return int(per_class.select(pl.col("groups").min()).collect().item())
