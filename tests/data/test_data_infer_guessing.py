"""What a constant guess reaches, worked out by hand, and gates that it passes."""

import math
import re

import pytest
from infer_files import ROWS, proposal, table

from mlops_runner.starter.evaluation_text import evaluation_text

DAYS = [f"2026-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(ROWS)]


def test_classes_in_proportion_have_the_entropy_of_their_shares(tmp_path):
    found = proposal(tmp_path, table({"y": ["a", "b", "b", "b"] * 50}))
    assert found.guessing.loss == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert found.guessing.positives == pytest.approx(0.25)


def test_a_time_split_is_carried_out(tmp_path):
    values = [10.0 + i % 3 for i in range(120)] + [0.5] * 40 + [20.0 + i % 3 for i in range(40)]
    found = proposal(tmp_path, table({"day": DAYS, "y": values}))
    assert found.split.fields["kind"] == "time"
    mean = sum(values[:120]) / 120
    wanted = math.sqrt(sum((value - mean) ** 2 for value in values[160:]) / 40)
    assert found.guessing.loss == pytest.approx(wanted)
    limit = float(re.search(r"max: (\S+)", evaluation_text("t", found))[1])
    assert wanted <= limit < 1.1 * wanted


def test_classes_that_change_with_time_are_judged_where_the_test_side_is(tmp_path):
    labels = ["yes" if i % 4 == 0 or (i >= 160 and i % 2) else "no" for i in range(ROWS)]
    found = proposal(tmp_path, table({"day": DAYS, "y": labels}))
    assert found.guessing.positives == pytest.approx(0.75)
    assert found.guessing.loss == pytest.approx(-0.75 * math.log(0.25) - 0.25 * math.log(0.75))


@pytest.mark.parametrize("size", [1e-200, 1e20, 1e200])
def test_the_size_of_a_target_is_no_hindrance(tmp_path, size):
    ones = proposal(tmp_path, table({"y": [1.5 + i * 37 % 101 for i in range(ROWS)]}))
    scaled = proposal(tmp_path, table({"y": [(1.5 + i * 37 % 101) * size for i in range(ROWS)]}))
    assert scaled.guessing.loss == pytest.approx(ones.guessing.loss * size)
    assert ones.guessing.loss > ones.task.deviation
    evaluation_text("t", scaled)


def test_a_target_that_stands_still_at_the_end_has_a_limit_above_zero(tmp_path):
    values = [3.5] * 60 + [1.5 + i % 5 for i in range(60)] + [3.5] * 80
    assert proposal(tmp_path, table({"day": DAYS, "y": values})).guessing.loss > 0
