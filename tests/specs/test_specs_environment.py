# ruff: noqa: E501
import re

import pytest
from spec_texts import assert_points, broken, diagnose, only, parse

from mlops_runner.specs.cron import parse_cron
from mlops_runner.specs.environment import Environment
from mlops_runner.specs.locations import load_yaml

MINIMAL = "apiVersion: mlops/v1\nkind: Environment\nname: staging\nservice: churn\nmodels: {stable: null}\n"
ZEROS, ONES, THREES = (f"sha256:{digit * 64}" for digit in "013")
CEILING = "ceiling: {step: s10, weight: 10}"
CANDIDATE = f"  candidate:\n    version: 8\n    digest: {ONES}"


def minimal():
    return Environment.model_validate(load_yaml(MINIMAL.encode(), "staging.yaml").value)


def test_an_environment_before_its_first_model_is_valid():
    environment = minimal()
    assert (environment.models.stable, environment.models.candidate) == (None, None)
    assert (environment.rollout.id, environment.rollout.ceiling.weight, environment.rollout.paused) == (0, 0, False)


def test_defaults_are_safe():
    environment = minimal()
    assert (environment.engine, environment.serving.host, environment.serving.port) == ("embedded", "127.0.0.1", 8080)
    assert (environment.serving.max_models, environment.history.keep, environment.history.warm) == (3, 10, 1)
    assert environment.approvals.model_dump() == {
        "advance": 0,
        "manual_gate": 1,
        "quarantine_override": 2,
        "codeowners": True,
    }
    assert environment.reconcile.model_dump() == {
        "source": None,
        "interval": "30s",
        "self_heal": True,
        "stale_after": "15m",
        "on_source_unavailable": "freeze",
        "require_signed_commits": False,
    }
    assert environment.write_back.model_dump() == {
        "mode": "pull_request",
        "branch_prefix": "mlops/rollback",
        "identity": "github-app",
        "precondition": "candidate_digest",
        "outbox": ".mlops/outbox",
    }
    assert not environment.promotion_hold.active


BROKEN = [
    (f"    version: 8\n    digest: {ONES}", f"    version: 8\n    digest: «{ZEROS}", "same-model", "candidate version 8 is the same model as stable version 7"),
    (f"  stable:\n    version: 7\n    digest: {ZEROS}\n  candidate:\n    version: 8", "  stable: null\n  candidate:\n    «version: 8", "no-stable", "candidate version 8 has no stable model to fall back to"),
    (f"    version: 8\n    digest: {ONES}", f"    version: 8\n    digest: «{THREES}", "quarantined-model", "candidate version 8 is in quarantine: errors: E=64.2 >= 60"),
    (f"    version: 7\n    digest: {ZEROS}", f"    version: 7\n    digest: «{THREES}", "quarantined-model", "stable version 7 is in quarantine: errors: E=64.2 >= 60"),
    (f"{CANDIDATE}\nrollout:\n  id: 42", "rollout:\n  id: 42", "ceiling-without-candidate", "the ceiling is 10 %, but there is no candidate"),
    ("  policy: specs/rollout.yaml\n  policy_digest: sha256:2222222222222222222222222222222222222222222222222222222222222222", "  policy: «specs/rollout.yaml", "unpinned-policy", "specs/rollout.yaml is not pinned, but candidate version 8 depends on it"),
    ("  policy: specs/rollout.yaml\n  policy_digest: ", "  policy_digest: «", "missing-policy", "policy_digest is given without policy"),
    ("  at: \"2026-08-01T10:00:00Z\"\n", f"  at: \"2026-08-01T10:00:00Z\"\n- {{digest: «{THREES}, reason: again, by: ci, at: \"2026-08-02T10:00:00Z\"}}\n", "duplicate-quarantine", "entry 2 bars sha256:333333333333…, like entry 1"),
    ("promotion_hold: {active: false,", "promotion_hold: «{active: true,", "unexplained-hold", "an active promotion_hold needs since and reason"),
    ("promotion_hold: {active: false, since: null,", "promotion_hold: «{active: true, since: \"2026-08-01T10:00:00Z\",", "unexplained-hold", "an active promotion_hold needs reason"),
    ("  stale_after: 15m", "  stale_after: «20s", "stale-too-soon", "stale_after 20s is shorter than interval 30s"),
    ("history: {keep: 10, warm: 1}", "history: {keep: 10, warm: «4}", "too-many-warm", "4 models are kept warm, but only 3 can be"),
    ("  duration: 63h", "  duration: «63 hours", "invalid-duration", '"63 hours" is not a duration'),
    ("  branch_prefix: mlops/rollback", "  branch_prefix: «a..b", "invalid-branch", '"a..b" is not the name of a branch'),
    ("  outbox: .mlops/outbox", "  outbox: «/tmp/outbox", "invalid-path", 'path "/tmp/outbox" is not inside .mlops'),
    ("host: 127.0.0.1", "host: «a b", "invalid-host", '"a b" is not a host'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "message"), BROKEN)
