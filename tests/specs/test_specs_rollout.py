# ruff: noqa: E501
import re
import textwrap

import pytest
from pydantic import BaseModel
from spec_texts import assert_points, broken, diagnose, marked, only, parse

from mlops_runner.specs.base import seconds
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.reference import sections
from mlops_runner.specs.rollout import Rollout, rollout_warnings
from mlops_runner.specs.rollout_metrics import SUITABLE
from mlops_runner.specs.schema import KINDS, model_of

HEAD = "apiVersion: mlops/v1\nkind: Rollout\nname: churn\n"


def spec(body="preset: progressive-3\n"):
    return Rollout.model_validate(load_yaml((HEAD + textwrap.dedent(body)).encode(), "rollout.yaml").value)


def finding(body):
    variant = marked(HEAD + textwrap.dedent(body))
    found = diagnose("Rollout", variant.text)
    assert len(found) == 1, [str(d) for d in found]
    if variant.line:
        assert_points(found[0], variant)
    return found[0]


def test_defaults_are_those_of_a_careful_canary():
    rollout = spec()
    assert (rollout.strategy, rollout.authority) == ("canary", "commit")
    assert (rollout.assignment.unit.source, rollout.assignment.on_missing) == ("request_id", "stable")
    assert (rollout.assignment.hash, rollout.assignment.salt, rollout.assignment.buckets) == (
        "sha256-u64/v1",
        None,
        10_000,
    )
    assert (rollout.assignment.control, rollout.assignment.overrides) == ("auto", ())
    assert (rollout.bake.duration, rollout.bake.keep_stable_warm, rollout.bake.compare) == (
        "24h",
        True,
        "reverse_shadow",
    )
    assert (rollout.decision.alpha, rollout.decision.correction, rollout.decision.require) == (
        0.05,
        "bonferroni",
        "no_harm",
    )
    assert (rollout.decision.evaluate_every, rollout.decision.on_fail, rollout.decision.on_inconclusive) == (
        "60s",
        "rollback",
        "hold",
    )
    assert (rollout.decision.on_no_traffic.after, rollout.decision.on_no_traffic.do) == ("24h", "hold")
    assert (rollout.decision.on_metric_error.after, rollout.decision.on_metric_error.do) == (10, "hold")
    assert (rollout.srm.method, rollout.srm.alpha, rollout.srm.concentration) == ("sequential", 0.001, 1000)
    assert (rollout.srm.min_units, rollout.srm.do, rollout.progress_deadline) == (200, "hold", "10m")
    assert (rollout.rollback.to, rollout.rollback.speed, rollout.rollback.quarantine) == (
        "last_verified",
        "immediate",
        True,
    )
    assert (rollout.rollback.write_back, rollout.rollback.auto_merge) == ("pull_request", True)
    assert (rollout.rollback.max_evidence_age, rollout.notify) == ("20m", ())


def test_the_five_hard_stops_are_on_by_default():
    stops = spec().hard_stops
    assert [stop.when for stop in stops] == [
        "load_failed",
        "invalid_output",
        "consecutive_errors",
        "error_rate",
        "unhealthy",
    ]
    assert (stops[1].count, stops[2].count, stops[4].count) == (1, 5, 3)
    assert (stops[3].above, stops[3].min_requests, stops[3].window) == (0.5, 10, "1m")


def test_a_hold_lasts_ten_minutes_to_a_day_by_default():
    hold = spec().ladder()[0].hold
    assert (hold.min_duration, hold.max_duration, hold.min_samples) == ("10m", "24h", "auto")


@pytest.mark.parametrize(
    ("preset", "weights"), [("progressive-3", [10, 50, 100]), ("progressive-6", [2, 5, 10, 25, 75, 100])]
)
def test_a_preset_is_a_ladder_with_named_steps(preset, weights):
    steps = spec(f"preset: {preset}\n").ladder()
    assert [step.weight for step in steps] == weights
    assert [step.name for step in steps] == [f"s{weight}" for weight in weights]


def test_given_steps_are_the_ladder():
    assert [step.name for step in parse("Rollout").ladder()] == ["shadow", "s10", "s50", "full"]


STEP = "{{name: {}, weight: {}}}"


