"""Gates on slices and on groups of rows, with planted differences."""

import numpy as np
import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.values import Groups, Options, Side, Unmeasured
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

ROWS = 600
RNG = np.random.default_rng(9)
TARGET = np.arange(ROWS) % 2
REGION = np.arange(ROWS) // 2 % 3  # as many positives as negatives in each
FEW = np.arange(ROWS) < 3
GROUPS = Groups(("north", "south", "east"), REGION)


def scores(wrong_in_south):
    """Right decisions everywhere, but for a share of the south's positives."""
    missed = (REGION == 1) & (TARGET == 1) & (RNG.permutation(ROWS) < wrong_in_south * ROWS)
    return np.where((TARGET == 1) & ~missed, 0.9, 0.1)


def judged(gate, values, groups=GROUPS, metrics=("recall", "accuracy")):
    slices = {name: {"column": "region", "equals": name} for name in ("north", "south", "few")}
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": metrics, "slices": slices}
    evaluation = Evaluation.model_validate({**head, "gates": {"g": gate}})
    options = Options("binary", ("no", "yes"), Select(metric="accuracy"), evaluation)
    masks = {"north": REGION == 0, "south": REGION == 1, "few": FEW}
    sides = {name: Side(name, TARGET, masks, groups={"g": groups}) for name in ("validation", "test")}
    models = {"baseline": np.full(ROWS, 0.5), "new": values}
    by_side = {name: dict.fromkeys(sides, found) for name, found in models.items()}
    return assess(options, sides, by_side, Extras(seed=1)).gates[0]


SLICES = {"kind": "slices", "metric": "recall", "slices": ("north", "south")}


def test_the_worst_slice_fails_and_is_named():
    gate = judged({**SLICES, "min": 0.9}, scores(0.5))
    assert gate.answer == "fail"
    assert gate.comparison.startswith('on "south" (200 rows) recall 0.')
    assert gate.comparison.endswith("< 0.9; 1 of 2 slices fail")


def test_all_slices_must_pass():
    gate = judged({**SLICES, "min": 0.9}, scores(0))
    assert (gate.answer, gate.comparison.rpartition("; ")[2]) == ("pass", "all 2 slices pass")


def test_a_slice_may_be_a_little_below_the_whole():
    values = scores(0.2)
    assert judged({**SLICES, "max_drop": 0.3}, values).answer == "pass"
    gate = judged({**SLICES, "max_drop": 0.05}, values)
    assert gate.answer == "fail"
    assert "on all rows: drop 0." in gate.comparison


def test_the_drop_has_an_interval_that_may_decide():
    gate = judged({**SLICES, "max_drop": 0.3, "decide_on": "interval"}, scores(0.35))
    assert ": upper end 0." in gate.comparison


def test_a_slice_with_three_rows_is_not_measured():
    gate = judged({**SLICES, "slices": ("north", "few"), "min": 0.5}, scores(0))
    assert (gate.answer, gate.blocks) == ("unmeasured", True)
    assert gate.comparison == (
        'on "few" (3 rows) recall could not be measured: 3 rows < 30; 1 of 2 slices could not be measured'
    )


def test_a_failing_slice_outweighs_one_that_was_not_measured():
    assert judged({**SLICES, "slices": ("south", "few"), "min": 0.9}, scores(0.5)).answer == "fail"


def fair(**more):
    return {"kind": "fairness", "criterion": "equal_opportunity", "column": "region", "max_difference": 0.1, **more}


def test_groups_alike_are_fair():
    gate = judged(fair(), scores(0))
    assert (gate.answer, gate.finding.value) == ("pass", 0.0)


def test_a_planted_difference_is_found_with_its_groups_and_interval():
    gate = judged(fair(), scores(0.5))
    assert gate.answer == "fail"
    assert gate.comparison.startswith("recall by region: 1 (north) and 0.")
    assert "(south), difference 0." in gate.comparison
    assert gate.finding.interval.low > 0.3


def test_a_ratio_is_the_lowest_by_the_highest():
    gate = judged(fair(max_difference=None, min_ratio=0.8), scores(0.5))
    low = next(one["recall"] for one in gate.finding.details if one["group"] == "south")
    assert gate.answer == "fail"
    assert gate.finding.value == pytest.approx(low, abs=1e-6)


@pytest.mark.parametrize(
    ("criterion", "rate"),
    [
        ("demographic_parity", "share decided positive"),
        ("predictive_parity", "precision"),
        ("equalized_odds", "recall"),
    ],
)
def test_every_criterion_compares_its_rate(criterion, rate):
    values = np.where((REGION == 1) & (TARGET == 0), 0.9, scores(0.5)) if rate == "precision" else scores(0.5)
    assert judged(fair(criterion=criterion), values).comparison.startswith(f"{rate} by region")


def test_groups_that_are_too_small_are_not_compared():
    groups = Groups(("north", "south", "tiny"), np.where(np.arange(ROWS) < 20, 2, np.arange(ROWS) // 2 % 2))
    gate = judged(fair(), scores(0), groups)
    assert gate.comparison.endswith("; 1 group has fewer than 30 rows")
    assert [one["compared"] for one in gate.finding.details] == [True, True, False]


def test_one_group_alone_cannot_be_compared():
    gate = judged(fair(min_rows=500), scores(0))
    assert (gate.answer, gate.comparison) == (
        "unmeasured",
        "equal_opportunity of region could not be measured: 0 of 3 groups have 500 rows to take a rate of",
    )


def test_no_decision_at_all_has_no_ratio():
    gate = judged(fair(criterion="demographic_parity", max_difference=None, min_ratio=0.8), np.full(ROWS, 0.1))
    assert gate.answer == "unmeasured"


def test_an_unknown_metric_of_a_gate_is_refused():
    with pytest.raises(InvalidInput, match='metric "recal" is not known'):
        judged({**SLICES, "metric": "recal", "min": 0.5}, scores(0))


def test_a_gate_on_groups_nobody_described_is_refused():
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("recall",)}
    evaluation = Evaluation.model_validate({**head, "gates": {"other": fair()}})
    options = Options("binary", ("no", "yes"), Select(metric="recall"), evaluation)
    sides = {name: Side(name, TARGET) for name in ("validation", "test")}
    models = {name: dict.fromkeys(sides, scores(0)) for name in ("baseline", "new")}
    with pytest.raises(InvalidInput, match='side "test" has no groups for gate "other"'):
        assess(options, sides, models)


def test_perturbed_scores_are_compared_with_the_whole():
    gate = {"kind": "robustness", "metric": "accuracy", "perturbation": {"kind": "noise", "sd": 0.5}, "max_drop": 0.1}
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("accuracy",)}
    options = Options(
        "binary", ("no", "yes"), Select(metric="accuracy"), Evaluation.model_validate({**head, "gates": {"g": gate}})
    )
    sides = {name: Side(name, TARGET) for name in ("validation", "test")}
    models = {name: dict.fromkeys(sides, scores(0)) for name in ("baseline", "new")}

    def asked(perturbed):
        return assess(options, sides, models, Extras(perturbed=lambda *_: perturbed)).gates[0]

    assert asked([scores(0)]).comparison == "accuracy 1 with noise of 0.5 sd, 1 without: drop 0 <= 0.1"
    assert asked([scores(0), 1 - scores(0)]).comparison == (
        "accuracy 0.5 (mean of 2, 0 to 1) with noise of 0.5 sd, 1 without: drop 0.5 > 0.1"
    )
    assert asked(Unmeasured("the model reads no missing values")).answer == "unmeasured"
