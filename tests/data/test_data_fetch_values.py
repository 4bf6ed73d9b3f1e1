from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from mlops_runner.data.fetch.values import typed
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Column

NOON = datetime.fromisoformat("2026-01-02T12:00:00")
GOOD = [
    ("float", 1.5, 1.5),
    ("float", 2, 2.0),
    ("float", Decimal("0.1"), 0.1),
    ("int", 7, 7),
    ("int", Decimal("7.00"), 7),
    ("int", 7.0, 7),
    ("int", -(2**63), -(2**63)),
    ("bool", True, True),
    ("bool", 0, False),
    ("string", "", ""),
    ("string", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("date", date(2026, 1, 2), date(2026, 1, 2)),
    ("date", "2026-01-02", date(2026, 1, 2)),
    ("datetime", NOON, NOON),
    ("datetime", NOON.replace(tzinfo=UTC), NOON),
    ("datetime", "2026-01-02 12:00:00", NOON),
    ("datetime", "2026-01-02T12:00", NOON),
    ("datetime", "2026-01-02T13:00:00+01:00", NOON),
    ("datetime", "2026-01-02T12:00:00.0000009Z", NOON),
]
BAD = [
    ("float", "1.5"), ("float", True), ("float", 10**400), ("float", float("nan")), ("float", Decimal("Infinity")),
    ("int", 7.5), ("int", Decimal("7.1")), ("int", Decimal("NaN")), ("int", 2**63), ("int", "7"), ("int", True),
    ("bool", 2), ("bool", "true"), ("bool", 1.0),
    ("string", 1), ("string", b"raw"), ("string", {"a": 1}),
    ("date", "2026-1-2"), ("date", "20260102"), ("date", "2026-02-30"), ("date", NOON), ("date", 20260102),
    ("datetime", date(2026, 1, 2)), ("datetime", "noon"), ("datetime", "2026-01-02 25:00"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "expected"), GOOD)
def test_values_that_mean_the_same_are_taken(kind, given, expected):
    series = typed("x", [None, given], Column(type=kind), 0)
    assert series.to_list() == [None, expected]


@pytest.mark.parametrize(("kind", "given"), BAD)
def test_values_that_do_not_are_refused_with_their_row(kind, given):
    found = typed("x", [None, given], Column(type=kind), 10)
    assert isinstance(found, Diagnostic)
    assert f'column "x": 1 value is not of the type {kind}' in found.message
    assert "row 12 " in found.message


def test_declared_formats_are_tried_in_turn():
    column = Column(type="date", format=("%d.%m.%Y", "%Y/%m/%d"))
    assert typed("x", ["02.01.2026", "2026/01/03"], column, 0).to_list() == [date(2026, 1, 2), date(2026, 1, 3)]
    assert isinstance(typed("x", ["2026-01-02"], column, 0), Diagnostic)


def test_personal_values_are_not_shown():
    found = typed("mail", ["ada@example.org"], Column(type="int", tags=("pii",)), 0)
    assert "ada" not in found.message
    assert "row 1 ***" in found.message


@pytest.mark.parametrize("kind", ["float", "int", "string", "bool", "date", "datetime"])
def test_nothing_but_missing_values_fits_any_type(kind):
    assert typed("x", [None, None], Column(type=kind), 0).null_count() == 2
