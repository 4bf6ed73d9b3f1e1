import json

import numpy as np
import pytest

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.reports.builders.evaluation import build_evaluation_report
from mlops_runner.reports.builders.text import threshold_text
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Cell, Facts, Figure, Table, Verdicts
from mlops_runner.reports.render import render
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

RNG = np.random.default_rng(11)
ROWS = 60
CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
METRICS = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
CONTEXT = ReportContext(
    "churn",
    "Who leaves?",
    lineage={"train": {"key": "k1:" + "ab" * 16, "outputs": {"model.ubj": "sha256:" + "0" * 64}}},
    parameters={"forest": {"trainer": "sklearn", "params": {"depth": 3, "bootstrap": True}}},
    data={
        "rows": {"train": 1000, "test": 60},
        "columns": {"age": {"type": "int", "role": "feature", "rows": 1000, "missing": 25, "unique": 70}},
    },
    importance=[("age", 0.2, 0.01), ("zip", None, None)],
    importance_metric="roc_auc",
    environment={"python": "3.11"},
    commands=("mlops verify",),
)


def evidence(task="binary", **more):
    base = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": (METRICS[task],)}
    targets = {"binary": np.arange(ROWS) % 2, "multiclass": np.arange(ROWS) % 3, "regression": RNG.normal(0, 1, ROWS)}
    scores = {
        "binary": np.clip(targets["binary"] * 0.3 + RNG.random(ROWS) * 0.7, 0, 1),
        "multiclass": np.eye(3)[targets["multiclass"]] * 0.4 + 0.2,
        "regression": targets["regression"] + 0.1,
    }
    options = Options(task, CLASSES[task], Select(metric=METRICS[task]), Evaluation.model_validate(base | more))
    side = {name: Side(name, targets[task], {"few": np.arange(ROWS) < 9}) for name in ("train", "validation", "test")}
    models = {name: dict.fromkeys(side, scores[task]) for name in ("baseline", "forest", "linear")}
    return json.loads(json.dumps(assess(options, side, models).as_json()))


def section(report, title):
    return next(section for section in report.sections if section.title == title)


def absolute(limit, **more):
    return {"kind": "absolute", "metric": "roc_auc", "min": limit, **more}


@pytest.mark.parametrize("form", ["html", "markdown", "text", "json"])
@pytest.mark.parametrize("task", CLASSES)
def test_every_task_renders_in_every_form(task, form):
    assert "churn" in render(build_evaluation_report(evidence(task), CONTEXT), form)


def test_the_verdict_counts_the_gates_and_shows_the_numbers_of_those_that_refuse():
    report = build_evaluation_report(evidence(gates={"a": absolute(0.1), "b": absolute(0.999)}), CONTEXT)
    assert report.verdict.answer == "fail"
    assert report.verdict.text.startswith("1 of 2 gates refuses the model: roc_auc 0.")


def test_gates_that_refuse_come_first():
    report = build_evaluation_report(evidence(gates={"a": absolute(0.1), "b": absolute(0.999)}), CONTEXT)
    (block,) = section(report, "Gates").blocks
    assert isinstance(block, Verdicts)
    assert [(gate.name, gate.answer) for gate in block.gates] == [("b", "fail"), ("a", "pass")]


def test_a_gate_that_may_stay_unmeasured_is_mentioned():
    few = {"few": {"column": "row", "max": 9.0}}
    gates = {"a": absolute(0.1), "b": absolute(0.5, slice="few", unmeasured="warn")}
    report = build_evaluation_report(evidence(gates=gates, slices=few), CONTEXT)
    assert report.verdict.answer == "pass"
    assert report.verdict.text == "1 of 2 gates passed; 1 could not be measured, which the specs allow."
    assert "9 rows < 30" in render(report, "text")


def test_without_gates_the_report_does_not_claim_a_pass():
    assert build_evaluation_report(evidence(), CONTEXT).verdict.answer == "no-gates"


def test_the_winner_is_marked_on_every_side_the_test_side_first():
    table = section(build_evaluation_report(evidence(), CONTEXT), "Metrics").blocks[0]
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows] == ["test"] * 3 + ["validation"] * 3 + ["train"] * 3
    assert [table.rows[at][1].text for at in sorted(table.marked)] == ["forest ★ winner"] * 3


@pytest.mark.parametrize(("task", "figures"), [("binary", 5), ("multiclass", 2), ("regression", 2)])
def test_every_task_has_its_figures(task, figures):
    blocks = section(build_evaluation_report(evidence(task), CONTEXT), "Figures").blocks
    assert sum(isinstance(block, Figure) for block in blocks) == figures


def test_of_many_classes_those_with_the_least_recall_are_shown():
    found = evidence("multiclass")
    del found["curves"]["confusion"]
    found["curves"]["per_class"] = {f"c{k}": {"rows": 5, "recall": 1 - k / 100, "precision": 1.0} for k in range(50)}
    *_, table = section(build_evaluation_report(found, CONTEXT), "Figures").blocks
    assert (len(table.rows), table.rows[0][0]) == (40, "c49")
    assert table.note.startswith("10 more classes")


def test_a_cost_rule_adds_its_curve():
    rule = {"rule": "cost", "false_negative": 5.0, "false_positive": 1.0}
    blocks = section(build_evaluation_report(evidence(threshold=rule), CONTEXT), "Figures").blocks
    assert blocks[-1].caption.startswith("Cost of wrong decisions")


def test_a_bare_context_leaves_sections_out():
    report = build_evaluation_report(evidence(), ReportContext("churn"))
    assert [section.title for section in report.sections] == ["Metrics", "Comparison", "Figures"]


