"""Contradictions between documents: one failing project per rule, with its code, its place and its way out."""

from hashlib import sha256

import pytest
from small_project import DOCUMENTS, core_of, write

from mlops_runner.plan.check import check_core
from mlops_runner.plan.check_operation import check_operation
from mlops_runner.specs.documents import load_operation
from mlops_runner.specs.load import folder_reader, load_pipeline

PIPELINE, DATA, TRAINING = "pipeline.yaml", "specs/data.yaml", "specs/training.yaml"
EVALUATION, MONITORING, ROLLOUT = "specs/evaluation.yaml", "specs/monitoring.yaml", "specs/rollout.yaml"
STAGING, PRODUCTION = "environments/staging.yaml", "environments/production.yaml"

TRAIN_ONLY = [(DATA, "seed: 7", "seed: 7\n  validation: 0")]
ADD_METRIC = "add it to metrics in specs/evaluation.yaml"


def target(kind):
    return [(DATA, 'type: string\n    role: target\n    allowed: ["yes", "no"]', f"type: {kind}\n    role: target")]


REGRESSION = [
    (TRAINING, 'task: binary\npositive: "no"\n', "task: regression\n"),
    (TRAINING, "roc_auc", "rmse\n  direction: minimize"),
    (EVALUATION, "threshold:\n  rule: cost\n  false_negative: 5\n  false_positive: 1\n", ""),
    (EVALUATION, "[roc_auc, recall]", "[rmse]"),
    (EVALUATION, "metric: recall", "metric: rmse"),
    (MONITORING, "metric: recall", "metric: rmse"),
]


@pytest.fixture
def complaints(tmp_path):
    """Write a project with edits; return its marked place and what the rules complain about."""

    def look(*edits):
        place = write(tmp_path, *edits)
        read = folder_reader(tmp_path)
        operation = load_operation(read, load_pipeline(read))
        core = core_of(tmp_path)
        return place, [*operation.problems, *check_core(core), *check_operation(core, operation)]

    return look


def test_the_small_project_is_right(complaints):
    assert complaints() == (None, [])


