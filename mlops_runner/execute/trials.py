"""The trials of a search, tried in several processes beside each other; each fit is ended when it takes too long.

A process that dies of a fit, or is ended, is replaced, and the trial has failed. Where memory is limited, each fit
begins in a fresh process, so that what it may take does not depend on the fits before it.
"""

import contextlib
import json
import select
import shutil
import time
from collections.abc import Callable, Iterator

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.execute.messages import Reply, decode_reply
from mlops_runner.execute.stages.limits import how_it_ended, too_late
from mlops_runner.execute.trial_process import Hand, Terms, end, started
from mlops_runner.train.tuning.batch import Batch, Fit, Fitted
from mlops_runner.train.tuning.trial import Outcome, Trial


class TrialProcesses:
    """Tries trials in as many processes as it is given. What comes of a trial does not depend on how many they are."""

    def __init__(self, terms: Terms, workers: int) -> None:
        """Start the processes. Raises InvalidInput for rows that cannot be read."""
        self._terms = terms
        self._folds = 0
        self._hands = [started(terms) for _ in range(workers)]
        try:
            while not self._folds:
                list(self._hear())
        except BaseException:
            self.close()
            raise

    def try_all(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Outcome]]:
        """Draw trials as there is room for them, and yield what came of each, in the order in which they end."""
        batch = Batch(trials, self._folds, self._terms.sign)
        while True:
            self._give(batch.next)
            if batch.over:
                return
            for fit, fitted in self._hear():
                if outcome := batch.tell(fit, fitted):  # else it is not known yet, or was not needed after all
                    yield fit.trial, outcome

    def fit(self, fit: Fit) -> Fitted:
        """Do one fit."""
        waiting = [fit]
        self._give(lambda: waiting.pop() if waiting else None)
        while True:
            for _, fitted in self._hear():
                return fitted

    def close(self) -> None:
        """End the processes."""
        for hand in self._hands:
            end(hand)

    def _give(self, following: Callable[[], Fit | None]) -> None:
        """Give a fit to every process that is free, as long as there are any."""
        for hand in self._hands:
            if hand.ready and hand.fit is None and (fit := following()):
                task = {"folder": _folder(self._terms, fit), "fold": fit.fold, "params": dict(fit.trial.params)}
                hand.fit, hand.started = fit, time.monotonic()
                with contextlib.suppress(OSError):  # it has died: it will be heard
                    hand.channel.sendall(json.dumps(task).encode() + b"\n")

    def _hear(self) -> Iterator[tuple[Fit, Fitted]]:
        """Wait until a process has something to say, or is late; yield what came of its fit."""
        ready, _, _ = select.select(self._hands, [], [], self._patience())
        for at, hand in enumerate(self._hands):
            fit = hand.fit
            if hand in ready:
                if (reply := self._listen(at)) is not None and fit:
                    yield fit, _fitted(reply)
            elif fit and self._is_late(hand):
                self._replace(at)
                yield fit, Fitted(None, too_late(self._terms.who, self._terms.limits).message)

    def _patience(self) -> float | None:
        timeout, busy = self._terms.limits.timeout, [hand.started for hand in self._hands if hand.fit]
        return None if timeout is None or not busy else max(0.0, min(busy) + timeout - time.monotonic())

    def _is_late(self, hand: Hand) -> bool:
        timeout = self._terms.limits.timeout
        return timeout is not None and time.monotonic() - hand.started >= timeout

    def _listen(self, at: int) -> Reply | None:
        """Read what a process says: that it is ready (None), or what came of its fit, also when it died of it."""
        hand = self._hands[at]
        chunk = b""
        with contextlib.suppress(ConnectionError):
            chunk = hand.channel.recv(1 << 16)
        if not chunk:
            died = how_it_ended(self._terms.who, self._terms.limits, self._replace(at))
            if hand.fit is None:
                raise StepFailed(died)
            return Reply("failed", diagnostics=(died,))
        hand.heard += chunk
        if not hand.heard.endswith(b"\n"):
            return None
        reply, hand.heard = decode_reply(hand.heard.decode()), b""
        if not hand.ready:
            self._welcome(hand, reply)
            return None
        hand.fit = None
        if self._terms.limits.memory is not None:
            self._replace(at)
        return reply

    def _welcome(self, hand: Hand, reply: Reply) -> None:
        if reply.status != "done":
            raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](reply.diagnostics)
        hand.ready, self._folds = True, int(reply.metrics["folds"])

    def _replace(self, at: int) -> int:
        """Put a fresh process in the place of another, and return what that one ended with."""
        hand = self._hands[at]
        code = end(hand)
        if hand.fit:
            shutil.rmtree(_folder(self._terms, hand.fit), ignore_errors=True)
        self._hands[at] = started(self._terms)
        return code


def _folder(terms: Terms, fit: Fit) -> str:
    return str(terms.work / f"trial-{fit.trial.number}-{fit.fold}")


def _fitted(reply: Reply) -> Fitted:
    if reply.status == "done":
        return Fitted(reply.metrics["value"], "", reply.local["seconds"])
    return Fitted(None, reply.diagnostics[0].message)
