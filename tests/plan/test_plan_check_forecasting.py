"""What a forecasting task demands of the data: code, message, way out and place of each refusal."""

import re
from pathlib import Path

import pytest
from small_project import core_of, write

from mlops_runner.errors import InvalidInput
from mlops_runner.plan.check import check_core
from mlops_runner.plan.compile import compile_steps

NEAR = '"%s" looks at "%s" %s before the row, and a forecast is made 7 before it: the value is not known then'
PAGE = Path(__file__).resolve().parents[2] / "docs" / "forecasting.md"
DATA, TRAINING = "specs/data.yaml", "specs/training.yaml"
TEXTS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
EDITS = [(text.splitlines()[0].removeprefix("# "), text) for text in TEXTS]
MARK = "«"


def project(folder, file=DATA, old="", new=""):
    """Write the project of the page with one edit; return line and column of the mark in it."""
    write(folder)
    for name, text in EDITS:
        assert name != file or old in text
        edited = text.replace(old, new, 1) if name == file else text
        if MARK in edited:
            before = edited[: edited.index(MARK)]
            place = (name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        (folder / name).write_text(edited.replace(MARK, ""))
    return place if MARK in new else None


def test_the_project_of_the_page_is_right(tmp_path):
    project(tmp_path)
    assert list(check_core(core_of(tmp_path))) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "message", "hint"),
    [
        (DATA, "steps: [7, 14, 21]", "steps: [7, 14, «6]", "short-lag",
         NEAR % ("sales_lag_6", "sales", "6 steps"), "take 7 steps or more"),
        (DATA, "columns: [visitors], steps: [7]", "columns: [visitors], steps: [«1]", "short-lag",
         NEAR % ("visitors_lag_1", "visitors", "1 step"), "take 7 steps or more, or name it in series.known"),
        (DATA, "kind: difference, columns: [sales], shift: 7", "kind: difference, columns: [sales], shift: «2",
         "short-lag", NEAR % ("sales_diff_2_7", "sales", "2 steps"), "take 7 steps or more"),
        (DATA, "visitors: {type: float, role: ignored}", "visitors: «{type: float}", "unknown-future",
         '"visitors" is a feature, and is not said to be known in advance: a forecast would need its future',
         "name it under series.known, or give it the role ignored and derive its lags"),
        (DATA, "known: [weekday, open]", "known: [weekday, open, «sales]", "target-leak",
         '"sales" is the target: it is what is not known in advance', "remove it"),
        (DATA, "kind: time, time: day,", "kind: «random, seed: 1,", "no-time-split",
         "a random split lets training see the future of the rows that a forecast is measured on",
         "split: {kind: time, time: …}"),
        (DATA, "kind: time, time: day,", "kind: time, time: «weekday,", "other-time",
         'the split is by "weekday", the series are ordered by "day"', "time: day"),
        (TRAINING, "columns: [sales_lag_7, ", "columns: [«sales_lag_9, ", "not-a-lag",
         'naive names "sales_lag_9", which is not a lag of the target "sales"', 'did you mean "sales_lag_7"?'),
        (TRAINING, "columns: [sales_lag_7, ", "columns: [«visitors_lag_7, ", "not-a-lag",
         'naive names "visitors_lag_7", which is not a lag of the target "sales"', 'did you mean "sales_lag_7"?'),
        (TRAINING, "rounds: 60", "rounds: 60, search: «{metric: mase, space: {eta: {values: [0.1]}}}", "scaled-metric",
         "the search of boosted is measured by mase, whose scale is that of the whole training side",
         "search: {metric: mae, …}"),
    ],
)  # fmt: skip
def test_what_a_forecast_cannot_know_is_refused(tmp_path, file, old, new, code, message, hint):
    place = project(tmp_path, file, old, new)
    found = [one for one in check_core(core_of(tmp_path)) if one.code == code]
    assert [(one.message, one.hint) for one in found] == [(message, hint)]
    assert (found[0].place.file, found[0].place.line, found[0].place.column) == place