def ladder(*weights):
    return "steps:\n" + "".join(f"- {STEP.format(f's{i}', weight)}\n" for i, weight in enumerate(weights))


BROKEN = [
    ("bake: {duration: 1d}\n", "missing-ladder", "a rollout needs preset or steps"),
    ("preset: «progressive-3\n" + ladder(100), "two-ladders", "preset progressive-3 and 1 steps are both given"),
    ("steps:\n- «name: a\n- {name: b, weight: 100}\n", "empty-step", 'step "a" has neither weight nor mirror'),
    ("steps:\n- {name: b, weight: 100, mirror: «5}\n", "two-shares", 'step "b" has weight 100 and mirror 5'),
    ("steps:\n- {name: a, weight: 1}\n- {name: «a, weight: 100}\n", "duplicate-step", 'step 2 is called "a", like step 1'),
    ("steps:\n- {name: «bake, weight: 100}\n", "reserved-name", 'a step cannot be called "bake": that is the time after the last step'),
    ("steps:\n- {name: a, weight: 50}\n- {name: b, weight: «10}\n- {name: c, weight: 100}\n", "weight-decreases", 'step "b" has weight 10, after 50 in step "a"'),
    ("steps:\n«- {name: a, weight: 10}\n", "unfinished-ladder", "the last weight of a canary must be 100, here the weights are 10"),
    ("steps:\n«- {name: a, mirror: 10}\n", "unfinished-ladder", "the last weight of a canary must be 100, here the weights are none"),
    ("strategy: blue_green\nsteps:\n«- {name: a, weight: 0}\n- {name: b, weight: 50}\n- {name: c, weight: 100}\n", "blue-green-steps", "blue_green has the weights 0 and 100 only, here they are 0, 50, 100"),
    ("strategy: blue_green\npreset: «progressive-3\n", "blue-green-steps", "blue_green has the weights 0 and 100 only, here they are 10, 50, 100"),
    ("strategy: shadow\nsteps:\n«- {name: a, mirror: 50}\n- {name: b, weight: 1}\n", "shadow-weight", "a shadow rollout only mirrors, here the weights are 1"),
    ("strategy: shadow\npreset: «progressive-3\n", "shadow-weight", "a shadow rollout only mirrors, here the weights are 10, 50, 100"),
    ("strategy: ab_test\nsteps:\n«- {name: a, weight: 100}\n", "ab-test-weights", "an ab_test has one weight between 1 and 99, here the weights are 100"),
    ("strategy: ab_test\nsteps:\n«- {name: a, weight: 10}\n- {name: b, weight: 50}\n", "ab-test-weights", "an ab_test has one weight between 1 and 99, here the weights are 10, 50"),
    ("strategy: ab_test\n" + ladder(50) + "decision: {on_inconclusive: «promote}\n", "ab-test-promotes", "an ab_test never promotes by itself, but on_inconclusive is promote"),
    ("steps:\n- name: a\n  weight: 100\n  hold: «{min_duration: 2h, max_duration: 1h}\n", "hold-too-short", "min_duration 2h is longer than max_duration 1h"),
    ("steps:\n- name: a\n  weight: 100\n  hold: «{max_duration: 5m}\n", "hold-too-short", "min_duration 10m is longer than max_duration 5m"),
    ("preset: progressive-3\nbake: «{compare: holdback}\n", "missing-holdback", "compare: holdback needs the share to hold back"),
    ("preset: progressive-3\nbake: «{holdback: 5}\n", "needless-holdback", "5 % are held back, but compare is reverse_shadow"),
    ("preset: progressive-3\nbake: «{keep_stable_warm: false}\n", "cold-control", "compare: reverse_shadow needs the stable model, but keep_stable_warm is false"),
    ("preset: progressive-3\nassignment: {unit: «{source: header}}\n", "missing-unit-name", "a unit from a header needs its name"),
    ("preset: progressive-3\nassignment: {unit: «{name: x}}\n", "needless-unit-name", 'a unit from the request_id has no name, here it is "x"'),
    ("preset: progressive-3\naccept_unsupported: [«assignments.salt]\n", "unknown-field", 'accept_unsupported names "assignments.salt", which is not a field of a Rollout'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "message"), BROKEN)
