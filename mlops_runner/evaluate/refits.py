"""What came of training the winner again, as gates and reports ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_runner.digest import Json
from mlops_runner.evaluate.values import Measurement, Unmeasured

VERSION = 1


@dataclass(frozen=True, slots=True)
class Refit:
    """One training. over, at: what differs (seeds: the seed, folds: the fold left out, shares: the share of the rows).

    rows: how many it was fitted on; values: side -> metric -> value; problem: why there are none.
    """

    over: str
    at: int | float
    rows: int
    values: Mapping[str, Mapping[str, Measurement]] = field(default_factory=dict)
    problem: str = ""

    def value(self, side: str, metric: str) -> Measurement:
        """Return one number, unrounded."""
        if self.problem:
            return Unmeasured(self.problem)
        if side not in self.values:
            return Unmeasured(f"there is no {side} side")
        return self.values[side].get(metric, Unmeasured("it was not measured"))


@dataclass(frozen=True, slots=True)
class Refits:
    """All trainings of one candidate. alike: whether all seeds predict the same; None with fewer than two of them."""

    fits: tuple[Refit, ...]
    alike: bool | None = None

    def over(self, kind: str) -> list[Refit]:
        """Return those in which one thing differs."""
        return [fit for fit in self.fits if fit.over == kind]

    def as_json(self) -> Json:
        """Return refits.json."""
        return {"version": VERSION, "alike": self.alike, "fits": [refit_json(fit) for fit in self.fits]}


def refits_from(value: Mapping[str, Any]) -> Refits:
    """Read refits.json back."""
    return Refits(tuple(refit_from(one) for one in value["fits"]), value["alike"])


def refit_json(fit: Refit) -> Json:
    """Return the JSON form of one training."""
    found: dict[str, Json] = {"over": fit.over, "at": fit.at, "rows": fit.rows}
    if fit.problem:
        return {**found, "problem": fit.problem}
    return {**found, "values": {side: _values_json(values) for side, values in fit.values.items()}}


def _values_json(values: Mapping[str, Measurement]) -> dict[str, Json]:
    return {name: {"reason": one.reason} if isinstance(one, Unmeasured) else one for name, one in values.items()}


def refit_from(value: Mapping[str, Any]) -> Refit:
    """Read the JSON form of one training back."""
    values = {side: _values_from(found) for side, found in value.get("values", {}).items()}
    return Refit(value["over"], value["at"], value["rows"], values, value.get("problem", ""))


def _values_from(values: Mapping[str, Any]) -> dict[str, Measurement]:
    return {name: Unmeasured(one["reason"]) if isinstance(one, dict) else one for name, one in values.items()}
