"""The error table: the rows the winner is most wrong about, with what may be shown of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from mlops_runner.digest import Json
from mlops_runner.evaluate.rows import Rows
from mlops_runner.evaluate.values import Floats, Integers, Sample

MASKED = "***"
NO_LABEL = "none"
LONGEST = 60
# Columns of a wide table would make rows that nobody reads.
MOST_COLUMNS = 12
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """What a row shows: columns in this order, of which some are masked because they hold personal data.

    answers: whether the target, what was decided, and how sure, may be shown.
    """

    columns: Sequence[str]
    masked: frozenset[str]
    answers: bool = True


def worst_rows(frame: Rows, sample: Sample, losses: Floats, shown: Shown, most: int) -> list[dict[str, Json]]:
    """Return the rows with the largest losses, the worst first; equal ones in the order of the table.

    position: the number of the row on its side, from 0. target and decision are names of classes or labels, or numbers.
    """
    worst: Integers = np.argsort(-losses, kind="stable")[:most]
    columns = list(shown.columns)[:MOST_COLUMNS]
    values = shown_values(frame[worst].select(columns), shown.masked) if columns else [{}] * len(worst)
    return [
        {"position": int(at), **_answers(sample, int(at), shown), "loss": round(float(losses[at]), DIGITS),
         "values": row}
        for at, row in zip(worst.tolist(), values, strict=True)
    ]  # fmt: skip


def shown_values(frame: pl.DataFrame, masked: frozenset[str]) -> list[dict[str, Json]]:
    """Return the rows of a table as plain JSON, personal data masked."""
    rows = frame.to_dicts()
    return [{name: MASKED if name in masked else _plain(value) for name, value in row.items()} for row in rows]


def _answers(sample: Sample, at: int, shown: Shown) -> dict[str, Json]:
    if not shown.answers:
        return {"target": MASKED}
    if sample.decisions is None:
        return {
            "target": round(float(sample.target[at]), DIGITS),
            "prediction": round(float(sample.scores[at]), DIGITS),
        }
    if sample.task == "multilabel":
        return _labels_of(sample, at)
    target, decided = int(sample.target[at]), int(sample.decisions[at])
    score = sample.scores[at] if sample.task == "binary" else sample.scores[at, target]
    answers: Mapping[str, Json] = {
        "target": sample.classes[target],
        "decision": sample.classes[decided],
        "score": round(float(score), DIGITS),
    }
    return dict(answers)


def _labels_of(sample: Sample, at: int) -> dict[str, Json]:
    """Return the labels a row has and those it is decided to have, in words: rows of many labels are lists."""
    assert sample.decisions is not None
    names = np.array(sample.classes)
    return {
        "target": ", ".join(names[sample.target[at] == 1].tolist()) or NO_LABEL,
        "decision": ", ".join(names[sample.decisions[at] == 1].tolist()) or NO_LABEL,
    }


def _plain(value: Any) -> Json:
    """Return a value as JSON can hold it, long texts cut."""
    if isinstance(value, float):
        return round(value, DIGITS) if np.isfinite(value) else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > LONGEST:
        return value[: LONGEST - 1] + "…"
    return value if isinstance(value, bool | int | str) or value is None else str(value)