def test_a_ladder_that_makes_no_sense_is_refused_with_its_numbers(body, code, message):
    found = finding(body)
    assert (found.code, found.message) == (code, message)
    assert found.hint


def metrics(*lines):
    return "preset: progressive-3\nmetrics:\n" + "".join(f"- {line}\n" for line in lines)


ERRORS = "{name: errors, source: {gateway: error}}"

BROKEN_METRICS = [
    (metrics(ERRORS, "{name: «errors, source: {gateway: features}}"), "duplicate-metric", 'metric 2 is called "errors", like metric 1'),
    (metrics("{name: slow, source: «{gateway: latency}}"), "missing-over", "latency needs over: what counts as slow"),
    (metrics("{name: e, source: {gateway: error, over: «1s}}"), "needless-over", "over 1s only makes sense for latency, not for error"),
    (metrics("{name: e, source: {gateway: error}, test: {kind: «paired_sign}}"), "unpaired-source", 'paired_sign compares answers to the same request, which "gateway error" does not have'),
    (metrics("{name: e, source: {gateway: error}, test: {kind: «threshold, max: 0.1}}"), "unsuited-test", 'test threshold does not suit the source "gateway error"'),
    (metrics("{name: d, source: {gateway: features}, test: {kind: «rate_ratio}}"), "unsuited-test", 'test rate_ratio does not suit the source "gateway features"'),
    (metrics("{name: a, source: {shadow: agreement}, test: «{kind: threshold}}"), "missing-limit", "a threshold needs min or max"),
    (metrics("{name: a, source: {shadow: agreement}, test: {kind: threshold, min: «0.9, max: 0.1}}"), "empty-range", "min 0.9 is above max 0.1: no value can pass"),
    (metrics("«{name: clicks, source: {http: 'https://m.example/clicks'}}"), "missing-test", 'metric "clicks" reads a URL and needs a test with its limits'),
    (metrics("{name: e, source: {gateway: error}, required_at: [s10, «s51]}"), "unknown-step", 'metric "e" is required at "s51", which is not a step of this canary'),
    (metrics("{name: a, source: {labels: correct, maturity: 7d}, required_at: [bake]}") + "bake: {duration: «5d}\n", "bake-too-short", 'bake lasts 5d, but labels of "a" mature after 7d: 2d are missing'),
    (metrics("{name: a, source: {labels: correct, maturity: 7d}, required_at: [bake]}") + "bake: {duration: «7d}\n", "bake-too-short", 'bake lasts 7d, but labels of "a" mature after 7d: not a second is left to collect them'),
    (metrics("{name: a, source: {labels: correct, maturity: 36h}}"), "bake-too-short", 'bake lasts 24h, but labels of "a" mature after 36h: 12h are missing'),
    (metrics("{name: s, source: {labels: score, maturity: 1h}}") + "assignment: {control: «rest}\n", "unsuited-control", 'metric "s" compares means, which needs a control as large as the canary, not the rest'),
    (metrics("{name: e, source: {http: «'ftp://x/'}, test: {kind: threshold, max: 1}}"), "invalid-url", "this is not a URL"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "message"), BROKEN_METRICS)
def test_a_metric_that_can_never_decide_is_refused_with_its_numbers(body, code, message):
    found = finding(body)
    assert (found.code, found.message) == (code, message)
    assert found.hint


def test_bake_is_no_step_of_a_shadow_rollout():
    body = "strategy: shadow\nsteps:\n- {name: watch, mirror: 100}\nmetrics:\n- {name: a, source: {shadow: agreement}, required_at: [«bake]}\n"
    assert finding(body).message == 'metric "a" is required at "bake", which is not a step of this shadow'


def test_labels_not_required_at_bake_do_not_lengthen_it():
    assert (
        spec(metrics("{name: a, source: {labels: correct, maturity: 7d}, required_at: [s10]}")).bake.duration == "24h"
    )


