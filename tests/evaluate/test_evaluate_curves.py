import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.curves.thin import chosen_points
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

RNG = np.random.default_rng(3)


def curves(task, classes, metric, targets, scores, **more):
    base = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": (metric,)}
    options = Options(task, classes, Select(metric=metric), Evaluation.model_validate(base | more))
    sides = {name: Side(name, target) for name, target in targets.items()}
    return assess(options, sides, {"baseline": scores, "model": scores}).as_json()["curves"]


def binary(rows=5000, **more):
    targets = {name: RNG.integers(0, 2, rows) for name in ("validation", "test")}
    scores = {name: np.clip(t * 0.3 + RNG.random(rows) * 0.7, 0, 1) for name, t in targets.items()}
    return targets, scores, curves("binary", ("no", "yes"), "roc_auc", targets, scores, **more)


def test_curves_have_at_most_300_points_and_keep_the_area_of_the_whole_curve():
    targets, scores, found = binary()
    roc = found["roc"]["model"]
    assert len(roc["false_positive_rate"]) == 300
    assert (roc["false_positive_rate"][0], roc["false_positive_rate"][-1]) == (0.0, 1.0)
    assert roc["auc"] == pytest.approx(roc_auc_score(targets["test"], scores["test"]), abs=1e-6)


def test_confusion_counts_rows_at_the_threshold():
    targets, scores, found = binary()
    assert found["confusion"]["model"] == confusion_matrix(targets["test"], scores["test"] >= 0.5).tolist()


def test_calibration_has_ten_bins_of_equal_mass():
    _, _, found = binary()
    assert [entry["rows"] for entry in found["calibration"]] == [500] * 10


def test_histogram_counts_every_row_once():
    targets, _, found = binary()
    assert sum(found["histogram"]["counts"]["yes"]) == int(targets["test"].sum())


def test_cost_curve_shows_the_choosing_side_and_the_test_side():
    _, _, found = binary(threshold={"rule": "cost", "false_negative": 3.0, "false_positive": 1.0})
    assert list(found["cost"]["sides"]) == ["validation", "test"]
    assert len(found["cost"]["sides"]["test"]["threshold"]) == 300


def test_a_test_side_without_rows_falls_back_to_validation():
    targets = {"validation": np.array([0, 1] * 20), "test": np.array([], dtype=int)}
    scores = {"validation": np.linspace(0, 1, 40), "test": np.array([])}
    assert curves("binary", ("no", "yes"), "roc_auc", targets, scores)["side"] == "validation"


def test_a_side_of_one_class_has_no_roc():
    targets = {"validation": np.array([0, 1] * 20), "test": np.ones(5, dtype=int)}
    scores = {"validation": np.linspace(0, 1, 40), "test": np.linspace(0, 1, 5)}
    assert "roc" not in curves("binary", ("no", "yes"), "roc_auc", targets, scores)


def test_scores_that_are_no_probabilities_have_no_calibration():
    targets = {"validation": np.array([0, 1] * 20), "test": np.array([0, 1] * 20)}
    scores = {name: np.linspace(-4, 4, 40) for name in targets}
    found = curves("binary", ("no", "yes"), "roc_auc", targets, scores)
    assert "calibration" not in found
    assert found["histogram"]["edges"][0] == -4.0


def test_multiclass_has_confusion_per_class_numbers_and_one_curve_per_class():
    target = np.array([0, 1, 2, 0, 1, 2, 1, 1])
    scores = np.eye(3)[[0, 1, 2, 1, 1, 2, 1, 0]] * 0.7 + 0.1
    found = curves(
        "multiclass",
        ("a", "b", "c"),
        "accuracy",
        {"validation": target, "test": target},
        {"validation": scores, "test": scores},
    )
    assert found["confusion"]["model"] == [[1, 1, 0], [1, 3, 0], [0, 0, 2]]
    assert found["per_class"]["b"] == {"rows": 4, "recall": 0.75, "precision": 0.75}
    assert list(found["roc"]) == ["a", "b", "c"]


def test_a_class_without_rows_is_null_and_has_no_curve():
    target, scores = np.array([0, 1, 0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 2)
    found = curves("multiclass", ("a", "b", "c"), "accuracy", {"validation": target}, {"validation": scores})
    assert found["per_class"]["c"] == {"rows": 0, "recall": None, "precision": None}
    assert list(found["roc"]) == ["a", "b"]


def test_many_classes_keep_the_evidence_small():
    target = np.arange(240) % 60
    scores = RNG.random((240, 60)) + np.eye(60)[target]
    names = tuple(f"c{k}" for k in range(60))
    found = curves("multiclass", names, "accuracy", {"validation": target}, {"validation": scores})
    assert "confusion" not in found
    assert len(found["roc"]) == 20
    assert len(found["per_class"]) == 60


def test_regression_shows_at_most_2000_dots_but_counts_all_residuals():
    actual = RNG.normal(0, 1, 5000)
    predicted = actual + RNG.normal(0, 0.1, 5000)
    found = curves(
        "regression", (), "rmse", {"validation": actual, "test": actual}, {"validation": predicted, "test": predicted}
    )
    assert len(found["predicted"]["actual"]) == 2000
    assert sum(found["residuals"]["counts"]) == 5000


def test_residuals_that_are_all_the_same_still_have_a_histogram():
    actual = np.arange(10.0)
    found = curves("regression", (), "rmse", {"validation": actual}, {"validation": actual + 1e9})
    assert sum(found["residuals"]["counts"]) == 10


@pytest.mark.parametrize("count", [1, 2, 299, 300, 301, 100_000])
def test_thinning_keeps_the_ends_and_never_repeats_a_point(count):
    points = chosen_points(count)
    assert len(points) == min(count, 300)
    assert (points[0], points[-1]) == (0, count - 1)