def test_blocks_of_moments_are_for_forecasts_without_groups(tmp_path):
    project(tmp_path, "specs/evaluation.yaml", "slices:", "intervals: {block: 14}\nslices:")
    assert list(check_core(core_of(tmp_path))) == []
    place = project(tmp_path, "specs/evaluation.yaml", "slices:", "intervals: {block: «14}\nslices:")
    data = (tmp_path / DATA).read_text()
    (tmp_path / DATA).write_text(data.replace("shop: {type: string}", "shop: {type: string, role: group}"))
    (found,) = check_core(core_of(tmp_path))
    assert (found.code, found.message) == ("needless-block", 'groups of "shop" are drawn whole, over all their moments')
    assert (found.place.file, found.place.line, found.place.column) == place
    training = (tmp_path / TRAINING).read_text().replace("task: forecasting\nhorizon: 7\nseason: 7", "task: regression")
    (tmp_path / TRAINING).write_text(re.sub(r"baseline:.*", "baseline: {trainer: xgboost}", training))
    found = next(one for one in check_core(core_of(tmp_path)) if one.code == "needless-block")
    assert found.message == "blocks of moments are for forecasting; this task is regression"


def test_a_lag_of_what_is_known_in_advance_may_be_short(tmp_path):
    project(tmp_path, DATA, "columns: [visitors], steps: [7]", "columns: [weekday], steps: [1]")
    assert list(check_core(core_of(tmp_path))) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("horizon: 7\n", "", "missing-horizon"),
        ("horizon: 7", "horizon: 0", "out-of-range"),
        ("task: forecasting\nhorizon: 7\nseason: 7", "task: regression\nhorizon: 7", "needless-horizon"),
        ("task: forecasting\nhorizon: 7\nseason: 7", "task: regression", "wrong-task"),
        ("columns: [sales_lag_7, sales_lag_14]", "columns: []", "out-of-range"),
    ],
)
def test_a_task_and_its_horizon_belong_together(tmp_path, old, new, code):
    project(tmp_path, TRAINING, old, new)
    with pytest.raises(InvalidInput) as caught:
        core_of(tmp_path)
    assert code in {one.code for one in caught.value.diagnostics}


def test_a_forecast_without_series_is_refused(tmp_path):
    project(tmp_path)
    text = (tmp_path / DATA).read_text()
    (tmp_path / DATA).write_text(re.sub(r"series:.*(?=split:)", "", text, flags=re.DOTALL))
    found = next(one for one in check_core(core_of(tmp_path)) if one.code == "no-series")
    assert (found.place.file, found.place.line) == (TRAINING, 5)


def test_another_horizon_measures_again_and_trains_nothing_again(tmp_path):
    project(tmp_path)
    before = {step.name: step.config for step in compile_steps(core_of(tmp_path))}
    project(tmp_path, TRAINING, "horizon: 7", "horizon: 6")
    after = {step.name: step.config for step in compile_steps(core_of(tmp_path))}
    assert [name for name in after if after[name] != before[name]] == ["evaluate"]


def test_derived_columns_are_features_of_every_step_that_reads_rows(tmp_path):
    project(tmp_path)
    steps = {step.name: step for step in compile_steps(core_of(tmp_path))}
    for name in ("train.ridge", "evaluate", "package"):
        assert steps[name].config["columns"]["sales_mean_7_28"]["type"] == "float"
        assert steps[name].config["columns"]["sales_lag_7"]["type"] == "int"
    assert "preprocessing" not in steps["train.baseline"].config


def test_parts_of_the_moment_of_a_row_are_known_and_those_of_another_date_are_not(tmp_path):
    step = "{kind: calendar, columns: [day], parts: [month]}"
    project(tmp_path, DATA, "derived:\n", f"derived:\n  - {step}\n")
    assert list(check_core(core_of(tmp_path))) == []
    project(tmp_path, DATA, "derived:\n", f"derived:\n  - {step.replace('day', 'delivered')}\n")
    data = (tmp_path / DATA).read_text()
    (tmp_path / DATA).write_text(data.replace("series:", "  delivered: {type: date, role: ignored}\nseries:"))
    (found,) = check_core(core_of(tmp_path))
    message = '"delivered_month" is a part of "delivered", which is not said to be known in advance'
    assert (found.code, found.message) == ("unknown-future", message)
