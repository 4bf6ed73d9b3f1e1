"""The digest of rows is a rule of our own: worked out here once more, with nothing but the standard library."""

import hashlib
import json
import struct
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.data.fetch.digest import RowsDigest
from mlops_runner.data.types import DTYPES

TYPES = {"id": "int", "amount": "float", "name": "string", "ok": "bool", "day": "date", "at": "datetime"}
ROWS = [
    (1, 0.5, "Ada", True, date(2026, 1, 2), datetime.fromisoformat("2026-01-02T03:04:05.000006")),
    (-(2**63), -0.0, "", False, date(1969, 12, 31), datetime.fromisoformat("1969-12-31T23:59:59")),
    (None, None, None, None, None, None),
    (2**63 - 1, 1e308, "Zoë 🚀\n", True, date(9999, 12, 31), datetime.fromisoformat("9999-12-31")),
]


def by_hand(types, rows):
    columns = []
    for at, (name, kind) in enumerate(types.items()):
        values = [row[at] for row in rows]
        streams = [b"".join(struct.pack("B", value is not None) for value in values)]
        if kind == "string":
            texts = [(value or "").encode() for value in values]
            streams += [b"".join(struct.pack("<q", len(text)) for text in texts), b"".join(texts)]
        else:
            streams.append(b"".join(packed(kind, value) for value in values))
        columns.append([name, kind, *(hashlib.sha256(stream).hexdigest() for stream in streams)])
    text = json.dumps(["rows 1", len(rows), columns], separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def packed(kind, value):
    match kind:
        case "float":
            return struct.pack("<d", 0.0 if value is None else value)
        case "bool":
            return struct.pack("B", bool(value))
        case "date":
            return struct.pack("<q", 0 if value is None else value.toordinal() - date(1970, 1, 1).toordinal())
        case "datetime":
            since = value and value.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
            return struct.pack("<q", (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds if since else 0)
        case _:
            return struct.pack("<q", value or 0)


def digested(types, rows, *cuts):
    schema = {name: DTYPES[kind] for name, kind in types.items()}
    digest = RowsDigest(types)
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        digest.take(pl.DataFrame(rows[start:end], schema, orient="row"))
    return digest.text()


def test_the_rule_is_the_one_that_is_written_down():
    assert digested(TYPES, ROWS) == by_hand(TYPES, ROWS)


def test_the_rule_never_changes():
    assert digested(TYPES, ROWS) == "sha256:6a8d14b62b90f8b527dfd716bc4d06faf406d045b0b30fbac0171295822d84e0"


@given(st.lists(st.integers(0, 4), max_size=4).map(sorted))
def test_batches_do_not_show(cuts):
    assert digested(TYPES, ROWS, *cuts) == digested(TYPES, ROWS)


@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.integers(-5, 5)), max_size=6))
def test_any_rows_have_the_digest_worked_out_by_hand(rows):
    types = {"a": "string", "b": "int"}
    assert digested(types, rows) == by_hand(types, rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([("x",), ("y",)], [("y",), ("x",)]),  # the order
        ([("xy",), ("",)], [("x",), ("y",)]),  # where one text ends and the next begins
        ([("x",), (None,)], [("x",), ("",)]),  # an empty text is not a missing one
        ([("x",)], [("x",), ("x",)]),
        ([], [("",)]),
    ],
)
def test_rows_that_differ_have_other_digests(one, other):
    assert digested({"a": "string"}, one) != digested({"a": "string"}, other)
    assert digested({"a": "string"}, one) != digested({"b": "string"}, one)


def test_types_and_values_that_look_alike_differ():
    kinds = [(kind, value) for kind, values in {
        "int": (None, 0, 1), "float": (None, 0.0, -0.0, 1.0), "bool": (None, False, True), "string": (None, "", "0"),
    }.items() for value in values]  # fmt: skip
    digests = {digested({"a": kind}, [(value,)]) for kind, value in kinds}
    assert len(digests) == len(kinds)
