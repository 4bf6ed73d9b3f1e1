"""How long a model takes per row on this machine: true here and now, so that it is told and never written down."""

import math
import time

import polars as pl

from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.stored import AnyRows

WARM_UP = 3
MOST_REQUESTS, MOST_SECONDS = 200, 2.0
QUANTILE = 0.95


def latency_ms(model: Candidate, frame: AnyRows, rows: int) -> float:
    """Return the 95th percentile of the milliseconds per row, over requests of `rows` rows of a table that has some.

    A table with fewer rows is repeated. At most 200 requests are timed, and at most two seconds are spent.
    """
    times: list[float] = []
    frame = frame.head((WARM_UP + MOST_REQUESTS) * rows)
    started = time.perf_counter()
    while len(times) < WARM_UP + MOST_REQUESTS:
        request = _request(frame, len(times), rows)
        before = time.perf_counter()
        predict(model, request)
        times.append(time.perf_counter() - before)
        if len(times) > WARM_UP and time.perf_counter() - started > MOST_SECONDS:
            break
    counted = sorted(times[WARM_UP:])
    return 1000 * counted[math.ceil(QUANTILE * len(counted)) - 1] / rows


def _request(frame: pl.DataFrame, number: int, rows: int) -> pl.DataFrame:
    """Cut a request out of the table: another one each time."""
    first = number * rows % frame.height
    return frame[[(first + at) % frame.height for at in range(rows)]]
