# ruff: noqa: E501
import textwrap

import pytest
from spec_texts import assert_points, diagnose, marked, only, parse

from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.monitoring import Monitoring

HEAD = "apiVersion: mlops/v1\nkind: Monitoring\nname: churn\n"
DETECTORS = ["numeric", "categorical", "missing", "unseen", "predictions"]


def spec(body=""):
    return Monitoring.model_validate(load_yaml((HEAD + textwrap.dedent(body)).encode(), "monitoring.yaml").value)


def test_without_a_word_the_five_detectors_run_with_their_defaults():
    detectors = spec().detectors
    assert list(detectors) == DETECTORS
    numeric, categorical, missing, unseen, predictions = detectors.values()
    assert (numeric.test, numeric.effect, numeric.threshold) == ("ks", "distance", 0.1)
    assert (categorical.test, categorical.effect, categorical.threshold) == ("chi_square", "cramers_v", 0.05)
    assert (missing.test, missing.threshold) == ("two_proportion", 0.05)
    assert (unseen.threshold, unseen.closed) == (0.01, ())
    assert (predictions.threshold, predictions.of, predictions.severity) == (0.05, "both", "critical")


def test_defaults_ask_for_400_rows_and_two_of_three_windows():
    monitoring = spec()
    assert (monitoring.windows.size, monitoring.windows.step_or_size(), monitoring.windows.season) == (
        "1d",
        "1d",
        "none",
    )
    assert (monitoring.windows.min_rows, monitoring.rule.of, monitoring.rule.at_least) == (400, 3, 2)
    assert (monitoring.correction.method, monitoring.correction.alpha) == ("bh", 0.05)
    assert (monitoring.watch.predictions, monitoring.watch.features, monitoring.watch.target) == (True, "all", False)
    assert (monitoring.labels, monitoring.performance) == (None, None)


def test_retraining_is_off_by_default_and_always_opens_a_pull_request():
    retrain = spec().retrain
    assert (retrain.triggers, retrain.opens) == ((), "pull_request")
    assert (retrain.cooldown, retrain.max_per.count, retrain.max_per.window) == ("24h", 2, "7d")


def test_labels_need_95_percent_coverage_by_default():
    assert spec("labels: {maturity: 30d}\n").labels.min_coverage == 0.95


def test_concept_and_performance_have_their_defaults():
    body = """\
        labels: {maturity: 30d}
        performance: {metric: roc_auc, margin: 0.02}
        detectors: {loss: {kind: concept}, quality: {kind: performance}}
        """
    loss, quality = spec(body).detectors.values()
    assert (loss.test, loss.signal, loss.delta) == ("adwin", "loss", 0.05)
    assert quality.cohorts == 2


LABELS = "labels: {maturity: 30d}\n"
ROUTE = "alerts: {{routes: [{{channel: {{webhook: {{secret: HOOK}}}}, {}}}]}}\n"

