"""A search that runs here and has its fits made on a cluster: each is a parcel of its own, with the search's inputs."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic
from mlops_runner.execute.cluster.parcel import Parcel, Terms, pack
from mlops_runner.execute.isolation import Exit
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.trials_elsewhere import ANSWERS, QUESTIONS


@dataclass(frozen=True, slots=True)
class Question:
    """A fit that a search asks for, and the folder for what it leaves here."""

    search: "Searching"
    number: int
    fit: dict[str, Any]

    @property
    def work(self) -> Path:
        """Where the reply comes to lie."""
        return self.search.work / f"fit-{self.number}"


class Searching:
    """The runner's ends of the pipes to one search."""

    def __init__(self, terms: Terms, request: Request, sha256: Callable[[Path], str]) -> None:
        """Pack what each fit reads, and make the pipes. Raises OSError."""
        self.work = Path(request.work)
        self.parcel, self.objects = pack(terms, request, sha256)
        self._heard = b""
        for name in (QUESTIONS, ANSWERS):
            os.mkfifo(self.work / name, 0o600)
        # With both ends of each open here, neither side waits for the other to come, and none ever sees an end.
        self._questions = os.open(self.work / QUESTIONS, os.O_RDWR | os.O_NONBLOCK)
        self._answers = os.open(self.work / ANSWERS, os.O_RDWR)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._questions

    def questions(self) -> Iterator[Question]:
        """Yield what the search has asked since."""
        self._heard += os.read(self._questions, 1 << 16)
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            asked = json.loads(line)
            yield Question(self, asked["id"], asked["fit"])

    def parcel_of(self, question: Question) -> Parcel:
        """Return the parcel of a fit."""
        request = self.parcel.request
        return replace(
            self.parcel,
            request=replace(request, kind="fit", config={**request.config, "fit": question.fit}, elsewhere=False),
        )

    def answer(self, question: Question, ended: Exit) -> None:
        """Tell the search what came of a fit."""
        try:
            reply = (question.work / "reply.json").read_text(encoding="utf-8")
        except OSError:
            how = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
            message = f"on the cluster: the process of a fit ended with {how}"
            reply = Reply("failed", diagnostics=(Diagnostic("trainer-crashed", message),)).encode()
        line = json.dumps({"id": question.number, "reply": reply}).encode() + b"\n"
        while line:
            line = line[os.write(self._answers, line) :]

    def close(self) -> None:
        """Let go of the pipes."""
        os.close(self._questions)
        os.close(self._answers)
