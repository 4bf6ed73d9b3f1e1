"""Sections about intervals, comparisons and errors, from evidence as it is stored."""

from test_reports_evaluation import CONTEXT, evidence, section

from mlops_runner.reports.builders.evaluation import build_evaluation_report
from mlops_runner.reports.builders.text import interval_word
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Cell, Figure, Table
from mlops_runner.reports.render import render

FOUND = {
    "loss": "absolute error",
    "chosen_on": "validation",
    "slices": [
        {
            "text": "age >= 60 and region = north",
            "conditions": [],
            "sides": {
                "test": {"rows": 40, "loss": 0.5, "excess": 0.2, "holds": True,
                         "loss_interval": {"low": 0.4, "high": 0.6}, "excess_interval": {"low": 0.1, "high": 0.3}},
                "validation": {"rows": 50, "loss": 0.6, "excess": 0.3},
            },
        },
        {
            "text": "age < 20",
            "conditions": [],
            "sides": {
                "test": {"rows": 0, "loss": None, "excess": None},
                "validation": {"rows": 50, "loss": 0.4, "excess": 0.1},
            },
        },
    ],
}  # fmt: skip
WORST = {
    "side": "test",
    "loss": "squared error of the probabilities",
    "columns": ["id", "mail", "age", "size"],
    "rows": [
        {"position": 3, "target": "yes", "decision": "no", "score": 0.02, "loss": 0.96,
         "values": {"id": 7, "mail": "***", "age": None, "size": 0.1234567}},
    ],
}  # fmt: skip
CONTRIBUTIONS = {
    "side": "test",
    "rows": 60,
    "features": [{"feature": "age", "size": 1.5, "share": 0.75, "direction": -0.25}],
}


def build(**more):
    return build_evaluation_report(evidence() | more, CONTEXT)


def test_metrics_carry_their_intervals_in_small():
    table = section(build(), "Metrics").blocks[0]
    assert isinstance(table, Table)
    low, _, high = table.rows[0][2].small.partition(" – ")
    assert float(low) < float(table.rows[0][2].text) < float(high)
    assert "In small: 95 % percentile bootstrap intervals, 1,000 resamples of rows per side." in table.note


def test_evidence_without_intervals_still_makes_a_report():
    found = evidence()
    del found["intervals"], found["comparison"]
    report = build_evaluation_report(found, ReportContext("churn"))
    assert [section.title for section in report.sections] == ["Metrics", "Figures"]


def test_all_models_are_compared_on_the_test_side():
    figure, table = section(build(), "Comparison").blocks
    assert isinstance(figure, Figure)
    assert figure.wide
    assert [row[0] for row in table.rows] == ["linear", "baseline"]
    assert table.rows[0][1].text == "0.0000"  # a twin of the winner


def test_a_gain_beyond_chance_stands_out():
    gains = {"test": {"linear": {"roc_auc": {"gain": 0.1, "low": 0.05, "high": 0.2}},
                      "baseline": {"roc_auc": {"gain": -0.1, "low": -0.2, "high": 0.1}}}}  # fmt: skip
    _, table = section(build(comparison=gains), "Comparison").blocks
    assert table.rows[0][1] == Cell("+0.1000", "0.1", strong=True, small="0.0500 – 0.2000")
    assert table.rows[1][1] == Cell("−0.1000", "-0.1", small="-0.2000 to 0.1000")


def test_an_interval_that_is_none_is_not_written():
    assert interval_word({"low": 0.5, "high": 0.5, "constant": True}) == ""
    assert interval_word({"reason": "33% of 1000 resamples could not be measured"}) == ""
    assert interval_word({"low": 0.9, "high": 1.0, "method": "clopper_pearson"}) == "0.9000 – 1.0000"


def test_found_slices_say_whether_they_hold_on_other_rows():
    (table,) = section(build(found_slices=FOUND), "Weak spots").blocks
    assert [column.name for column in table.columns][:4] == [
        "Slice",
        "Rows, validation",
        "Loss, validation",
        "Rows, test",
    ]
    assert table.rows[0][-1] == Cell("yes", strong=True)
    assert table.rows[1][-1] == "not shown"
    assert "because they were chosen to" in table.note


def test_worst_rows_are_shown_with_their_masks():
    (table,) = section(build(worst_rows=WORST), "Worst rows").blocks
    words = [cell if isinstance(cell, str) else cell.text for cell in table.rows[0]]
    assert words == ["3", "yes", "no", "0.02", "0.9600", "7", "***", "–", "0.123457"]
    assert table.note.endswith("*** is personal data.")


def test_contributions_are_drawn_and_listed():
    figure, table = section(build(contributions=CONTRIBUTIONS), "Contributions").blocks
    assert figure.alt == "Largest: age 1.5000"
    assert table.rows[0][2] == "75.0 %"


def test_everything_renders_in_every_form():
    report = build(found_slices=FOUND, worst_rows=WORST, contributions=CONTRIBUTIONS)
    for form in ("html", "markdown", "text", "json"):
        assert "Weak spots" in render(report, form)
    assert "<small>" in render(report, "html")


def test_groups_that_a_gate_compared_are_listed():
    gate = {"name": "fair", "kind": "fairness", "metric": "equal_opportunity", "split": "test", "slice": None,
            "answer": "pass", "blocks": False, "comparison": "recall by sex …", "details": [
                {"group": "women", "rows": 40, "compared": True, "rows of recall": 12, "recall": 0.75},
                {"group": "men", "rows": 5, "compared": False, "rows of recall": 2, "recall": 0.5}]}  # fmt: skip
    _, table = section(build(gates=[gate]), "Gates").blocks
    assert [column.name for column in table.columns] == ["Groups of fair", "Rows", "recall", "of rows"]
    assert table.rows[1][0].small == "too few rows to be compared"


def test_a_gate_of_size_is_measured_on_files():
    gate = {"name": "small", "kind": "size", "metric": None, "split": None, "slice": None, "answer": "pass",
            "blocks": False, "comparison": "size 10 <= 20 bytes"}  # fmt: skip
    (verdicts,) = section(build(gates=[gate]), "Gates").blocks
    assert verdicts.gates[0].where == "files"
