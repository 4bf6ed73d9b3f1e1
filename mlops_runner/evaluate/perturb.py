"""Perturbed rows for robustness gates: noise, missing values, shifts, unseen categories; seeded, column by column."""

import hashlib
from collections.abc import Iterable

import numpy as np
import polars as pl

from mlops_runner.specs.evaluation_robustness import Missing, Noise, Perturbation, Shift, Unseen

UNSEEN = "\u2063unseen"  # an invisible separator in front: no table holds this by chance


def touched(done: Perturbation, frame: pl.DataFrame, features: Iterable[str]) -> list[str]:
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
    """Return the rows with the columns changed. Each column has a generator of its own, so that their order is free."""
    return frame.with_columns(
        _changed(done, frame[name], np.random.PCG64([*seed, _number_of(name)])) for name in columns
    )


def repeats_of(done: Perturbation, wanted: int) -> int:
    """Return how often a perturbation is tried: a shift leaves nothing to chance."""
    return 1 if isinstance(done, Shift) else wanted


def _changed(done: Perturbation, column: pl.Series, bits: np.random.PCG64) -> pl.Series:
    match done:
        case Noise():
            noise = np.random.Generator(bits).standard_normal(len(column)) * done.sd * _spread(column)
            return (column.cast(pl.Float64) + pl.Series(noise)).alias(column.name)
        case Shift():
            return (column.cast(pl.Float64) + done.sd * _spread(column)).alias(column.name)
        case Missing():
            return column.set(_chosen(done.share, len(column), bits), None)
        case Unseen():
            return column.set(_chosen(done.share, len(column), bits), UNSEEN)


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
