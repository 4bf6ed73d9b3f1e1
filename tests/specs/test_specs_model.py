# ruff: noqa: E501
import pytest
from spec_texts import assert_points, only, parse


def test_the_example_is_a_registered_version():
    model = parse("Model")
    assert (model.name, model.version, model.task) == ("churn", 8, "binary")
    assert model.metrics["test.roc_auc"].interval == (0.8702, 0.9034)
    assert model.gates["fair-to-new"] == "unmeasured"
    assert model.archived is None


def test_an_archived_version_says_when_and_why():
    model = parse("Model", ("archived: null ", 'archived: {at: "2026-08-01T10:00:00Z", reason: replaced} '))
    assert model.archived.reason == "replaced"


BROKEN = [
    ("key: k1:11111111111111111111111111111111\nstages", "key: «k1:99999999999999999999999999999999\nstages", "foreign-key", "key k1:99999999… is not the key of any of the 3 stages"),
    ("interval: [0.8702, 0.9034]", "interval: «[0.9034, 0.8702]", "value-outside-interval", 'metric "test.roc_auc" is 0.8871, outside its interval 0.9034 to 0.8702'),
    ("{value: 0.8871, interval: [", "{value: 0.5, interval: «[", "value-outside-interval", 'metric "test.roc_auc" is 0.5, outside its interval 0.8702 to 0.9034'),
    ("- {name: age, type: int}", "- {name: «contract, type: int}", "duplicate-column", 'column 4 is called "contract", like column 3'),
    ("key: k1:1", "key: «k2:1", "invalid-value", "key does not have the form ^k1:[0-9a-f]{32}$"),
    ("md5: 0cc175b9c0f1b6a831c399e269772661", "md5: «0CC175B9C0F1B6A831C399E269772661", "invalid-value", "bundle.files.model.ubj.md5 does not have the form ^[0-9a-f]{32}$"),
    ("{value: 0.71}", "{value: «.nan}", "wrong-type", "metrics.test.recall.value must be a finite number, not the number nan"),
    ("registered_by: ci@acme.example", 'registered_by: «""', "out-of-range", "registered_by must have at least 1 character, not 0"),
    ("  good-enough: pass", "  good-enough: «true", "invalid-choice", "gates.good-enough must be one of pass, fail, unmeasured, not true"),
    ("archived: null ", "archived: «{reason: replaced} ", "missing-key", 'archived needs the key "at"'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "message"), BROKEN)
def test_a_version_that_cannot_be_true_is_refused(old, new, code, message):
    found, variant = only("Model", (old, new))
    assert (found.code, found.message) == (code, message)
    if code != "missing-key":
        assert_points(found, variant)