def test_every_broken_rule_is_reported_at_once():
    found = diagnose("Rollout", HEAD + "steps:\n- {name: a, weight: 50}\n- {name: a, weight: 10}\n")
    assert {d.code for d in found} == {"duplicate-step", "weight-decreases", "unfinished-ladder"}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("{gateway: error}", "rate_ratio"),
        ("{gateway: latency, over: 1s}", "rate_ratio"),
        ("{gateway: prediction}", "ks"),
        ("{gateway: features}", "psi"),
        ("{shadow: agreement}", "threshold"),
        ("{labels: correct, maturity: 1h}", "paired_sign"),
        ("{labels: score, maturity: 1h}", "mean_diff"),
    ],
)
def test_a_metric_without_a_test_gets_the_one_that_suits_its_source(source, kind):
    (metric,) = spec(metrics(f"{{name: m, source: {source}}}")).metrics
    assert metric.chosen_test().kind == kind
    assert SUITABLE[metric.source_name()][0] == kind


def test_tests_have_the_documented_defaults():
    lines = (
        "{name: a, source: {gateway: error}, test: {kind: rate_ratio}}",
        "{name: b, source: {labels: correct, maturity: 1h}, test: {kind: paired_sign}}",
        "{name: c, source: {labels: score, maturity: 1h}, test: {kind: mean_diff}}",
    )
    ratio, paired, mean = (metric.test for metric in spec(metrics(*lines)).metrics)
    assert (ratio.harmful, ratio.min_harm, ratio.margin) == ("increase", 1.25, 2.0)
    assert (paired.harmful, paired.margin, mean.margin) == ("increase", 0.02, 0.02)


def test_all_steps_and_the_bake_wait_for_a_metric_without_required_at():
    metric = spec(metrics(ERRORS)).metrics[0]
    assert metric.is_required_at("s10")
    assert metric.is_required_at("bake")


def warned(body):
    document = load_yaml((HEAD + body).encode(), "rollout.yaml")
    return rollout_warnings(Rollout.model_validate(document.value), document)


def test_more_than_five_guardrails_are_a_warning_not_an_error():
    (found,) = warned(metrics(*(f"{{name: m{i}, source: {{gateway: error}}}}" for i in range(6))))
    assert (found.code, found.severity) == ("many-guardrails", "warning")
    assert found.message.startswith("6 metrics are guardrails")
    assert found.place.line == 6


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (metrics("{name: d, source: {gateway: features}}"), "drift-blamed"),
        (metrics(ERRORS) + "bake: {compare: none}\n", "bake-without-control"),
        (metrics("{name: a, source: {labels: correct, maturity: 25h}, required_at: [s50]}"), "labels-too-late"),
    ],
)
def test_what_is_rarely_wise_is_a_warning(body, code):
    assert [found.code for found in warned(body)] == [code]


def test_five_guardrails_and_the_example_are_no_warning():
    assert warned(metrics(*(f"{{name: m{i}, source: {{gateway: error}}}}" for i in range(5)))) == []
    assert rollout_warnings(parse("Rollout")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_a_word_that_yaml_readers_take_for_a_boolean(kind):
    names = {name for section in sections(model_of(kind)) for name in section.model.model_fields}
    assert not names & {"on", "off", "yes", "no", "y", "n", "true", "false", "null"}


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_snake_case_and_described(kind):
    for section in sections(model_of(kind)):
        for name, info in section.model.model_fields.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*|apiVersion", name)
            telling = info.annotation.__class__.__name__ == "_LiteralGenericAlias" and info.is_required()
            assert info.description or telling, f"{section.path}.{name}"


def test_a_secret_written_as_text_is_refused():
    found, variant = only("Rollout", ("{secret: MLOPS_WEBHOOK_URL}", "«MLOPS_WEBHOOK_URL"))
    assert found.code == "plain-secret"
    assert_points(found, variant)


def test_a_rollout_is_immutable():
    rollout = spec()
    assert isinstance(rollout, BaseModel)
    with pytest.raises(ValueError, match="frozen"):
        rollout.strategy = "shadow"


def test_the_example_bakes_longer_than_its_labels_take():
    example = parse("Rollout")
    longest = max(seconds(m.source.maturity) for m in example.metrics if hasattr(m.source, "maturity"))
    assert seconds(example.bake.duration) > longest


def test_a_decreasing_preset_like_ladder_names_the_first_higher_step():
    variant = broken("Rollout", ("  weight: 50", "  weight: «5"))
    (found,) = diagnose("Rollout", variant.text)
    assert found.message == 'step "s50" has weight 5, after 10 in step "s10"'
    assert_points(found, variant)