def test_digests_are_shortened_with_the_full_value_behind():
    keys, files = section(build_evaluation_report(evidence(), CONTEXT), "Lineage").blocks
    assert (keys.rows[0][1].text, keys.rows[0][1].full) == ("k1:abababababab…", "k1:" + "ab" * 16)
    assert files.table.rows[0][1] == "outputs / model.ubj"


def test_lineage_follows_the_work_and_shows_what_went_in_before_what_came_out():
    facts = {"outputs/model.ubj": "sha256:1", "inputs": {"a.parquet": "sha256:2"}, "key": "k1:3"}
    context = ReportContext("churn", lineage=dict.fromkeys(("package", "evaluate", "data", "train.forest"), facts))
    keys, files = section(build_evaluation_report(evidence(), context), "Lineage").blocks
    assert [row[0].text for row in keys.rows] == ["data", "train.forest", "evaluate", "package"]
    assert files.summary == "8 digests of what went in and what came out"
    assert [row[1] for row in files.table.rows[:2]] == ["inputs / a.parquet", "outputs / model.ubj"]


def test_the_environment_is_shown_in_the_order_people_ask_for_it():
    context = ReportContext("churn", environment={"threads": 1, "seed": 7, "os": "linux", "python": "3.11"})
    (facts,) = section(build_evaluation_report(evidence(), context), "Reproducibility").blocks
    assert [(name, cell.text) for name, cell in facts.items] == [
        ("python", "3.11"),
        ("seed", "7"),
        ("threads", "1"),
        ("os", "linux"),
    ]


def test_sides_of_the_data_are_in_the_order_of_training():
    context = ReportContext("churn", data={"rows": {"test": 1, "train": 3, "validation": 2}})
    facts = section(build_evaluation_report(evidence(), context), "Data").blocks[0]
    assert [name for name, _ in facts.items] == ["Rows, train", "Rows, validation", "Rows, test"]


def test_data_shows_rows_and_missing_values():
    facts, table = section(build_evaluation_report(evidence(), CONTEXT), "Data").blocks
    assert isinstance(facts, Facts)
    assert facts.items[0] == ("Rows, train", "1,000")
    assert table.rows[0][3] == "25 (2.5 %)"


def test_importance_leaves_out_what_was_not_measured():
    figure, table = section(build_evaluation_report(evidence(), CONTEXT), "Feature importance").blocks
    assert [row[0].text for row in table.rows] == ["age"]
    assert "age 0.2000" in figure.alt


def test_parameters_are_written_with_the_paths_and_values_of_yaml():
    table = section(build_evaluation_report(evidence(), CONTEXT), "Parameters").blocks[0]
    assert [(row[1].text, row[2].text) for row in table.rows] == [
        ("trainer", "sklearn"),
        ("params.depth", "3"),
        ("params.bootstrap", "true"),
    ]


def test_reasons_are_grouped_by_place():
    few = {"few": {"column": "row", "max": 9.0}}
    table = section(build_evaluation_report(evidence(slices=few), CONTEXT), "Could not be measured").blocks[0]
    assert table.rows[0] == ("train", "few", "baseline, forest", "9 rows < 30", "roc_auc")


def test_evidence_without_curves_still_makes_a_report():
    report = build_evaluation_report(evidence() | {"curves": {}}, ReportContext("churn"))
    assert [section.title for section in report.sections] == ["Metrics", "Comparison"]


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.0000"), (0.096431, "0.0964"), (0.0, "0.0000"), (2e-5, "2.0e-05")])
def test_thresholds_have_the_digits_of_metrics_and_are_never_rounded_away(value, text):
    assert threshold_text(value) == Cell(text, repr(value))


def test_the_winners_threshold_is_as_strong_as_its_metrics():
    found = evidence() | {"thresholds": {"baseline": 0.5, "forest": 0.25, "linear": 0.5}}
    table = section(build_evaluation_report(found, CONTEXT), "Metrics").blocks[0]
    assert [row[-1] for row in table.rows[:2]] == [Cell("0.2500", "0.25", strong=True), Cell("0.5000", "0.5")]


def sliced(*models, **more):
    measured = {model: {"roc_auc": 0.75} for model in models}
    return evidence() | {"slices": {"few": {"test": {"rows": 30, "metrics": measured, **more}}}}


def slice_table(found):
    return section(build_evaluation_report(found, CONTEXT), "Slices").blocks[0]


def test_slices_show_every_model_that_was_measured_there():
    table = slice_table(sliced("baseline", "forest", "linear"))
    assert [row[2].text for row in table.rows] == ["forest ★ winner", "linear", "baseline"]
    assert table.marked == {0}
    assert table.note == "Measured on the test side."


def test_slices_say_that_other_models_were_not_measured_there():
    assert slice_table(sliced("baseline", "forest")).note.endswith(
        "Only the winner and the baseline are shown on slices."
    )


def test_slices_show_positives_if_they_were_counted():
    assert [column.name for column in slice_table(sliced("baseline", "forest", positives=12)).columns] == [
        "Slice",
        "Rows",
        "Positives",
        "Model",
        "roc_auc",
    ]


def test_a_dash_on_slices_is_explained():
    found = sliced("baseline", "forest")
    found["slices"]["few"]["test"]["metrics"]["forest"]["roc_auc"] = None
    assert "A dash could not be measured" in slice_table(found).note


def test_a_report_reads_the_same_after_its_evidence_was_sorted_by_name():
    found = evidence() | {"classes": ["yes", "no"]}
    report = build_evaluation_report(json.loads(json.dumps(found, sort_keys=True)), CONTEXT)
    assert any("is decided no." in getattr(block, "caption", "") for block in section(report, "Figures").blocks)
