"""A trial: parameters, and what came of them fold by fold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mlops_runner.specs.base import Scalar
from mlops_runner.specs.training_trainers import Trainer, XgboostTrainer
from mlops_runner.train.trainers.base import Side

State = Literal["complete", "pruned", "failed"]
Direction = Literal["maximize", "minimize"]
Params = Mapping[str, Scalar]

ROUNDS = "rounds"

# (held-out rows of a fold, their scores) → the metric's value. Raises ValueError saying why it cannot be measured.
Measure = Callable[[Side, Any], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """Parameters to try. `bounds` holds, for each fold, what the mean so far must reach not to be given up."""

    number: int
    params: Params
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial: the metric on each fold that was measured, and the reason when it failed."""

    state: State
    folds: tuple[float, ...] = ()
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def value(self) -> float | None:
        """Mean over the folds of a complete trial."""
        return sum(self.folds) / len(self.folds) if self.state == "complete" else None


class Bench(Protocol):
    """Where trials are tried."""

    def try_all(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Outcome]]:
        """Draw trials as there is room for them, and yield what came of each, in any order; a failure is an outcome."""


def with_params(trainer: Trainer, params: Params) -> Trainer:
    """Return the trainer with parameters in place of its own; `rounds` is the trainer's field where it has one."""
    given = dict(params)
    update: dict[str, Any] = {}
    if isinstance(trainer, XgboostTrainer) and ROUNDS in given:
        update["rounds"] = given.pop(ROUNDS)
    return trainer.model_copy(update={**update, "params": {**trainer.params, **given}, "search": None})