def test_an_environment_that_contradicts_itself_is_refused_with_its_numbers(old, new, code, message):
    found, variant = only("Environment", (old, new))
    assert (found.code, found.message) == (code, message)
    assert found.hint
    if variant.line:
        assert_points(found, variant)


OVERRIDE = '  at: "2026-08-01T10:00:00Z"\n  override: {{reason: harmless, approvals: [{}]}}\n'


def overridden(names):
    return (
        (f"version: 8\n    digest: {ONES}", f"version: 8\n    digest: {THREES}"),
        ('  at: "2026-08-01T10:00:00Z"\n', OVERRIDE.format(names)),
    )


def test_a_barred_candidate_with_enough_approvals_is_allowed():
    assert parse("Environment", *overridden("ada, grace")).models.candidate.digest == THREES


def test_the_same_person_approves_an_override_once():
    found, _ = only("Environment", *overridden("ada, ada"))
    assert (found.code, found.message) == ("too-few-approvals", "the override has 1 approvals, 2 are needed")


REPO = "https://github.com/acme/churn"


@pytest.mark.parametrize(
    "url",
    [
        "https://ci:hunter2@github.com/acme/churn",
        "https://hunter2@github.com/acme/churn",
        "ssh://git:hunter2@github.com/acme/churn",
        "git:hunter2@github.com:acme/churn.git",
        "https://github.com/acme/churn?token=hunter2",
    ],
)
def test_a_repository_with_credentials_is_refused_without_repeating_them(url):
    found, variant = only("Environment", (f'"{REPO}"', f'«"{url}"'))
    assert found.code == "url-credentials"
    assert "hunter2" not in f"{found.message} {found.hint}"
    assert_points(found, variant)


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/churn.git",
        "ssh://git@git.example:2222/acme/churn",
        "file:///srv/churn.git",
        "/srv/churn.git",
    ],
)
def test_a_repository_without_credentials_is_accepted(url):
    assert parse("Environment", (REPO, url)).reconcile.source.repo == url


@pytest.mark.parametrize("url", ["--upload-pack=touch x", "ext::sh -c x", "churn", "https://", "https://a b"])
def test_what_git_would_take_for_something_else_is_no_repository(url):
    found, _ = only("Environment", (REPO, url))
    assert found.code == "invalid-repository"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Shanghai"])
def test_a_known_timezone_is_accepted(zone):
    assert parse("Environment", ("timezone: UTC", f"timezone: {zone}")).windows[0].timezone == zone


@pytest.mark.parametrize("zone", ["Berlin", "../etc/passwd", "/etc/localtime", "Europe", "''"])
def test_an_unknown_timezone_is_refused(zone):
    found, _ = only("Environment", ("timezone: UTC", f"timezone: {zone}"))
    assert found.code == "unknown-timezone"


