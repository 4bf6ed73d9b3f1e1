"""Features that give the target away: by the measure of the leakage rule, by their names, or put together."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.checks.association import association
from mlops_runner.data.checks.leakage import FEWEST_ROWS
from mlops_runner.data.infer import naming
from mlops_runner.data.infer.values import Facts, Task

Floats = NDArray[np.float64]

# A little below what the leakage rule refuses.
SURE = 0.985
FILLED = 0.8
FEWEST_KNOWN = 30
BY_CHANCE = 1e-6
MOST_PARTS = 12
EXACT = 0.99


def leaks(sample: pl.DataFrame, target: Facts, features: Sequence[Facts], task: Task) -> dict[str, str]:
    """Return why a feature gives the target away, by its name. The sample holds rows with a known target only."""
    found = {facts.name: "named like the output of a model" for facts in features if naming.is_answer(facts.name)}
    rest = [facts for facts in features if facts.name not in found]
    if sample.height >= FEWEST_ROWS:
        if task in {"regression", "ranking"}:
            return found | _of_numbers(sample, target.name, rest)
        return found | _of_classes(sample, target.name, rest)
    return found


def _of_classes(sample: pl.DataFrame, target: str, features: Sequence[Facts]) -> dict[str, str]:
    # Classes may be stored as numbers with decimals, which the measure would take for amounts.
    classes = sample[target].cast(pl.String)
    found = {}
    for facts in features:
        values = sample[facts.name]
        if (score := association(values, classes)) >= SURE:
            found[facts.name] = f"alone it avoids {_percent(score)} of the wrong guesses about the target"
        elif values.null_count() and (why := _filled(values.is_null(), classes)):
            found[facts.name] = why
    return found


def _filled(missing: pl.Series, classes: pl.Series) -> str | None:
    """Say whether a column is filled, or left empty, for one class only: it was written when the answer was known."""
    if association(missing, classes) >= FILLED:
        return "whether it is filled gives the target away"
    for mask, word in ((~missing, "filled"), (missing, "empty")):
        inside = classes.filter(mask)
        if len(inside) < FEWEST_KNOWN or inside.n_unique() > 1:
            continue
        share = float((classes == inside[0]).mean())
        if share ** len(inside) < BY_CHANCE:
            return f"{word} for one class of the target only: it was written when the answer was known"
    return None


def _of_numbers(sample: pl.DataFrame, target: str, features: Sequence[Facts]) -> dict[str, str]:
    # Decimals keep few whole numbers from being taken for classes.
    wanted = sample[target].cast(pl.Float64)
    found = {}
    for facts in features:
        if (score := association(sample[facts.name], wanted)) >= SURE:
            found[facts.name] = f"alone it explains {_percent(score)} of the target"
    numbers = [f for f in features if f.numeric and f.name not in found and not sample[f.name].null_count()]
    return found | _composed(sample, wanted.to_numpy(), numbers)


def _correlation(left: Floats, right: Floats) -> float:
    left, right = _centred(left), _centred(right)
    size = float(np.sqrt(np.square(left).sum() * np.square(right).sum()))
    return float((left * right).sum()) / size if size else 0.0


def _centred(values: Floats) -> Floats:
    """Subtract the mean, and bring the numbers to at most 1, because squares of huge ones overflow."""
    scaled: Floats = values / (float(np.abs(values).max()) or 1.0)
    found: Floats = scaled - scaled.mean()
    return found


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


def _percent(share: float) -> str:
    return f"{min(share, 1.0):.1%}".replace(".0%", "%")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
