"""Perturbed rows for robustness gates: noise, missing values, shifts, unseen categories; seeded, column by column."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import polars as pl

from mlops_runner.evaluate.rows import Rows
from mlops_runner.specs.evaluation_robustness import Missing, Noise, Perturbation, Shift, Unseen

Change = Callable[[pl.Series, int], pl.Series]
UNSEEN = "\u2063unseen"  # an invisible separator in front: no table holds this by chance


def touched(done: Perturbation, frame: Rows, features: Iterable[str]) -> list[str]:
    """Return the columns a perturbation changes: those it names, or all features of a fitting type."""
    if done.columns:
        return list(done.columns)
    match done:
        case Noise() | Shift():
            return [name for name in features if frame.schema[name].is_numeric()]
        case Missing():
            return list(features)
        case Unseen():
            return [name for name in features if frame.schema[name] == pl.String]


def perturb(done: Perturbation, frame: pl.DataFrame, columns: Iterable[str], seed: tuple[int, ...]) -> pl.DataFrame:
    """Return the rows with the columns changed."""
    return changed(frame, 0, changes(done, frame, columns, seed))


def changes(done: Perturbation, rows: Rows, columns: Iterable[str], seed: tuple[int, ...]) -> dict[str, Change]:
    """Return how each column is changed, by a generator of its own, so that the order of columns is free.

    Batches of the rows are to be changed one after the other, each once.
    """
    return {name: _change(done, rows[name], np.random.PCG64([*seed, _number_of(name)])) for name in columns}


def changed(batch: pl.DataFrame, first: int, how: Mapping[str, Change]) -> pl.DataFrame:
    """Return a batch with its columns changed; `first` is the position of its first row among all."""
    return batch.with_columns(change(batch[name], first) for name, change in how.items())


def repeats_of(done: Perturbation, wanted: int) -> int:
    """Return how often a perturbation is tried: a shift leaves nothing to chance."""
    return 1 if isinstance(done, Shift) else wanted


def _change(done: Perturbation, column: pl.Series, bits: np.random.PCG64) -> Change:
    match done:
        case Noise():
            return _noise(np.random.Generator(bits), done.sd, _spread(column))
        case Shift():
            by = done.sd * _spread(column)
            return lambda part, _: (part.cast(pl.Float64) + by).alias(part.name)
        case Missing():
            return _put(None, _chosen(done.share, len(column), bits))
        case Unseen():
            return _put(UNSEEN, _chosen(done.share, len(column), bits))


def _noise(generator: np.random.Generator, sd: float, spread: float) -> Change:
    def change(part: pl.Series, first: int) -> pl.Series:  # noqa: ARG001
        noise = generator.standard_normal(len(part)) * sd * spread
        return (part.cast(pl.Float64) + pl.Series(noise)).alias(part.name)

    return change


def _put(value: str | None, chosen: pl.Series) -> Change:
    return lambda part, first: part.set(chosen.slice(first, len(part)), value)


def _spread(column: pl.Series) -> float:
    """Return the standard deviation of the values that are there; 0 for a column without two of them."""
    values = column.cast(pl.Float64).drop_nulls().drop_nans()
    spread = values.std(ddof=0) if len(values) else None
    return float(spread) if isinstance(spread, int | float) else 0.0


def _chosen(share: float, rows: int, bits: np.random.PCG64) -> pl.Series:
    """Choose a share of the rows, rounded to whole rows."""
    chosen = np.zeros(rows, dtype=np.bool_)
    chosen[np.random.Generator(bits).permutation(rows)[: round(share * rows)]] = True
    return pl.Series(chosen)


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