@pytest.mark.parametrize(
    "moment",
    ["2026-08-01", "2026-08-01T10:00:00", "2026-13-01T10:00:00Z", "2026-02-30T10:00:00Z", "2026-08-01 10:00:00Z"],
)
def test_a_moment_without_zone_or_date_is_refused(moment):
    found, _ = only("Environment", ("2026-08-01T10:00:00Z", moment))
    assert found.code == "invalid-timestamp"


def test_a_moment_with_an_offset_and_fractions_is_accepted():
    environment = parse("Environment", ("2026-08-01T10:00:00Z", "2026-08-01T10:00:00.25+02:00"))
    assert environment.quarantine[0].at == "2026-08-01T10:00:00.25+02:00"


def test_every_contradiction_is_reported_at_once():
    variant = broken("Environment", ("stale_after: 15m", "stale_after: 1s"), ("active: false", "active: true"))
    assert {d.code for d in diagnose("Environment", variant.text)} == {"stale-too-soon", "unexplained-hold"}


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("*/20 * * * *", "minutes", {0, 20, 40}),
        ("5/30 * * * *", "minutes", {5, 35}),
        ("0 9-17/4 * * *", "hours", {9, 13, 17}),
        ("0 0 1,15 * *", "days", {1, 15}),
        ("0 0 * JAN-mar *", "months", {1, 2, 3}),
        ("0 0 * * mon-FRI", "weekdays", {1, 2, 3, 4, 5}),
        ("0 0 * * 5-7", "weekdays", {0, 5, 6}),
        ("0 0 * * */3", "weekdays", {0, 3, 6}),
    ],
)
def test_a_cron_field_is_the_set_of_its_values(text, field, values):
    assert getattr(parse_cron(text), field) == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has 0 fields, not 5"),
        ("0 17 * *", "it has 4 fields, not 5"),
        ("0 0 0 17 * * 5", "it has 7 fields, not 5"),
        ("60 * * * *", "the minute 60 is outside 0 to 59"),
        ("0 24 * * *", "the hour 24 is outside 0 to 23"),
        ("0 0 0 * *", "the day of the month 0 is outside 1 to 31"),
        ("0 0 * 13 *", "the month 13 is outside 1 to 12"),
        ("0 0 * * 8", "the weekday 8 is outside 0 to 7"),
        ("30-10 * * * *", 'the minute range "30-10" runs backwards'),
        ("*/0 * * * *", "the minute has the step 0; the smallest is 1"),
        ("@daily * * * *", 'the minute has the value "@daily"'),
        ("0 0 * * monday", 'the weekday has the value "monday"'),
        ("1, * * * *", 'the minute has the value ""'),
        ("0 0 30 feb *", "day 30 does not exist in the months it names"),
        ("٣ * * * *", 'the minute has the value "٣"'),
    ],
)
def test_a_cron_expression_that_never_fires_is_refused_with_the_reason(text, why):
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        parse_cron(text)
    assert str(caught.value) == why


def test_a_cron_expression_matches_the_minutes_it_names():
    from datetime import UTC, datetime

    fridays = parse_cron("0 17 * * 5")
    assert fridays.matches(datetime(2026, 8, 7, 17, 0, tzinfo=UTC))
    assert not fridays.matches(datetime(2026, 8, 7, 17, 1, tzinfo=UTC))
    assert not fridays.matches(datetime(2026, 8, 8, 17, 0, tzinfo=UTC))


def test_day_or_weekday_is_enough_when_both_are_given():
    from datetime import UTC, datetime

    either = parse_cron("0 0 13 * fri")
    assert either.matches(datetime(2026, 8, 13, tzinfo=UTC))
    assert either.matches(datetime(2026, 8, 14, tzinfo=UTC))
    assert not either.matches(datetime(2026, 8, 15, tzinfo=UTC))
