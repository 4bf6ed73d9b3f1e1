"""What a search remembers while it runs, so that one that was killed goes on: one sealed line a trial."""

import json
from pathlib import Path

from mlops_runner.journal import append_line, read_lines
from mlops_runner.train.tuning.trial import Outcome, Trial


class Memory:
    """Outcomes by trial, in a file that only grows; without a file it remembers nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, Outcome] = {}
        for body in read_lines(file) if file else ():
            line = json.loads(body)
            outcome = Outcome(line["state"], tuple(line["folds"]), line["reason"], line["seconds"])
            self._known[line["trial"]] = outcome

    def recall(self, trial: Trial) -> Outcome | None:
        """Return what came of a trial with this number, these parameters and bounds."""
        return self._known.get(_name(trial))

    def keep(self, trial: Trial, outcome: Outcome) -> None:
        """Write an outcome down before the search goes on. Raises OSError."""
        if self._file is not None:
            found = {"state": outcome.state, "folds": outcome.folds, "reason": outcome.reason}
            line = {"trial": _name(trial), "seconds": round(outcome.seconds, 3), **found}
            append_line(self._file, json.dumps(line).encode())


def _name(trial: Trial) -> str:
    return json.dumps([trial.number, dict(trial.params), list(trial.bounds)], sort_keys=True)
