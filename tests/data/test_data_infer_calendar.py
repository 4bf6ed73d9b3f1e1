"""Parts of the moment of a row that become features: where they tell something, and nothing else says it."""

from datetime import datetime, timedelta

import pytest
from infer_files import proposal, table

from mlops_runner.specs.data import Data
from mlops_runner.specs.locations import load_yaml
from mlops_runner.starter.data_text import data_text

START = datetime.fromisoformat("2022-01-03T00:00:00")


def hours(count, every=1):
    return [START + timedelta(hours=every * i) for i in range(count)]


def noise(count):
    return [(i * 7919) % 1009 / 100 for i in range(count)]


def proposed(tmp_path, moments, target, **columns):
    known = {"at": moments, "x": noise(len(moments)), **columns, "y": target}
    return proposal(tmp_path, table(known))


def test_the_hour_brings_the_weekday_because_days_off_have_other_hours(tmp_path):
    moments = hours(24 * 60)
    y = [10 * (7 <= m.hour < 9) + e for m, e in zip(moments, noise(len(moments)), strict=True)]
    assert proposed(tmp_path, moments, y).calendar == ("weekday", "hour")


def test_the_weekday_of_a_day_is_found_and_the_month_where_all_were_seen(tmp_path):
    days = hours(3 * 365, every=24)
    weekly = [5 * (m.weekday() > 4) + e for m, e in zip(days, noise(len(days)), strict=True)]
    assert proposed(tmp_path, [f"{m:%Y-%m-%d}" for m in days], weekly).calendar == ("weekday",)
    yearly = [5 * (m.month > 6) + e for m, e in zip(days, noise(len(days)), strict=True)]
    assert proposed(tmp_path, [f"{m:%Y-%m-%d}" for m in days], yearly).calendar == ("month",)
    assert proposed(tmp_path, [f"{m:%Y-%m-%d}" for m in days[:300]], yearly[:300]).calendar == ()


def test_classes_are_looked_at_one_by_one(tmp_path):
    moments = hours(24 * 40)
    y = ["night" if m.hour < 6 else "abb"[i % 3] for i, m in enumerate(moments)]
    assert "hour" in proposed(tmp_path, moments, y).calendar


def test_what_a_feature_holds_already_under_any_name_is_not_made_again(tmp_path):
    moments = hours(24 * 60)
    y = [10 * (7 <= m.hour < 9) + e for m, e in zip(moments, noise(len(moments)), strict=True)]
    clock = [f"h{m.hour}" for m in moments]
    assert proposed(tmp_path, moments, y, clock=clock).calendar == ()


@pytest.mark.parametrize(
    "target",
    [
        [(i * 104729) % 997 for i in range(24 * 60)],
        ["yes" if (i * 104729) % 997 < 300 else "no" for i in range(24 * 60)],
    ],
)
def test_chance_makes_no_features(tmp_path, target):
    assert proposed(tmp_path, hours(24 * 60), target).calendar == ()


def test_the_document_derives_the_parts(tmp_path):
    moments = hours(24 * 60)
    y = [10 * (7 <= m.hour < 9) + e for m, e in zip(moments, noise(len(moments)), strict=True)]
    text = data_text("t", proposed(tmp_path, moments, y))
    assert "- {kind: calendar, columns: [at], parts: [weekday, hour]}" in text
    spec = Data.model_validate(load_yaml(text.encode(), "specs/data.yaml").value, strict=False)
    assert spec.with_role("feature") == ("x", "at_weekday", "at_hour")
