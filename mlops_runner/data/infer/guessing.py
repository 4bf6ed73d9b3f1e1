"""What a constant guess reaches on the test side: gates start there, so that the baseline itself passes them."""

import math

import polars as pl

from mlops_runner.data.infer.values import Guessing, SplitGuess, TaskGuess
from mlops_runner.data.table import Table

# Sides that are drawn differ by chance; so many standard errors are allowed for.
ERRORS = 2.0
LEAST_SHARE = 1e-6


def guessing(table: Table, target: str, split: SplitGuess, task: TaskGuess) -> Guessing:
    """Answer what the training rows suggest, the mean or the shares of the classes, for every row of the test side.

    A time split is carried out; of others the sides are taken to be like the whole, but for chance.
    """
    if task.task == "ranking":
        return Guessing(0.0)
    rows = table.lazy.filter(pl.col(target).is_not_null())
    share = split.fields["test"]
    if split.fields["kind"] != "time":
        known = rows.select(target).collect(engine="streaming").to_series()
        drawn = share * (_groups(rows, split) or len(known))
        stratified = "stratify" in split.fields
        return _of(known, known, task, math.inf if stratified else max(drawn, 1.0))
    time = pl.col(split.fields["time"])
    ordered = rows.filter(time.is_not_null()).sort(time).select(target).collect().to_series()
    ends = [round(len(ordered) * (1 - part * share)) for part in (2, 1)]
    return _of(ordered[: ends[0]], ordered[ends[1] :], task, math.inf)


def _groups(rows: pl.LazyFrame, split: SplitGuess) -> int:
    if split.fields["kind"] != "group":
        return 0
    return int(rows.select(pl.col(split.fields["group"]).n_unique()).collect().item())


def _of(train: pl.Series, test: pl.Series, task: TaskGuess, drawn: float) -> Guessing:
    """Judge the guess; drawn: how many rows, or groups of them, chance chose for the test side."""
    if task.task == "regression":
        distances = test.cast(pl.Float64) - _mean(train.cast(pl.Float64))
        most = float(distances.abs().max()) or task.deviation  # type: ignore[arg-type]
        squares = (distances / most) ** 2
        # The error of a root is half that of the square.
        found = most * math.sqrt(_mean(squares)) * (1 + ERRORS * _relative_error(squares, drawn) / 2)
        return Guessing(found or task.deviation)
    counts = dict(train.value_counts(name="count").iter_rows())
    losses = {value: -math.log(max(counts.get(value, 0) / len(train), LEAST_SHARE)) for value, _ in task.classes}
    loss = test.replace_strict(losses, return_dtype=pl.Float64)
    positives = _mean((test == task.positive).cast(pl.Float64)) if task.task == "binary" else 0.0
    room = ERRORS * math.sqrt(positives * (1 - positives) / drawn)
    return Guessing(_mean(loss) * (1 + ERRORS * _relative_error(loss, drawn)), max(positives - room, positives / 2))


def _mean(values: pl.Series) -> float:
    return float(values.mean())  # type: ignore[arg-type]


def _relative_error(values: pl.Series, drawn: float) -> float:
    """Return the standard error of the mean of so many values, as a share of the mean."""
    mean = _mean(values)
    return float(values.std(ddof=0)) / mean / math.sqrt(drawn) if mean else 0.0  # type: ignore[arg-type]
