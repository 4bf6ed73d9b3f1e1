"""What the worker imports, and in which order: a fit need not wait for what evaluates it."""

import pytest

from mlops_runner.execute.handlers import levels
from mlops_runner.plan.steps import Step

BOOSTED = Step("train.boosted", "train", 1, {"trainer": {"trainer": "xgboost"}}, {}, "out")
SEARCHED = Step("search.linear", "search", 1, {"trainer": {"trainer": "sklearn"}}, {}, "out")
DATA, EVALUATE, PACKAGE = (Step(kind, kind, 1, {}, {}, "out") for kind in ("data", "evaluate", "package"))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([DATA, BOOSTED, EVALUATE], [(1, {"data", "source"}), (3, {"train", "fit", "search", "refit"}), (3, set())]),
        ([BOOSTED, EVALUATE, PACKAGE], [(3, {"train", "fit", "search", "refit"}), (3, set())]),
        ([EVALUATE, PACKAGE], [(3, set())]),
        ([DATA], [(3, set())]),
    ],
)
def test_the_last_level_serves_every_kind(steps, expected):
    assert [(level.lanes, set(level.kinds)) for level in levels(steps, 3)] == expected


def test_what_only_estimators_need_is_imported_behind_a_booster():
    first, last = levels([BOOSTED, EVALUATE], 1)
    assert "skops.io" not in first.modules
    assert "skops.io" in last.modules
    assert "skops.io" in levels([BOOSTED, SEARCHED, EVALUATE], 1)[0].modules
