# ruff: noqa: E501
"""Every complaint about structure: its code, sentence, place and hint. « marks where it points."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from spec_texts import assert_points, broken, diagnose, only

from mlops_runner.specs.complaints import complaints
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.schema import KINDS, example, model_of

LONG = "sha256:" + "0" * 64

# kind, old text, new text, code, message, hint
CASES = [
    # Pipeline
    ("Pipeline", "name: churn", "name: churn\n«colour: red", "unknown-key", 'key "colour" is not known', "known keys: apiVersion, artifacts, code, cost, dependencies, description, environments, envs, kind, name, params, pipelines, pools, reproducibility, specs, steps"),
    ("Pipeline", "artifacts: artifacts", "«artefacts: artifacts", "unknown-key", 'key "artefacts" is not known', 'did you mean "artifacts"?'),
    ("Pipeline", "name: churn", "name: «12", "wrong-type", "name must be text, not the number 12", 'quote it: "12"'),
    ("Pipeline", "name: churn\n", "", "missing-key", 'the document needs the key "name"', "add name: …"),
    ("Pipeline", "reproducibility: bitwise", "reproducibility: «bitwize", "invalid-choice", 'reproducibility: "bitwize" is not one of bitwise, tolerance, none', 'did you mean "bitwise"?'),
    ("Pipeline", "  data: specs/data.yaml", "  data: «null", "wrong-type", "specs.data must be text, not empty", "give a value, or remove the key"),
    ("Pipeline", "dependencies:\n  lock: requirements.lock ", "dependencies: «[requirements.lock] ", "wrong-type", "dependencies must be a mapping, not a list", None),
    ("Pipeline", "environments:\n- environments/staging.yaml\n- environments/production.yaml", "environments: «environments/staging.yaml", "wrong-type", 'environments must be a list, not the text "environments/staging.yaml"', "write it as a list: [environments/staging.yaml]"),
    ("Pipeline", "- environments/production.yaml", "- «../production.yaml", "path-escapes", 'path "../production.yaml" leaves the project', "keep everything under the project's folder"),
    ("Pipeline", "apiVersion: mlops/v1", "apiVersion: «mlops/v2", "invalid-choice", 'apiVersion must be mlops/v1, not "mlops/v2"', 'did you mean "mlops/v1"?'),
    ("Pipeline", "- environments/staging.yaml", "- «3.10", "wrong-type", "environments.0 must be text, not the number 3.1", 'quote it: "3.10"'),
    # Data
    ("Data", "    tags: [pii]", "    «tagz: [pii]", "unknown-key", 'key "columns.age.tagz" is not known', 'did you mean "tags"?'),
    ("Data", "  kind: csv\n", "  «knid: csv\n", "unknown-key", 'key "source.knid" is not known', 'did you mean "kind"?'),
    ("Data", "  kind: csv\n", "  kind: «cvs\n", "invalid-choice", 'source.kind: "cvs" is not one of csv, parquet, sql, http, sklearn, python', 'did you mean "csv"?'),
    ("Data", "source:\n  kind: csv\n", "«source:\n", "missing-key", 'source needs the key "kind"', "kind is one of: csv, http, parquet, python, sklearn, sql"),
    ("Data", "    max_missing: 0.02", "    max_missing: «2.0", "out-of-range", "columns.monthly_charge.max_missing must be at most 1, not 2", None),
    ("Data", "  seed: 7", '  seed: «"7"', "wrong-type", 'split.seed must be a whole number, not the text "7"', "remove the quotes"),
    ("Data", "    tags: [pii]", "    tags: «pii", "wrong-type", 'columns.age.tags must be a list, not the text "pii"', "write it as a list: [pii]"),
    ("Data", "    type: float\n", "    type: «flaot\n", "invalid-choice", 'columns.monthly_charge.type: "flaot" is not one of float, int, string, bool, date, datetime', 'did you mean "float"?'),
    ("Data", "allowed: [month_to_month, one_year, two_years]", "allowed: [month_to_month, «[one_year], two_years]", "wrong-type", "columns.contract.allowed.1 must be true or false, a whole number, a number or text, not a list", None),
    ("Data", '  delimiter: ","', '  delimiter: «";;"', "out-of-range", "source.delimiter must have at most 1 character, not 2", None),
    ("Data", "  rows: {min: 5000}", "  rows: {min: «0}", "out-of-range", "checks.rows.min must be at least 1, not 0", None),
    ("Data", "  stratify: churned", "  «group: churned", "misplaced-key", 'key "split.group" belongs to group only', "known keys here: kind, seed, stratify, test, validation"),
    ("Data", "split:\n  kind: random", "split:\n  kind: «3", "invalid-choice", "split.kind must be one of random, group, hash, time, predefined, not the number 3", "one of: random, group, hash, time, predefined"),
    # Training
    ("Training", "threads: 2", "«thread: 2", "unknown-key", 'key "thread" is not known', 'did you mean "threads"?'),
    ("Training", "threads: 2", "threads: «0", "out-of-range", "threads must be at least 1, not 0", None),
    ("Training", "threads: 2", "threads: «2.5", "wrong-type", "threads must be a whole number, not the number 2.5", None),
    ("Training", "    rounds: 400", "    rounds: «many", "wrong-type", 'candidates.boosted.rounds must be a whole number, not the text "many"', None),
    ("Training", "    trainer: xgboost", "    trainer: «xgbost", "invalid-choice", 'candidates.boosted.trainer: "xgbost" is not one of sklearn, xgboost, python, command, naive', 'did you mean "xgboost"?'),
    ("Training", "  boosted:\n    trainer: xgboost\n", "  «boosted:\n", "missing-key", 'candidates.boosted needs the key "trainer"', "trainer is one of: command, naive, python, sklearn, xgboost"),
    ("Training", "  forest:\n", "  «Forest 2:\n", "invalid-name", 'name "Forest 2" must be lower-case letters, digits, - and _, starting with a letter', "for example: churn-model"),
    ("Training", "select:\n  metric: roc_auc\n", "«select:\n", "missing-key", 'select needs the key "metric"', "add metric: …"),
    ("Training", "task: binary", "task: «null", "invalid-choice", "task must be one of binary, multiclass, multilabel, regression, ranking, forecasting, not empty", "one of: binary, multiclass, multilabel, regression, ranking, forecasting"),
    ("Training", "  numeric: {impute: median, scale: standard}", "  numeric: «[median]", "wrong-type", "preprocessing.numeric must be a mapping, not a list", None),
    ("Training", "max_depth: 4", "max_depth: «{a: 1}", "wrong-type", "candidates.boosted.params.max_depth must be true or false, a whole number, a number or text, not a mapping", None),
    # Evaluation
    ("Evaluation", "digits: 6", "«digit: 6", "unknown-key", 'key "digit" is not known', 'did you mean "digits"?'),
    ("Evaluation", "digits: 6", "digits: «16", "out-of-range", "digits must be at most 15, not 16", None),
    ("Evaluation", "metrics: [roc_auc, log_loss, precision, recall]", "metrics: «[]", "out-of-range", "metrics must have at least 1 entry, not 0", None),
    ("Evaluation", "metrics: [roc_auc, log_loss, precision, recall]", "metrics: [roc_auc, «1]", "wrong-type", "metrics.1 must be text, not the number 1", 'quote it: "1"'),
    ("Evaluation", "metrics: [roc_auc, log_loss, precision, recall]\n", "", "missing-key", 'the document needs the key "metrics"', "add metrics: …"),
    ("Evaluation", "  rule: cost", "  rule: «costs", "invalid-choice",
     'threshold.rule: "costs" is not one of cost, f_beta, precision_at_recall, recall_at_precision, alarm_budget, fixed',
     'did you mean "cost"?'),
    ("Evaluation", "  false_negative: 50.0", "  false_negative: «-1", "out-of-range", "threshold.false_negative must be at least 0, not -1", None),
    ("Evaluation", "    margin: 0.005", "    «min: 0.005", "misplaced-key", 'key "gates.beats-baseline.min" belongs to absolute or slices only', "known keys here: decide_on, kind, margin, metric, slice, split, unmeasured"),
    ("Evaluation", "    min: 0.8", "    min: «high", "wrong-type", 'gates.good-enough.min must be a number, not the text "high"', None),
    ("Evaluation", "  monthly: {column: contract, equals: month_to_month}", "  monthly: «null", "wrong-type", "slices.monthly must be a mapping, not empty", "give a value, or remove the key"),
    ("Evaluation", "    unmeasured: warn", "    unmeasured: «true", "invalid-choice", "gates.fair-to-new.unmeasured must be one of fail, warn, not true", "one of: fail, warn"),
    # Rollout
    ("Rollout", "  weight: 10\n", "  «wieght: 10\n", "unknown-key", 'key "steps.1.wieght" is not known', 'did you mean "weight"?'),
    ("Rollout", "strategy: canary", "strategy: «canry", "invalid-choice", 'strategy: "canry" is not one of canary, blue_green, shadow, ab_test', 'did you mean "canary"?'),
    ("Rollout", "  alpha: 0.05", "  alpha: «0.9", "out-of-range", "decision.alpha must be less than 0.5, not 0.9", None),
    ("Rollout", "min_harm: 1.25, margin: 2.0", "min_harm: «1, margin: 2.0", "out-of-range", "metrics.0.test.min_harm must be more than 1, not 1", None),
    ("Rollout", "  source: {gateway: error}", "  source: {«gatway: error}", "unknown-key", 'key "metrics.0.source.gatway" is not known', 'did you mean "gateway"?'),
    ("Rollout", "  source: {gateway: error}", "  «source: {}", "missing-key", "metrics.0.source needs one of the keys gateway, http, labels, shadow", "add gateway: …"),
    ("Rollout", "  source: {gateway: error}", "  source: «gateway", "wrong-type", 'metrics.0.source must be a mapping, not the text "gateway"', None),
    ("Rollout", "  source: {gateway: error}", "  source: {gateway: «errors}", "invalid-choice", 'metrics.0.source.gateway: "errors" is not one of error, latency, prediction, features', 'did you mean "error"?'),
    ("Rollout", "{kind: threshold, min: 0.90", "{kind: «treshold, min: 0.90", "invalid-choice", 'metrics.3.test.kind: "treshold" is not one of rate_ratio, paired_sign, mean_diff, threshold, psi, ks', 'did you mean "threshold"?'),
    ("Rollout", "- {when: load_failed}", "- {when: load_failed, «count: 2}", "misplaced-key", 'key "hard_stops.0.count" belongs to invalid_output, consecutive_errors or unhealthy only', "known keys here: when"),
    ("Rollout", "min_samples: auto", "min_samples: «atuo", "wrong-type", 'steps.1.hold.min_samples must be a whole number or "auto", not the text "atuo"', 'did you mean "auto"?'),
    ("Rollout", "min_samples: 500}\n- name: s10", "min_samples: «0}\n- name: s10", "out-of-range", "steps.0.hold.min_samples must be at least 1, not 0", None),
    ("Rollout", "to: {webhook: {secret: MLOPS_WEBHOOK_URL}}", "to: {webhook: «MLOPS_WEBHOOK_URL}", "plain-secret", "notify.0.to.webhook must name a secret: {secret: NAME}", "put the value into the environment variable NAME"),
    ("Rollout", "{secret: MLOPS_WEBHOOK_URL}", '{secret: «"https://hooks.example/T0/abc"}', "invalid-value", "notify.0.to.webhook.secret does not have the form ^[A-Z][A-Z0-9_]*$", "for example: WAREHOUSE_URL"),
    ("Rollout", "max_duration: 12h", "max_duration: «12 hours", "invalid-duration", '"12 hours" is not a duration', "a number with a unit: 250ms, 30s, 10m, 24h, 7d, 2w"),
    ("Rollout", "- name: s50\n  weight: 50", "- «weight: 50", "missing-key", 'steps.2 needs the key "name"', "add name: …"),
    # Monitoring
    ("Monitoring", "  min_rows: 400", "  «min_row: 400", "unknown-key", 'key "windows.min_row" is not known', 'did you mean "min_rows"?'),
    ("Monitoring", "  size: 1d", "  size: «1.5", "wrong-type", "windows.size must be text or a whole number, not the number 1.5", None),
    ("Monitoring", "  size: 1d", "  size: «one day", "invalid-duration", '"one day" is not a duration', "a number with a unit: 250ms, 30s, 10m, 24h, 7d, 2w"),
    ("Monitoring", "  features: all", "  features: [age, «3]", "wrong-type", "watch.features.1 must be text, not the number 3", 'quote it: "3"'),
    ("Monitoring", "{kind: numeric, test: ks,", "{kind: «numeral, test: ks,", "invalid-choice", 'detectors.inputs.kind: "numeral" is not one of numeric, categorical, missing, unseen, predictions, concept, performance', 'did you mean "numeric"?'),
    ("Monitoring", "quality: {kind: performance, cohorts: 2}", "«quality: {cohorts: 2}", "missing-key", 'detectors.quality needs the key "kind"', "kind is one of: categorical, concept, missing, numeric, performance, predictions, unseen"),
    ("Monitoring", "missing: {kind: missing, threshold: 0.05}", "missing: {kind: missing, threshold: «5}", "out-of-range", "detectors.missing.threshold must be at most 1, not 5", None),
    ("Monitoring", "loss: {kind: concept, test: adwin, delta: 0.05}", "loss: {kind: concept, «threshold: 0.05}", "misplaced-key", 'key "detectors.loss.threshold" belongs to numeric, categorical, missing, unseen or predictions only', "known keys here: delta, kind, severity, signal, test"),
    ("Monitoring", "{apprise: {secret: ALERT_URL}}", '{apprise: «"mailto://user:pw@example.org"}', "plain-secret", "alerts.routes.0.channel.apprise must name a secret: {secret: NAME}", "put the value into the environment variable NAME"),
    ("Monitoring", "channel: {webhook: {secret: PAGER_WEBHOOK}}", "channel: {«webhok: {secret: PAGER_WEBHOOK}}", "unknown-key", 'key "alerts.routes.1.channel.webhok" is not known', 'did you mean "webhook"?'),
    ("Monitoring", 'cron: "0 3 1 * *"', 'cron: «"0 25 1 * *"', "invalid-cron", '"0 25 1 * *" is not a cron expression: the hour 25 is outside 0 to 23', 'minute hour day month weekday, for example: "0 17 * * 5"'),
    ("Monitoring", "labels: {maturity: 30d, min_coverage: 0.95}", "labels: «30d", "wrong-type", 'labels must be a mapping, not the text "30d"', None),
    # Environment
    ("Environment", "engine: embedded", "«engin: embedded", "unknown-key", 'key "engin" is not known', 'did you mean "engine"?'),
    ("Environment", "engine: embedded", "engine: «argo", "invalid-choice", 'engine: "argo" is not one of embedded, argo-rollouts, kserve, flagger', "one of: embedded, argo-rollouts, kserve, flagger"),
    ("Environment", "    version: 7", "    version: «0", "out-of-range", "models.stable.version must be at least 1, not 0", None),
    ("Environment", f"    version: 7\n    digest: {LONG}", "    version: 7\n    digest: «sha256:12", "invalid-digest", '"sha256:12" is not a digest', "sha256: followed by 64 hexadecimal digits"),
    ("Environment", "port: 8080", "port: «65536", "out-of-range", "serving.port must be at most 65535, not 65536", None),
    ("Environment", "approvals: {advance: 0,", "approvals: {advance: «-1,", "out-of-range", "approvals.advance must be at least 0, not -1", None),
    ("Environment", "  timezone: UTC", "  timezone: «Mars/Olympus", "unknown-timezone", 'time zone "Mars/Olympus" is not known', "a name of the IANA database: UTC, Europe/Berlin, Asia/Shanghai"),
    ("Environment", '  at: "2026-08-01T10:00:00Z"', '  at: «"yesterday"', "invalid-timestamp", '"yesterday" is not a point in time', 'RFC 3339 with a zone, in quotes: "2026-08-01T10:00:00Z"'),
    ("Environment", "  applies: [advance]", "  applies: [«promote]", "invalid-choice", 'windows.0.applies.0: "promote" is not one of advance, start', "one of: advance, start"),
    ("Environment", "  paused: false", '  paused: «"false"', "wrong-type", 'rollout.paused must be true or false, not the text "false"', None),
    ("Environment", "service: churn\n", "", "missing-key", 'the document needs the key "service"', "add service: …"),
    ("Environment", "history: {keep: 10, warm: 1}", "history: «[10, 1]", "wrong-type", "history must be a mapping, not a list", None),
    # Model
    ("Model", "version: 8", "«versoin: 8\nversion: 8", "unknown-key", 'key "versoin" is not known', 'did you mean "version"?'),
    ("Model", "version: 8", "version: «-8", "out-of-range", "version must be at least 1, not -8", None),
    ("Model", "version: 8", 'version: «"8"', "wrong-type", 'version must be a whole number, not the text "8"', "remove the quotes"),
    ("Model", "task: binary", "task: «Binary", "invalid-choice", 'task: "Binary" is not one of binary, multiclass, multilabel, regression, ranking, forecasting', 'did you mean "binary"?'),
    ("Model", "created_from: 5e8f0c1d2b3a49586776655443322110ffeeddcc", "created_from: «5e8f0c1d", "invalid-value", "created_from does not have the form ^[0-9a-f]{40}$", None),
    ("Model", "interval: [0.8702, 0.9034]", "interval: «[0.8702]", "out-of-range", "metrics.test.roc_auc.interval has no entry 2", "give all of them"),
    ("Model", "  test.recall: {value: 0.71}", "  test.recall: «0.71", "wrong-type", "metrics.test.recall must be a mapping, not the number 0.71", None),
    ("Model", "  fair-to-new: unmeasured", "  fair-to-new: «unmesured", "invalid-choice", 'gates.fair-to-new: "unmesured" is not one of pass, fail, unmeasured', 'did you mean "unmeasured"?'),
    ("Model", "  - {name: age, type: int}", "  - {name: age, «typ: int, type: int}", "unknown-key", 'key "signature.columns.3.typ" is not known', 'did you mean "type"?'),
    ("Model", "archived: null ", "archived: «true ", "wrong-type", "archived must be a mapping, not true", None),
    ("Model", "    model.ubj:\n", "    «../model.ubj:\n", "path-escapes", 'path "../model.ubj" leaves the project', "keep everything under the project's folder"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new", "code", "message", "hint"), CASES)
def test_a_broken_document_gets_one_readable_complaint_at_its_place(kind, old, new, code, message, hint):
    found, variant = only(kind, (old, new))
    assert (found.code, found.message, found.hint) == (code, message, hint)
    if variant.line is None:  # something is missing from the document itself: it begins at its first key
        assert (found.place.line, found.place.column) == (3, 1)
    else:
        assert_points(found, variant)


@pytest.mark.parametrize(
    "kind", ["Pipeline", "Data", "Training", "Evaluation", "Rollout", "Monitoring", "Environment", "Model"]
)
def test_every_kind_has_at_least_ten_broken_variants(kind):
    assert sum(case[0] == kind for case in CASES) >= 10


def test_all_problems_of_a_document_are_reported_at_once():
    variant = broken(
        "Rollout", ("strategy: canary", "strategy: canry"), ("alpha: 0.05", "alpha: 0.9"), ("weight: 50", "wait: 50")
    )
    assert [d.code for d in diagnose("Rollout", variant.text)] == ["invalid-choice", "unknown-key", "out-of-range"]


def test_two_faults_within_the_meant_branch_of_an_open_union_are_both_reported():
    variant = broken("Monitoring", ("  features: all", "  features: [1, 2]"))
    assert [d.message for d in diagnose("Monitoring", variant.text)] == [
        "watch.features.0 must be text, not the number 1",
        "watch.features.1 must be text, not the number 2",
    ]


def test_a_document_that_is_no_mapping_is_one_complaint():
    (found,) = diagnose("Pipeline", "- a\n- b\n")
    assert found.message == "the document must be a mapping, not a list"


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("Rollout", "{secret: MLOPS_WEBHOOK_URL}", "hunter2"),
        ("Rollout", "{secret: MLOPS_WEBHOOK_URL}", "{secret: hunter2}"),
        ("Rollout", "{secret: MLOPS_WEBHOOK_URL}", "[hunter2]"),
        ("Monitoring", "{secret: ALERT_URL}", "hunter2"),
        ("Environment", "https://github.com/acme/churn", "https://ci:hunter2@github.com/acme/churn"),
        ("Rollout", "{gateway: error}", '{http: "https://ci:hunter2@metrics.example/"}'),
    ],
)
def test_a_secret_is_never_repeated(kind, old, new):
    found = diagnose(kind, broken(kind, (old, new)).text)
    assert found
    assert not [d for d in found if "hunter2" in d.message or "hunter2" in (d.hint or "")]


def paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def put(value, path, new):
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: put(value[path[0]], path[1:], new)}
    return tuple(put(item, path[1:], new) if i == path[0] else item for i, item in enumerate(value))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_stands_anywhere_is_accepted_or_named_once_at_a_place_in_the_file(data):
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    document = load_yaml(example(kind).encode(), f"{kind.lower()}.yaml")
    path = data.draw(st.sampled_from(list(paths(document.value))))
    model = model_of(kind)
    try:
        model.model_validate(put(document.value, path, data.draw(VALUES)))
    except ValidationError as error:
        found = complaints(error, document, model)
        assert found
        assert len({(d.message, d.place) for d in found}) == len(found)
        lines = document.text.count("\n") + 1
        assert all(d.message and 1 <= d.place.line <= lines for d in found)
        assert not [d for d in found if "Input should" in d.message or "validator" in d.message]
