"""One version of a data set, as it is compared with another: its columns, its profile, and its rows where known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.data.split import SIDES
from mlops_runner.specs.data import Column


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """columns: in the order of the table. counts: rows of each side. profile: the stored one. sides: their rows.

    Sides stand in the same order in `counts` and `sides`.
    """

    name: str
    columns: Mapping[str, Column]
    counts: Mapping[str, int]
    profile: Mapping[str, Any] | None = None
    sides: Mapping[str, pl.LazyFrame] | None = None

    @property
    def rows(self) -> int:
        """Rows of all sides."""
        return sum(self.counts.values())


def version_of_profile(name: str, profile: Mapping[str, Any], sides: Mapping[str, Path] | None) -> Version:
    """Describe a stored version; `sides` are the files of its rows, if all of them are here.

    Columns without values in the profile hold personal data.
    """
    scans = {side: pl.scan_parquet(sides[side]) for side in SIDES if side in sides} if sides else None
    names = next(iter(scans.values())).collect_schema().names() if scans else list(profile["columns"])
    columns = {column: _column(profile["columns"][column]) for column in names}
    counts = {side: count for side in SIDES if (count := profile["rows"].get(side, 0))}
    return Version(name, columns, counts, profile, scans)


def _column(entry: Mapping[str, Any]) -> Column:
    hidden = entry["unique"] > 0 and entry["role"] != "id" and not entry.keys() & {"edges", "categories", "min"}
    return Column(type=entry["type"], role=entry["role"], tags=("pii",) if hidden else ())


def version_of_file(path: Path, name: str) -> Version:
    """Read a CSV or Parquet file, with the dialect and the types that `init` would declare. Raises InvalidInput."""
    from mlops_runner.data.infer.facts import measure
    from mlops_runner.data.infer.reading import File
    from mlops_runner.data.infer.roles import assign
    from mlops_runner.data.infer.source import find
    from mlops_runner.data.infer.types import columns_of
    from mlops_runner.data.infer.values import Wishes
    from mlops_runner.data.types import convert

    # Reading asks for a target; here it is a column as others are.
    target = _last_column(path)
    found = find(File(path, name, path.parent), Wishes(target))
    table, _, _ = convert(found.table, columns_of(found.types), frozenset(found.types))
    columns = {}
    for guess in assign(measure(table, found.types), found.wishes):
        role = "feature" if guess.name == target else guess.role
        columns[guess.name] = Column(type=guess.facts.typing.type, role=role, tags=guess.tags)
    return Version(name, columns, {"rows": table.height}, None, {"rows": table.lazy})


def _last_column(path: Path) -> str:
    from mlops_runner.data.infer.dialect import sniff
    from mlops_runner.data.infer.encoding import encoding_of, head_of, is_parquet, text_of

    head = head_of(path)
    if is_parquet(head):
        return pl.scan_parquet(path).collect_schema().names()[-1]
    return sniff(text_of(head, encoding_of(path, head)), complete=len(head) == path.stat().st_size).names[-1]
