"""The trials of a search, tried wherever the runner has them tried: the search asks it for each fit, by pipes.

Questions and answers are lines of JSON. The runner answers in the order in which fits end.
"""

import json
from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.execute.messages import decode_reply
from mlops_runner.execute.trial_process import Terms
from mlops_runner.train.tuning.batch import Batch, Fit, Fitted
from mlops_runner.train.tuning.trial import Outcome, Trial

QUESTIONS, ANSWERS = "questions", "answers"  # pipes in the folder of the step


class TrialsElsewhere:
    """Tries trials in so many places at a time. What comes of a trial does not depend on how many they are."""

    def __init__(self, terms: Terms, places: int) -> None:
        """Open the pipes. Raises InvalidInput for rows that cannot be read."""
        self._sign = terms.sign
        self._places = places
        self._folds = terms.read().folds
        self._questions = (terms.work / QUESTIONS).open("w", encoding="utf-8")
        self._answers = (terms.work / ANSWERS).open(encoding="utf-8")
        self._asked: dict[int, Fit] = {}
        self._count = 0

    def try_all(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Outcome]]:
        """Draw trials as there is room for them, and yield what came of each, in the order in which they end.

        Raises StepFailed or InvalidInput for a fit that nobody could make.
        """
        batch = Batch(trials, self._folds, self._sign)
        while True:
            while len(self._asked) < self._places and (fit := batch.next()):
                self._ask(fit)
            if batch.over:
                return
            fit, fitted = self._hear()
            if outcome := batch.tell(fit, fitted):  # else it is not known yet, or was not needed after all
                yield fit.trial, outcome

    def close(self) -> None:
        """Ask for nothing more."""
        self._questions.close()
        self._answers.close()

    def _ask(self, fit: Fit) -> None:
        self._asked[self._count] = fit
        asked = {"number": fit.trial.number, "fold": fit.fold, "params": dict(fit.trial.params)}
        self._questions.write(json.dumps({"id": self._count, "fit": asked}) + "\n")
        self._questions.flush()
        self._count += 1

    def _hear(self) -> tuple[Fit, Fitted]:
        answer: dict[str, Any] = json.loads(self._answers.readline())
        reply = decode_reply(answer["reply"])
        if reply.status != "done":
            raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](reply.diagnostics)
        return self._asked.pop(answer["id"]), Fitted(
            reply.metrics["value"], reply.metrics["reason"], reply.local["seconds"]
        )
