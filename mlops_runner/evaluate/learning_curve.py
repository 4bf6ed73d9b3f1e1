"""The learning curve: what the winner reaches when it is fitted on fewer rows."""

from collections.abc import Sequence

from mlops_runner.digest import Json
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.refits import Refit
from mlops_runner.evaluate.tables import Cell, rounded
from mlops_runner.evaluate.values import Measurement, Unmeasured


def learning_curve_json(known: Measured) -> Json:
    """Return the winner's metrics by the number of rows it was fitted on, all of them last; null when not asked for.

    "train" are the rows that were fitted on.
    """
    sides = list(known.sides)
    refits = known.extras.refits.get(known.winner)
    if known.options.evaluation.learning_curve is None or refits is None:
        return None
    points: list[Json] = [_point(known, fit, sides) for fit in refits.over("shares")]
    whole = {
        side: {m: _plain(known.value(Cell(known.winner, side, None, m))) for m in _metrics(known)} for side in sides
    }
    return [*points, {"share": 1.0, "rows": len(known.sides["train"].target), **whole}]


def _point(known: Measured, fit: Refit, sides: Sequence[str]) -> Json:
    digits = known.options.evaluation.digits
    found: dict[str, Json] = {"share": fit.at, "rows": fit.rows}
    if fit.problem:
        return {**found, "problem": fit.problem}
    return {
        **found,
        **{side: {m: _plain(rounded(fit.value(side, m), digits)) for m in _metrics(known)} for side in sides},
    }


def _metrics(known: Measured) -> tuple[str, ...]:
    return tuple(dict.fromkeys([known.options.select.metric, *known.options.evaluation.metrics]))


def _plain(value: Measurement) -> Json:
    return None if isinstance(value, Unmeasured) else value
