"""What an assessment is told beside the scores of models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mlops_runner.evaluate.refits import Refits
from mlops_runner.evaluate.values import Cut, Unmeasured


def _not_perturbed(winner: str, gate: str) -> Unmeasured:
    return Unmeasured(f"nothing perturbs rows for {winner} and {gate}")


@dataclass(frozen=True, slots=True, eq=False)
class Extras:
    """What an assessment is told beside the models' scores.

    seed: of the resamples; champion_threshold: the one the champion is in use with; no_champion: why there are no
    scores of one; sizes: bytes per model; perturbed: (winner, gate) -> its scores on the perturbed rows, once a repeat;
    refits: candidate -> what came of training it again.
    """

    seed: int = 0
    champion_threshold: Cut | None = None
    no_champion: str = "no champion is named"
    sizes: Mapping[str, int] = field(default_factory=dict)
    perturbed: Callable[[str, str], Sequence[NDArray[Any]] | Unmeasured] = _not_perturbed
    refits: Mapping[str, Refits] = field(default_factory=dict)
