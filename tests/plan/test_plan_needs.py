"""Which versions will do: a version takes what goes on from it, ranges compare numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.plan.needs import fits

NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("found", "versions", "expected"),
    [
        ("12.2.0-14+deb12u1", "12.2", True),
        ("12.2.0-14+deb12u1", "12.2.0-14+deb12u1", True),
        ("12.2.0-14+deb12u1", "12.2.0-1", False),
        ("12.20", "12.2", False),
        ("2:9.20.1~rc2-3", "9.20.1", True),
        ("2:9.20.1~rc2-3", ">=9.20,<9.21", True),
        ("550.54.15", ">=550", True),
        ("550.54.15", ">550", True),
        ("550", ">550", False),
        ("550.0", "<= 550", True),
        ("535.183.01", ">=550", False),
        ("2.43.0", ">=2.43, <3", True),
        ("3.0.1", ">=2.43,<3", False),
        ("6.1.1-3ubuntu5", "6.1,<7", True),
        ("unknown", ">=1", False),
    ],
)
def test_a_version_fits_or_does_not(found, versions, expected):
    assert fits(found, versions) is expected


@given(NUMBERS, NUMBERS)
def test_a_version_is_below_another_or_not_but_never_both(one, other):
    left, right = (".".join(map(str, numbers)) for numbers in (one, other))
    assert fits(left, f">={right}") is not fits(left, f"<{right}")
    assert fits(left, f">{right}") is not fits(left, f"<={right}")
    assert fits(left, f">{right}") is fits(right, f"<{left}")


@given(NUMBERS)
def test_a_version_fits_itself(numbers):
    version = ".".join(map(str, numbers))
    assert fits(version, version)
    assert fits(f"{version}-1", version)
    assert fits(version, f">={version},<={version}")
