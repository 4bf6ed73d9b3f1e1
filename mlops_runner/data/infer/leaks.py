"""Features that give the target away: on a sample, by rules that are learnt on one half and tried on the other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.infer import naming
from mlops_runner.data.infer.values import Facts, Task

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 64
SURE = 0.985
SURE_OF_NUMBERS = 0.995
FILLED = 0.8
FEWEST_KNOWN = 30
BY_CHANCE = 1e-6
MOST_PARTS = 12
EXACT = 0.99


def leaks(sample: pl.DataFrame, target: Facts, features: Sequence[Facts], task: Task) -> dict[str, str]:
    """Return why a feature gives the target away, by its name. The sample holds rows with a known target only."""
    found = {facts.name: "named like the output of a model" for facts in features if naming.is_answer(facts.name)}
    rest = [facts for facts in features if facts.name not in found]
    if sample.height >= 2 * FEWEST_KNOWN:
        if task == "regression":
            return found | _of_numbers(sample, target.name, rest)
        return found | _of_classes(sample, target.name, rest)
    return found


def _of_classes(sample: pl.DataFrame, target: str, features: Sequence[Facts]) -> dict[str, str]:
    classes = _codes_of(sample[target])
    found = {}
    for facts in features:
        values = sample[facts.name]
        if (score := _guessed(_binned(values, facts), classes)) >= SURE:
            found[facts.name] = f"alone it predicts the target: {_percent(score)} of what guessing leaves open"
        elif values.null_count() and (why := _filled(values.is_null().to_numpy(), classes)):
            found[facts.name] = why
    return found


def _filled(missing: NDArray[np.bool_], classes: Codes) -> str | None:
    """Say whether a column is filled, or left empty, for one class only: it was written when the answer was known."""
    if _guessed(missing.astype(np.int64), classes) >= FILLED:
        return "whether it is filled gives the target away"
    shares = np.bincount(classes) / len(classes)
    for mask, word in ((~missing, "filled"), (missing, "empty")):
        inside = classes[mask]
        if len(inside) < FEWEST_KNOWN or (inside != inside[0]).any():
            continue
        if shares[inside[0]] ** len(inside) < BY_CHANCE:
            return f"{word} for one class of the target only: it was written when the answer was known"
    return None


def _guessed(codes: Codes, classes: Codes) -> float:
    """Return how much of the error of the best constant guess goes when every code guesses its most frequent class.

    Learnt on the even rows, tried on the odd ones: a column of near-unique values explains nothing.
    """
    learn, try_ = slice(0, None, 2), slice(1, None, 2)
    counts = np.zeros((int(codes.max()) + 1, int(classes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (codes[learn], classes[learn]), 1)
    common = int(np.bincount(classes[learn]).argmax())
    best = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), common)
    right = float((best[codes[try_]] == classes[try_]).mean())
    base = float((classes[try_] == common).mean())
    return 0.0 if base >= 1 else (right - base) / (1 - base)


def _of_numbers(sample: pl.DataFrame, target: str, features: Sequence[Facts]) -> dict[str, str]:
    wanted = sample[target].cast(pl.Float64).to_numpy()
    if not wanted.std():
        return {}
    found = {}
    for facts in features:
        score = max(_explained(_binned(sample[facts.name], facts), wanted), _aligned(sample[facts.name], facts, wanted))
        if score >= SURE_OF_NUMBERS:
            found[facts.name] = f"alone it explains {_percent(score)} of the target"
    numbers = [f for f in features if f.numeric and f.name not in found and not sample[f.name].null_count()]
    return found | _composed(sample, wanted, numbers)


def _explained(codes: Codes, wanted: Floats) -> float:
    """Return the share of variance explained by the mean of each code, learnt on even rows and tried on odd ones."""
    learn, try_ = slice(0, None, 2), slice(1, None, 2)
    size = int(codes.max()) + 1
    counts = np.bincount(codes[learn], minlength=size)
    sums = np.bincount(codes[learn], wanted[learn], minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), wanted[learn].mean())
    spread = float(np.square(wanted[try_] - wanted[try_].mean()).sum())
    return 1 - float(np.square(wanted[try_] - means[codes[try_]]).sum()) / spread if spread else 0.0


def _aligned(values: pl.Series, facts: Facts, wanted: Floats) -> float:
    """Return the squared correlation with the target, of values or of ranks, whichever is larger."""
    if not facts.numeric or values.null_count() or facts.distinct < 3:
        return 0.0
    pairs = [(values.cast(pl.Float64).to_numpy(), wanted)]
    pairs.append((values.rank().to_numpy(), pl.Series(wanted).rank().to_numpy()))
    return max(_correlation(left, right) ** 2 for left, right in pairs)


def _correlation(left: Floats, right: Floats) -> float:
    left, right = left - left.mean(), right - right.mean()
    size = float(np.sqrt(np.square(left).sum() * np.square(right).sum()))
    return float((left * right).sum()) / size if size else 0.0


def _composed(sample: pl.DataFrame, wanted: Floats, numbers: Sequence[Facts]) -> dict[str, str]:
    """Find two or three columns whose sum, difference or product is the target, row by row."""
    ranked = sorted(numbers, key=lambda f: -abs(_correlation(sample[f.name].cast(pl.Float64).to_numpy(), wanted)))
    columns = {f.name: sample[f.name].cast(pl.Float64).to_numpy() for f in ranked[:MOST_PARTS]}
    for size in (2, 3):
        for names in combinations(columns, size):
            if how := _equal([columns[name] for name in names], wanted):
                return {name: f"the target is the {how} of {_listed(names)}" for name in names}
    return {}


def _equal(parts: Sequence[Floats], wanted: Floats) -> str | None:
    first, second, *rest = parts
    ways: list[tuple[str, Any]] = [("sum", first + second + sum(rest)), ("product", np.prod(parts, axis=0))]
    if not rest:
        ways += [("difference", first - second), ("difference", second - first)]
    allowed = 1e-6 * np.maximum(np.abs(wanted), 1e-9)
    for how, given in ways:
        if (np.abs(given - wanted) <= allowed).mean() >= EXACT:
            return how
    return None


def _binned(values: pl.Series, facts: Facts) -> Codes:
    """Number the values: texts by themselves, numbers and dates by quantiles; missing has a number of its own."""
    if facts.type in {"string", "bool"} or facts.distinct <= BINS:
        return _codes_of(values)
    numbers = values.to_physical().cast(pl.Float64)
    known = np.sort(numbers.drop_nulls().to_numpy())
    edges = np.unique(known[np.arange(1, BINS) * len(known) // BINS]) if len(known) else known
    places = np.searchsorted(edges, numbers.fill_null(0.0).to_numpy(), side="right")
    return np.where(numbers.is_null().to_numpy(), len(edges) + 1, places).astype(np.int64)


def _codes_of(values: pl.Series) -> Codes:
    physical = values.cast(pl.String) if values.dtype in (pl.Categorical, pl.Enum) else values
    ranks = physical.rank("dense").cast(pl.Int64).fill_null(0)
    return ranks.to_numpy().astype(np.int64)


def _percent(share: float) -> str:
    return f"{min(share, 1.0):.1%}".replace(".0%", "%")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
