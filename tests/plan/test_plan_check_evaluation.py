"""Contradictions between the Evaluation document and the others: code, place and way out."""

import pytest
from small_project import core_of, write

from mlops_runner.plan.check import check_core

EVALUATION, TRAINING, DATA = "specs/evaluation.yaml", "specs/training.yaml", "specs/data.yaml"
NOISY = "kind: robustness, metric: recall, max_drop: 0.1, perturbation: {{kind: noise, sd: 1.0, columns: [{}]}}"
CHAMPION = "champion: {bundle: models/champion}\n"


def gate(text, head=""):
    """Add a gate, and what comes before the gates."""
    return (EVALUATION, "gates:\n", f"{head}gates:\n  extra: {{{text}}}\n")


@pytest.mark.parametrize(
    ("edits", "code", "message", "hint"),
    [
        ([gate("kind: «champion, metric: recall, test: superiority")],
         "missing-champion", 'gate "extra" compares with the champion, and none is named',
         "add: champion: {bundle: models/champion}"),
        ([gate("kind: champion, metric: «recal, test: superiority", CHAMPION)],
         "unknown-metric", 'metric "recal" is not known', 'did you mean "recall"?'),
        ([(EVALUATION, "gates:\n", "champion: {bundle: «artifacts/model}\ngates:\n")],
         "champion-in-artifacts", "artifacts/model lies in the folder that steps write to (artifacts)",
         "keep the champion elsewhere: it must not change while its challenger is trained"),
        ([(TRAINING, "  linear:", "  «champion:")],
         "reserved-name", 'a candidate cannot be called "champion"', "choose another name"),
        ([gate("kind: slices, metric: recall, min: 0.5, slices: [«reich]")],
         "unknown-slice", 'slice "reich" is not declared', 'did you mean "rich"?'),
        ([gate("kind: calibration, metric: «ece, max: 0.1")],
         "unmeasured-metric", 'metric "ece" is not among the measured metrics',
         "add it to metrics in specs/evaluation.yaml"),
        ([gate("kind: fairness, criterion: demographic_parity, column: «regoin, max_difference: 0.1")],
         "unknown-column", 'column "regoin" is not declared', 'did you mean "region"?'),
        ([gate("kind: fairness, criterion: demographic_parity, column: «income, max_difference: 0.1")],
         "wrong-type", 'every value of "income", a float, would be a group of its own',
         "name the edges between groups, or another column"),
        ([gate("kind: fairness, criterion: demographic_parity, column: region, edges: «[1.0], max_difference: 0.1")],
         "wrong-type", 'edges need a numeric column; "region" is string', "remove edges"),
        ([gate(NOISY.format("«purpose"))],
         "wrong-type", 'noise needs a float or int column; "purpose" is string', "name other columns"),
        ([gate(NOISY.format("«region"))],
         "unknown-column", '"region" is not a feature', "name a feature"),
        ([gate("kind: absolute, metric: recall, min: 0.5, decide_on: interval", "intervals: null\n")],
         "no-intervals", 'gate "extra" decides on intervals, and intervals are turned off', "remove: intervals: null"),
        ([gate("kind: stability, metric: recall, over: «folds, max_spread: 0.1")],
         "no-folds", 'gate "extra" leaves out folds, and specs/data.yaml declares none',
         "add folds: {count: 5, seed: 1} there, or over: seeds"),
        ([(EVALUATION, "gates:\n", "weighted: «true\ngates:\n")],
         "no-weights", "metrics are to be weighted, and no column of specs/data.yaml has the role weight",
         "give a column role: weight, or remove weighted"),
        ([(DATA, "  region: {type: string, role: ignored}\n",
           "  region: {type: string, role: ignored}\n  trust: {type: float, role: weight}\n"),
          (EVALUATION, "[roc_auc, recall]", "[roc_auc, recall, accuracy]"),
          gate("kind: champion, metric: accuracy, test: superiority, method: «mcnemar", f"weighted: true\n{CHAMPION}")],
         "no-weighted-form", "McNemar's test counts rows, and here rows count by their weight",
         "method: paired_bootstrap, or remove weighted"),
        ([(DATA, "region: {type: string, role: ignored}", "region: {type: string, role: group}"),
          (EVALUATION, "gates:\n", "intervals: {stratify: «target}\ngates:\n")],
         "needless-stratify",
         'groups of "region" are drawn whole, which cannot keep the number of rows of each class', "stratify: none"),
    ],
)  # fmt: skip
def test_a_contradiction_is_reported_where_it_is_written(tmp_path, edits, code, message, hint):
    place = write(tmp_path, *edits)
    found = list(check_core(core_of(tmp_path)))
    assert [(one.code, one.message, one.hint) for one in found] == [(code, message, hint)]
    if place is not None:
        assert found[0].place == place


@pytest.mark.parametrize(
    "text",
    [
        "kind: champion, metric: recall, test: non_inferiority, margin: 0.02",
        "kind: fairness, criterion: equal_opportunity, column: purpose, max_difference: 0.1",
        "kind: fairness, criterion: equalized_odds, column: income, edges: [1000, 2000], min_ratio: 0.8",
        "kind: robustness, metric: recall, max_drop: 0.1, perturbation: {kind: unseen, share: 0.1}",
        "kind: slices, metric: recall, max_drop: 0.1",
        "kind: latency, max_ms: 5",
        "kind: size, max_bytes: 1000000",
    ],
)
def test_every_kind_of_gate_fits_a_project(tmp_path, text):
    write(tmp_path, gate(text, CHAMPION))
    assert list(check_core(core_of(tmp_path))) == []
