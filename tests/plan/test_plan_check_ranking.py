"""What a ranking asks of the Data document, found before anything runs: code, place and way out."""

import pytest
from small_project import core_of, write

from mlops_runner.plan.check import check_core
from mlops_runner.plan.compile import compile_steps

DATA, TRAINING, EVALUATION = "specs/data.yaml", "specs/training.yaml", "specs/evaluation.yaml"
PAID = '    type: string\n    role: target\n    allowed: ["yes", "no"]\n'
WHOLE = (
    (TRAINING, 'task: binary\npositive: "no"', "task: ranking"),
    (TRAINING, "estimator: sklearn.linear_model.LogisticRegression\n    params:\n      C: 0.5",
     "estimator: sklearn.linear_model.Ridge"),
    (TRAINING, "metric: roc_auc", "metric: ndcg"),
    (DATA, PAID, "    type: int\n    role: target\n"),
    (DATA, "region: {type: string, role: ignored}", "region: {type: string, role: group}"),
    (DATA, "kind: random\n", "kind: group\n  group: region\n"),
    (EVALUATION, "[roc_auc, recall]", "[ndcg, mrr]"),
    (EVALUATION, "threshold:\n  rule: cost\n  false_negative: 5\n  false_positive: 1\n", ""),
    (EVALUATION, "metric: recall", "metric: ndcg"),
)  # fmt: skip


def found(tmp_path, *edits):
    """The complaints about a ranking with further edits."""
    place = write(tmp_path, *WHOLE, *edits)
    return place, list(check_core(core_of(tmp_path)))


def test_a_ranking_of_whole_queries_is_right(tmp_path):
    assert found(tmp_path)[1] == []
    steps = {step.name: step for step in compile_steps(core_of(tmp_path))}
    assert steps["train.boosted"].config["columns"]["region"]["role"] == "group"


def test_the_query_is_in_the_keys_of_rankings_alone(tmp_path):
    write(tmp_path, (DATA, "region: {type: string, role: ignored}", "region: {type: string, role: group}"))
    steps = {step.name: step for step in compile_steps(core_of(tmp_path))}
    assert "region" not in steps["train.boosted"].config["columns"]


@pytest.mark.parametrize(
    ("edits", "code", "message", "hint"),
    [
        ([(DATA, "kind: group\n  group: region\n", "kind: «random\n")],
         "torn-query", 'a random split would tear queries apart: rows of one "region" would be on several sides',
         "split: {kind: group, group: region, seed: 1}"),
        ([(DATA, "kind: group\n  group: region\n  seed: 7", "kind: predefined\n  column: purpose\nfolds: «{seed: 1}")],
         "torn-query", 'folds of a predefined split would tear queries apart, whose rows share a "region"',
         "remove folds, or split: {kind: group, group: region, seed: 1}"),
        ([(DATA, "columns:\n", "columns: «\n"), (DATA, "{type: string, role: group}", "{type: string, role: ignored}")],
         "query-count", "0 columns have the role group; a ranking needs exactly one, which names the query",
         "set role: group on the column of the query"),
        ([(DATA, "    type: int\n    role: target\n", "    type: «string\n    role: target\n")],
         "target-type", 'a ranking task needs a numeric target; "paid" is string', "change the type, or the task"),
        ([(EVALUATION, "[ndcg, mrr]", "[ndcg, «ndcg@10]")],
         "unknown-metric", 'metric "ndcg@10" is not known', 'did you mean "ndcg_at_10"?'),
        ([(EVALUATION, "[ndcg, mrr]", "[ndcg, «rmse]")],
         "unknown-metric", 'metric "rmse" is not known', None),
        ([(EVALUATION, "[ndcg, mrr]\n", "[ndcg]\nthreshold: «{rule: fixed}\n")],
         "needless-threshold", "a decision threshold needs a binary or multilabel task; this one is ranking",
         "remove it"),
    ],
)  # fmt: skip
def test_what_a_ranking_cannot_use_is_found_where_it_is_written(tmp_path, edits, code, message, hint):
    place, (complaint,) = found(tmp_path, *edits)
    assert (complaint.code, complaint.message) == (code, message)
    assert hint is None or complaint.hint == hint
    assert complaint.place.file == place.file


def test_metrics_of_rankings_are_unknown_to_other_tasks(tmp_path):
    write(tmp_path, (EVALUATION, "[roc_auc, recall]", "[roc_auc, recall, ndcg]"))
    (complaint,) = check_core(core_of(tmp_path))
    assert (complaint.code, complaint.message) == ("unknown-metric", 'metric "ndcg" is not known')