BROKEN = [
    ("windows: {size: 1d, step: «2d}\n", "step-skips", "step 2d is longer than size 1d: the time between would be skipped"),
    ("windows: {size: 1000, step: «1001}\n", "step-skips", "step 1001 is more than size 1000: the rows between would be skipped"),
    ("windows: {size: 1d, step: «500}\n", "mixed-units", "step 500 and size 1d are in different units"),
    ("windows: {size: «300}\n", "window-too-small", "a window of 300 rows never reaches min_rows 400"),
    ("windows: {size: «0s}\n", "empty-window", "windows.size is 0s: a window lasts longer than that"),
    ("windows: {size: 5000, season: «daily}\n", "season-of-rows", "season daily needs windows of a duration, size is 5000 rows"),
    ("rule: {of: 3, at_least: «4}\n", "rule-impossible", "at_least 4 is more than the 3 windows looked back on"),
    ("rule: {of: «1}\n", "rule-impossible", "at_least 2 is more than the 1 windows looked back on"),
    ("detectors: {a: {kind: numeric, threshold: «1.5}}\n", "threshold-unreachable", 'threshold 1.5 of "a" is never reached: distance stays below 1'),
    ("detectors: {a: {kind: categorical, threshold: «1}}\n", "threshold-unreachable", 'threshold 1.0 of "a" is never reached: cramers_v stays below 1'),
    ("detectors: {a: {kind: numeric, threshold: «0}}\n", "out-of-range", "detectors.a.threshold must be more than 0, not 0"),
    ("detectors: {a: {kind: predictions, threshold: «1}}\n", "out-of-range", "detectors.a.threshold must be less than 1, not 1"),
    ("detectors: {loss: «{kind: concept}}\n", "needs-labels", 'detector "loss" needs labels'),
    ("performance: «{metric: roc_auc, margin: 0.1}\n", "needs-labels", "performance needs labels"),
    ("watch: {target: «true}\n", "needs-labels", "watch.target needs labels"),
    (LABELS + "detectors: {q: «{kind: performance}}\n", "needs-performance", 'detector "q" needs performance'),
    ("retrain: {triggers: [«{kind: performance}]}\n", "needs-performance", "retrain trigger 1 needs performance"),
    (ROUTE.format("detectors: [predictions, «prediction]"), "unknown-detector", 'detector "prediction" is not declared'),
    ("retrain: {triggers: [{kind: drift, detectors: [«loss]}]}\n", "unknown-detector", 'detector "loss" is not declared'),
    (ROUTE.format("cooldown: «1h"), "cooldown-too-short", "cooldown 1h is shorter than the 1d from one window to the next: it never acts"),
    ("retrain: {cooldown: «1h}\n", "cooldown-too-short", "cooldown 1h is shorter than the 1d from one window to the next: it never acts"),
    ("retrain: {triggers: [{kind: age, older_than: «1h}]}\n", "age-below-cooldown", "older_than 1h is shorter than the cooldown 24h"),
    ("retrain: {triggers: [{kind: schedule, cron: «'0 3 * *'}]}\n", "invalid-cron", '"0 3 * *" is not a cron expression: it has 4 fields, not 5'),
    ("correction: {alpha: «0.5}\n", "out-of-range", "correction.alpha must be less than 0.5, not 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "message"), BROKEN)
def test_monitoring_that_could_never_work_is_refused_with_its_numbers(body, code, message):
    variant = marked(HEAD + body)
    (found,) = diagnose("Monitoring", variant.text)
    assert (found.code, found.message) == (code, message)
    assert_points(found, variant)


@pytest.mark.parametrize("effect", ["wasserstein", "psi"])
def test_effects_without_a_largest_value_may_have_a_threshold_above_one(effect):
    assert (
        spec(f"detectors: {{a: {{kind: numeric, effect: {effect}, threshold: 1.5}}}}\n").detectors["a"].threshold == 1.5
    )


def test_a_cooldown_is_not_compared_with_windows_of_rows():
    assert spec("windows: {size: 1000}\nretrain: {cooldown: 1m}\n").retrain.cooldown == "1m"


def test_weekly_windows_need_no_cooldown_of_their_own():
    assert spec("windows: {size: 7d}\n").retrain.cooldown == "24h"


def test_a_route_needs_a_channel_whose_address_is_a_secret():
    found, variant = only("Monitoring", ("{webhook: {secret: PAGER_WEBHOOK}}", "{webhook: «https://x}"))
    assert found.code == "plain-secret"
    assert_points(found, variant)


def test_a_dedupe_key_cannot_hold_something_unique():
    found, _ = only("Monitoring", ("dedupe: [environment, model, detector, column]", "dedupe: [alarm_id]"))
    assert found.code == "invalid-choice"


def test_the_example_has_every_kind_of_detector_and_trigger():
    monitoring = parse("Monitoring")
    kinds = {detector.kind for detector in monitoring.detectors.values()}
    assert kinds == {*DETECTORS, "concept", "performance"}
    assert {t.kind for t in monitoring.retrain.triggers} == {"drift", "performance", "schedule", "new_rows", "age"}
