"""The sections about a search and about the quality of the data."""

import pytest

from mlops_runner.reports.builders.quality import quality_section
from mlops_runner.reports.builders.search import search_section
from mlops_runner.reports.document import Cell, Facts, Figure, Folded, Report, Table, Verdict
from mlops_runner.reports.formats.html import render_html
from mlops_runner.reports.formats.markdown import render_markdown
from mlops_runner.reports.formats.plain import render_text


def trial(number, value, state="complete", **params):
    return {"number": number, "state": state, "params": params, "value": value, "folds": [value] * 2 if value else []}


def found(trials, direction="maximize", best=1):
    about = {"metric": "roc_auc", "direction": direction, "method": "tpe", "best": best}
    return {**about, "trials": trials, "importance": {"depth": 0.75, "rate": 0.25}}


TRIALS = [
    trial(0, 0.7, depth=2, rate=0.01, kind="a"),
    trial(1, 0.9, depth=5, rate=0.9, kind="b"),
    trial(2, None, "pruned", depth=3, rate=0.1, kind="a"),
    trial(3, 0.8, depth=5, rate=0.2, kind="a"),
]


def blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


@pytest.mark.parametrize(("direction", "order"), [("maximize", ["1", "3", "0"]), ("minimize", ["0", "3", "1"])])
def test_the_best_trials_come_first_and_lost_ones_are_counted(direction, order):
    section = search_section("boosted", found(TRIALS, direction))
    table = blocks(section, Table)[0]
    assert [row[0] for row in table.rows] == order
    assert blocks(section, Facts)[0].items[0] == ("Trials", "4 (1 pruned)")
    assert len(blocks(section, Figure)) == 2


def test_figures_are_the_same_every_time_and_name_every_parameter():
    one, other = (search_section("boosted", found(TRIALS)) for _ in range(2))
    assert one == other
    assert all(name in blocks(one, Figure)[1].svg for name in ("depth", "rate", "kind", "roc_auc"))


def test_a_single_trial_is_told_without_figures():
    section = search_section("boosted", found([trial(0, 0.7, depth=2)], best=0))
    assert blocks(section, Figure) == []
    assert len(blocks(section, Table)[0].rows) == 1


QUALITY = {
    "quality_version": 1,
    "rows": 100,
    "cleaning": [{"kind": "fill", "cells": {"age": 3}, "rows": 3, "left": 100}],
    "checks": [
        {"name": "range age", "kind": "range", "severity": "fail", "columns": ["age"], "answer": "pass", "broken": 0,
         "share": 0.0},
        {"name": "regex code", "kind": "regex", "severity": "warn", "columns": ["code"], "answer": "warn", "broken": 2,
         "share": 0.02, "says": "2 rows do not match", "sample": [{"place": "line 7", "values": {"code": "***"}}]},
        {"name": "freshness", "kind": "freshness", "severity": "fail", "columns": ["at"], "answer": None},
    ],
}  # fmt: skip


def test_checks_that_did_not_pass_come_first_with_the_rows_that_break_them():
    cleaning, checks, sample = blocks(quality_section(QUALITY), Table)
    assert cleaning.rows == (("fill", "age 3", "3", "100"),)
    assert [row[1] for row in checks.rows] == ["warns", "said at the run"]
    assert checks.rows[0][2:] == ("2 (2.00 %)", "2 rows do not match")
    assert sample.rows[0][0] == "line 7"
    assert sample.rows[0][1].text == "***"


def test_checks_that_passed_are_counted_and_folded_by_kind_unless_some_rows_break_them():
    (folded,) = blocks(quality_section(QUALITY), Folded)
    assert folded.summary == "1 check passed"
    assert folded.table.rows == (("range", "1", Cell("range age", mono=True)),)
    some = {**QUALITY["checks"][0], "broken": 3, "share": 0.03}
    many = [{**QUALITY["checks"][0], "name": f"columns.{name}.max"} for name in "abc"]
    (table, fold) = quality_section({**QUALITY, "cleaning": [], "checks": [*many, some]}).blocks
    assert table.rows[0][1:3] == ("passed", "3 (3.00 %)")
    assert (fold.summary, fold.table.rows[0][2].text) == ("3 checks passed", "a.max, b.max, c.max")
    (fold,) = quality_section({**QUALITY, "cleaning": [], "checks": many}).blocks
    assert fold.summary == "All 3 checks passed"


def test_a_fold_is_unfolded_on_pages_and_told_in_a_line_of_text():
    section = quality_section({**QUALITY, "cleaning": []})
    report = Report("shop", "", Verdict("pass", "Fine."), (section,))
    assert "<details>\n<summary>1 check passed</summary>" in render_html(report)
    assert "<details>\n<summary>1 check passed</summary>\n\n| Kind |" in render_markdown(report)
    text = render_text(report)
    assert "1 check passed.\n" in text
    assert "range age" not in text


def test_data_without_a_quality_record_has_no_section():
    assert quality_section({}).blocks == ()