@pytest.mark.parametrize(
    ("edits", "code", "message", "hint"),
    [
        ([*REGRESSION, *target("«string")],
         "target-type", 'a regression task needs a numeric target; "paid" is string', "change the type, or the task"),
        ([*target("«date")],
         "target-type", '"paid" is a date; a class is a string, int or bool', "change the type, or the task"),
        ([(TRAINING, 'positive: "no"', 'positive: «"nope"')],
         "unknown-class", 'positive "nope" is not an allowed value of "paid"', 'did you mean "no"?'),
        ([(TRAINING, 'positive: "no"', 'positive: «"x"')],
         "unknown-class", 'positive "x" is not an allowed value of "paid"', "one of: yes, no"),
        ([(TRAINING, 'positive: "no"', 'positive: «"1"'),
          (DATA, 'string\n    role: target\n    allowed: ["yes", "no"]', "int\n    role: target\n    allowed: [0, 1]")],
         "unknown-class", 'positive "1" is not an allowed value of "paid"',
         "the column is int: write it without quotes"),
        ([(EVALUATION, "[roc_auc, recall]", "[roc_auc, recall, «recal]")],
         "unknown-metric", 'metric "recal" is not known', 'did you mean "recall"?'),
        ([(EVALUATION, "[roc_auc, recall]", "[roc_auc, recall, «rmse]")],
         "unknown-metric", 'metric "rmse" is not known', None),
        ([(EVALUATION, "[roc_auc, recall]", "[roc_auc, recall, «roc_auc]")],
         "duplicate-metric", 'metric "roc_auc" is listed twice', "remove one"),
        ([(TRAINING, "metric: roc_auc", "metric: «roc_auk")],
         "unknown-metric", 'metric "roc_auk" is not known', 'did you mean "roc_auc"?'),
        ([(TRAINING, "metric: roc_auc", "metric: «f1")],
         "unmeasured-metric", 'metric "f1" is not among the measured metrics', ADD_METRIC),
        ([(EVALUATION, "metric: recall", "metric: «f1")],
         "unmeasured-metric", 'metric "f1" is not among the measured metrics', ADD_METRIC),
        ([(TRAINING, "metric: roc_auc", "metric: roc_auc\n  direction: «minimize")],
         "wrong-direction", "roc_auc is better when higher, but select says minimize", "direction: maximize"),
        ([*TRAIN_ONLY, (TRAINING, "metric: roc_auc", "metric: roc_auc\n  split: «validation"),
          (TRAINING, "    early_stopping_rounds: 5\n", ""),
          (EVALUATION, "rule: cost", "rule: cost\n  split: train")],
         "unknown-side", "the split makes no validation side",
         "give validation a share in specs/data.yaml, or use another side"),
        ([*TRAIN_ONLY, (TRAINING, "metric: roc_auc", "metric: roc_auc\n  split: train"),
          (TRAINING, "    early_stopping_rounds: 5\n", ""),
          (EVALUATION, "rule: cost", "rule: cost\n  split: «validation")],
         "unknown-side", "the split makes no validation side",
         "give validation a share in specs/data.yaml, or use another side"),
        ([*TRAIN_ONLY, (TRAINING, "metric: roc_auc", "metric: roc_auc\n  split: train"),
          (TRAINING, "early_stopping_rounds: 5", "early_stopping_rounds: «5"),
          (EVALUATION, "rule: cost", "rule: cost\n  split: train")],
         "unknown-side", "early stopping needs a validation side, and the split makes none",
         "give validation a share, or remove early stopping"),
        ([(DATA, "seed: 7", "seed: 7\n  test: 0"), (EVALUATION, "metric: recall", "metric: recall\n    split: «test")],
         "unknown-side", "the split makes no test side", "give test a share in specs/data.yaml, or use another side"),
        ([*[edit for edit in REGRESSION if "threshold" not in edit[1]],
          *target("float"),
          (EVALUATION, "threshold:\n  rule", "threshold:\n  «rule")],
         "needless-threshold", "a decision threshold needs a binary or multilabel task; this one is regression",
         "remove it"),
        ([(EVALUATION, "column: income", "column: «incom")],
         "unknown-column", 'column "incom" is not declared', 'did you mean "income"?'),
        ([(EVALUATION, "column: income", "column: «zzz")],
         "unknown-column", 'column "zzz" is not declared', "declare it in the Data document"),
        ([(EVALUATION, "column: income", "column: «purpose")],
         "wrong-type", 'a range needs a numeric column; "purpose" is string', "use equals"),
        ([(EVALUATION, "slice: rich", "slice: «ritch")],
         "unknown-slice", 'slice "ritch" is not declared', 'did you mean "rich"?'),
        ([(EVALUATION, "slice: rich", "slice: «old")],
         "unknown-slice", 'slice "old" is not declared', "declare it under slices; known: rich"),
        ([(PIPELINE, "specs:\n", "artifacts: specs\nspecs:\n  data: «specs/data.yaml\n"),
          (PIPELINE, "  rollout:", "  training: training.yaml\n  evaluation: evaluation.yaml\n  rollout:")],
         "spec-in-artifacts", "specs/data.yaml lies in the folder that steps write to (specs)", "keep specs elsewhere"),
        ([(MONITORING, "metric: recall", "metric: «recal")],
         "unknown-metric", 'metric "recal" is not known', 'did you mean "recall"?'),
        ([(MONITORING, "metric: recall", "metric: «f1")],
         "unmeasured-metric", 'metric "f1" is watched but never measured before a rollout',
         ADD_METRIC),
        ([(MONITORING, "features: [income]", "features: [income, «incom]")],
         "unknown-column", 'column "incom" is not declared', 'did you mean "income"?'),
        ([(MONITORING, "columns: [income]", "columns: [income, «zzz]")],
         "unknown-column", 'column "zzz" is not declared', "declare it in specs/data.yaml"),
        ([(STAGING, "policy: specs/rollout.yaml", "policy: «specs/other.yaml")],
         "unknown-policy", "specs/other.yaml is not the Rollout document of this pipeline",
         "policy: specs/rollout.yaml"),
        ([(PIPELINE, "  rollout: specs/rollout.yaml\n", ""), (PRODUCTION, "  policy: specs/rollout.yaml\n", ""),
          (STAGING, "policy: specs/rollout.yaml", "policy: «specs/rollout.yaml")],
         "unknown-policy", "specs/rollout.yaml is not the Rollout document of this pipeline",
         "name it under specs.rollout in pipeline.yaml"),
        ([(STAGING, "policy: specs/rollout.yaml", f"policy: specs/rollout.yaml\n  policy_digest: «sha256:{'0' * 64}")],
         "policy-changed", "specs/rollout.yaml has changed since this environment pinned it", None),
        ([(PRODUCTION, "name: production", "name: «staging")],
         "duplicate-name", 'two environments are called "staging" (environments/staging.yaml and this one)',
         "rename one"),
        ([(PIPELINE, "/production.yaml\n", "/production.yaml\n- «environments/staging.yaml\n")],
         "duplicate-file", "environments/staging.yaml is named twice", "remove one"),
    ],
)  # fmt: skip
def test_a_contradiction_is_one_complaint_where_it_stands(complaints, tmp_path, edits, code, message, hint):
    if code == "spec-in-artifacts":
        for name in ("training", "evaluation"):
            (tmp_path / f"{name}.yaml").write_text(DOCUMENTS[f"specs/{name}.yaml"])
    place, found = complaints(*edits)
    assert [(d.code, d.message, d.place) for d in found] == [(code, message, place)]
    assert found[0].hint == hint if hint else found[0].hint


