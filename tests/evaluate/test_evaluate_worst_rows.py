from datetime import date

import numpy as np
import polars as pl

from mlops_runner.evaluate.contributions import summed_contributions
from mlops_runner.evaluate.values import sample_of
from mlops_runner.evaluate.worst_rows import Shown, worst_rows

FRAME = pl.DataFrame({
    "id": ["a", "b", "c"],
    "email": ["x@y", "z@y", None],
    "born": [date(2000, 1, 2)] * 3, "size": [1.5, None, float("inf")]
})  # fmt: skip
SAMPLE = sample_of("binary", ("no", "yes"), np.array([0, 1, 1]), np.array([0.9, 0.2, 0.8]), 0.5)
LOSSES = np.array([0.81, 0.64, 0.04])


def test_the_worst_rows_come_first_with_what_was_decided():
    found = worst_rows(FRAME, SAMPLE, LOSSES, Shown(["id", "size"], frozenset()), 2)
    assert [row["values"]["id"] for row in found] == ["a", "b"]
    assert found[0] == {"position": 0, "target": "no", "decision": "yes", "score": 0.9, "loss": 0.81,
                        "values": {"id": "a", "size": 1.5}}  # fmt: skip


def test_personal_data_is_masked_also_where_it_is_missing():
    found = worst_rows(FRAME, SAMPLE, LOSSES, Shown(["email", "born"], frozenset({"email"})), 3)
    assert [row["values"]["email"] for row in found] == ["***"] * 3
    assert found[0]["values"]["born"] == "2000-01-02"


def test_a_target_of_personal_data_hides_the_answers():
    (row,) = worst_rows(FRAME, SAMPLE, LOSSES, Shown(["id"], frozenset(), answers=False), 1)
    assert row == {"position": 0, "target": "***", "loss": 0.81, "values": {"id": "a"}}


def test_numbers_that_json_cannot_hold_become_text():
    *_, last = worst_rows(FRAME, SAMPLE, LOSSES, Shown(["size"], frozenset()), 3)
    assert last["values"] == {"size": "inf"}


def test_predicted_numbers_are_shown_beside_actual_ones():
    sample = sample_of("regression", (), np.array([1.0, 2.0]), np.array([1.5, 5.0]), None)
    (row,) = worst_rows(FRAME[:2], sample, np.array([0.5, 3.0]), Shown([], frozenset()), 1)
    assert (row["target"], row["prediction"]) == (2.0, 5.0)


def test_contributions_are_summed_up_by_falling_size():
    found = summed_contributions(np.array([[1.0, -4.0], [-1.0, -2.0]]), ["a", "b"])
    assert found == [
        {"feature": "b", "size": 3.0, "share": 0.75, "direction": -3.0},
        {"feature": "a", "size": 1.0, "share": 0.25, "direction": 0.0},
    ]
