"""The digest of rows: a rule of our own over names, types and values, so that no library's version is in it.

Every column has streams of bytes, each with a SHA-256 of its own; `docs/data-sources.md` says which. What is digested
depends neither on how the rows were cut into batches nor on how they are stored.
"""

import hashlib
from collections.abc import Mapping

import polars as pl

from mlops_runner.digest import Json, canonical_json

RULE = "rows 1"
ZERO = {pl.Float64: 0.0, pl.Int64: 0, pl.Boolean: False, pl.Int32: 0, pl.UInt32: 0}


class RowsDigest:
    """Takes batches of rows in their order; the columns are those of the declared types."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.rows = 0
        self._types = dict(types)
        self._streams = {name: [hashlib.sha256() for _ in range(_streams(kind))] for name, kind in types.items()}

    def take(self, batch: pl.DataFrame) -> None:
        """Add rows."""
        self.rows += batch.height
        for name, hashes in self._streams.items():
            for stream, part in zip(hashes, _parts(batch[name], self._types[name]), strict=True):
                stream.update(part)

    def text(self) -> str:
        """Return the digest of all rows taken so far, as it stands in a Data document."""
        columns: list[Json] = [
            [name, self._types[name], *(stream.hexdigest() for stream in hashes)]
            for name, hashes in self._streams.items()
        ]
        value: Json = [RULE, self.rows, columns]
        return f"sha256:{hashlib.sha256(canonical_json(value).encode()).hexdigest()}"


def _streams(kind: str) -> int:
    return 3 if kind == "string" else 2


def _parts(series: pl.Series, kind: str) -> tuple[bytes, ...]:
    """Return what each stream of a column takes: presence, values (of texts: their lengths), texts."""
    present = _raw(series.is_not_null(), "u1")
    match kind:
        case "string":
            return present, _raw(series.str.len_bytes(), "<i8"), "".join(series.drop_nulls()).encode()
        case "float":
            return present, _raw(series, "<f8")
        case "bool":
            return present, _raw(series, "u1")
        case _:  # whole numbers, days since 1970-01-01, microseconds since 1970-01-01T00:00:00Z
            return present, _raw(series.to_physical(), "<i8")


def _raw(series: pl.Series, form: str) -> bytes:
    return series.fill_null(ZERO[series.dtype.base_type()]).to_numpy().astype(form).tobytes()