@pytest.mark.parametrize(
    ("ceiling", "code", "message", "hint"),
    [
        ("{step: «tent, weight: 10}", "unknown-step", 'the policy has no step "tent"', 'did you mean "tenth"?'),
        (
            "{step: tenth, weight: «20}",
            "wrong-ceiling",
            "the ceiling is 20 %, but step tenth grants 10 %",
            "weight: 10",
        ),
    ],
)
def test_a_ceiling_is_the_weight_of_a_step(complaints, ceiling, code, message, hint):
    digests = {"stable": "a" * 64, "candidate": "b" * 64}
    models = "models:\n" + "".join(
        f"  {name}: {{version: 1, digest: sha256:{digest}}}\n" for name, digest in digests.items()
    )
    edits = [
        (STAGING, "models:\n  stable: null\n  candidate: null\n", models),
        (STAGING, "{step: null, weight: 0}", ceiling),
        (STAGING, "id: 0", f"id: 1\n  policy_digest: sha256:{sha256(DOCUMENTS[ROLLOUT].encode()).hexdigest()}"),
    ]
    place, found = complaints(*edits)
    assert [(d.code, d.message, d.place, d.hint) for d in found] == [(code, message, place, hint)]


def test_a_policy_that_cannot_be_read_is_one_complaint_not_three(complaints):
    _, found = complaints((ROLLOUT, "strategy: canary", "strategy: nonsense"))
    assert {d.place.file for d in found} == {ROLLOUT}


def test_the_pinned_policy_is_the_one_that_stands_there(complaints):
    digest = sha256(DOCUMENTS[ROLLOUT].encode()).hexdigest()
    pinned = f"policy: specs/rollout.yaml\n  policy_digest: sha256:{digest}"
    assert complaints((STAGING, "policy: specs/rollout.yaml", pinned)) == (None, [])


def test_every_contradiction_is_found_at_once(complaints):
    _, found = complaints(
        (TRAINING, "metric: roc_auc", "metric: f1"),
        (EVALUATION, "column: income", "column: incom"),
        (MONITORING, "metric: recall", "metric: recal"),
    )
    assert [d.code for d in found] == ["unmeasured-metric", "unknown-column", "unknown-metric"]
