"""Small tables for tests of inference, and the proposal for one."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_runner.data.infer.propose import propose
from mlops_runner.data.infer.reading import File
from mlops_runner.data.infer.values import Guess, Proposal, Wishes

ROWS = 200
NUMBERS = [(i * 7919) % 1009 / 10 for i in range(ROWS)]
LABELS = ["yes" if (i * 31) % 7 < 3 else "no" for i in range(ROWS)]


def proposal(folder: Path, content: str | bytes, target: str = "y", *, file: str = "t.csv", **wishes: Any) -> Proposal:
    """Propose documents for a file with this content."""
    path = folder / file
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return propose(File(path, file, folder), Wishes(target, **wishes))


def table(columns: Mapping[str, Sequence[Any]], delimiter: str = ",") -> str:
    """Write columns as delimited text, with a feature and a target where there are none."""
    every = {"x": NUMBERS, **columns}
    every |= {} if "y" in columns else {"y": LABELS}
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(every)
    writer.writerows(zip(*every.values(), strict=True))
    return out.getvalue()


def column(found: Proposal, name: str) -> Guess:
    """Return what is proposed for a column."""
    return next(guess for guess in found.columns if guess.name == name)
