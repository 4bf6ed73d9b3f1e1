"""Runs of steps alone, which have no winner: what moved between them comes first."""

from mlops_runner.api.experiments import headline_of_steps
from mlops_runner.execute.tracking import Experiment
from mlops_runner.reports.experiments import compare_text, list_text


def run(number, **metrics):
    return Experiment("2026-11-21T17:38:00Z", "passed", 2.0, metrics=metrics, number=number)


RUNS = [run(3), run(2, rows=9, words=4, recall=0.5, best="b"), run(1, rows=9, words=4, recall=0.25, best="b")]


def test_a_list_shows_what_moved_and_then_what_the_last_steps_said():
    assert headline_of_steps(RUNS) == ["recall", "best", "words", "rows"]
    assert headline_of_steps(RUNS[:1]) == headline_of_steps([]) == []
    assert list_text(RUNS[1:], ["recall"], {}).splitlines() == [
        "     when (UTC)        recall   took  what",
        "✓ 2  2026-11-21 17:38     0.5  2.0 s",
        "✓ 1  2026-11-21 17:38    0.25  2.0 s",
    ]


def test_a_comparison_leaves_out_what_is_the_same():
    text = compare_text([RUNS[2], RUNS[1]], ["best"])
    assert "recall    0.25  0.5 (+0.25)" in text
    assert "rows" not in text
    assert "winner" not in text
