"""Columns that move the prediction in one direction only, early stopping on the validation side, curves, quantiles."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from train_tables import by_hand, columns, sklearn, table, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit
from mlops_runner.train.trainer_checks.base import check

HISTOGRAM = "ensemble.HistGradientBoostingRegressor"
PATHS = [HISTOGRAM, "tree.DecisionTreeRegressor", "ensemble.RandomForestRegressor", "ensemble.ExtraTreesRegressor"]


def with_fields(trainer: Any, **fields: Any) -> Any:
    return type(trainer).model_validate({**trainer.model_dump(exclude_none=True), **fields})


def steps_along(folder: Path, trainer: Any, column: str) -> np.ndarray:
    """How the predictions move when one column rises, row by row."""
    _, candidate = trained(folder, trainer, "regression")
    rows, loaded = table(30, 3, "regression"), load_candidate(candidate)
    risen = [predict(loaded, rows.with_columns(pl.lit(float(v)).alias(column))) for v in np.linspace(-3, 9, 25)]
    return np.diff(np.array(risen), axis=0)


@pytest.mark.parametrize("trainer", [xgboost(20), *(sklearn(path) for path in PATHS)], ids=["xgboost", *PATHS])
def test_a_prediction_never_falls_where_it_may_only_rise(tmp_path: Path, trainer: Any) -> None:
    """The target falls with rooms: left alone, the trees follow it."""
    assert (steps_along(tmp_path, trainer, "rooms") < 0).any()
    held = with_fields(trainer, monotone={"rooms": "increasing", "age": "increasing"})
    assert (steps_along(tmp_path, held, "rooms") >= 0).all()
    assert (steps_along(tmp_path, held, "age") >= 0).all()


@pytest.mark.parametrize("trainer", [xgboost(2), sklearn(HISTOGRAM)], ids=["xgboost", "sklearn"])
def test_monotone_names_columns_that_have_an_order(tmp_path: Path, trainer: Any) -> None:
    wrong = with_fields(trainer, monotone={"room": "increasing", "city": "decreasing"})
    with pytest.raises(InvalidInput) as caught:
        trained(tmp_path, wrong, "regression")
    first, second = caught.value.diagnostics
    assert (first.message, first.hint) == ('monotone names "room", which is not a feature', 'did you mean "rooms"?')
    assert second.message == 'monotone names "city", whose categories have no order'


def test_an_estimator_that_cannot_hold_a_direction_says_which_can() -> None:
    (found,) = check(with_fields(sklearn("linear_model.Ridge"), monotone={"age": "increasing"}), "regression")
    assert found.code == "no-monotone"
    assert "sklearn.ensemble.HistGradientBoostingRegressor" in str(found.hint)
    assert "Classifier" not in str(found.hint)


def test_constraints_by_position_are_refused() -> None:
    (found,) = check(xgboost(monotone_constraints="(1,0)"), "regression")
    assert found.hint == "remove it; set monotone in the spec"


def test_classes_cannot_all_rise() -> None:
    held = with_fields(xgboost(2), monotone={"age": "increasing"})
    with pytest.raises(ValueError, match="not all can become likelier at once"):
        training("multiclass", candidates={"one": held})


def test_histogram_boosting_stops_by_the_validation_side_as_a_plain_script_does(tmp_path: Path) -> None:
    trainer = with_fields(sklearn(HISTOGRAM, max_iter=200, learning_rate=0.3), early_stopping_rounds=5)
    result, folder = trained(tmp_path, trainer, "regression")
    sides = [table(200, 1, "regression"), table(100, 2, "regression")]
    (x, xv), (y, yv) = by_hand("regression"), [side["y"].to_numpy() for side in sides]
    plain = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.3, early_stopping=True, n_iter_no_change=5, random_state=7
    ).fit(x, y, X_val=xv, y_val=yv)
    assert result.metrics["iterations"] == plain.n_iter_ < 200
    np.testing.assert_array_equal(predict(load_candidate(folder), sides[1]), plain.predict(xv))
    curve = load_candidate(folder).record.curve
    assert curve["validation"]["loss"] == tuple(float(f"{-v:.9g}") for v in plain.validation_score_[1:])


def test_an_estimator_that_cannot_watch_the_validation_side_says_which_can() -> None:
    (found,) = check(with_fields(sklearn("linear_model.Ridge"), early_stopping_rounds=3), "regression")
    assert found.message == "sklearn.linear_model.Ridge cannot watch the validation side"
    (found,) = check(with_fields(sklearn(HISTOGRAM, n_iter_no_change=2), early_stopping_rounds=3), "regression")
    assert found.code == "given-elsewhere"


@pytest.mark.parametrize("trainer", [xgboost(5, 2), with_fields(sklearn(HISTOGRAM), early_stopping_rounds=2)])
def test_early_stopping_without_validation_rows_is_refused(tmp_path: Path, trainer: Any) -> None:
    data = write_sides(tmp_path / "data", "regression")
    pl.read_parquet(data / "validation.parquet").clear().write_parquet(data / "validation.parquet")
    with pytest.raises(InvalidInput, match="needs a validation side, and it has no rows"):
        fit(training("regression"), trainer, columns("regression"), data, tmp_path / "out", lambda _: None)


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("ensemble.GradientBoostingRegressor", {"n_estimators": 4}),
        ("neural_network.MLPRegressor", {"max_iter": 4}),
    ],
)
def test_curves_that_an_estimator_keeps_are_recorded(tmp_path: Path, estimator: str, params: dict[str, Any]) -> None:
    _, folder = trained(tmp_path, sklearn(estimator, **params), "regression")
    values = load_candidate(folder).record.curve["train"]["loss"]
    assert len(values) == 4
    assert values[-1] < values[0]


QUANTILES = [
    xgboost(60, objective="reg:quantileerror", quantile_alpha=0.9),
    sklearn("linear_model.QuantileRegressor", quantile=0.9, alpha=0.0),
    sklearn(HISTOGRAM, loss="quantile", quantile=0.9),
    sklearn("ensemble.GradientBoostingRegressor", loss="quantile", alpha=0.9),
]


@pytest.mark.parametrize("trainer", QUANTILES, ids=["xgboost", "linear", "histogram", "gradient"])
def test_nine_of_ten_values_lie_below_their_ninth_decile(tmp_path: Path, trainer: Any) -> None:
    _, folder = trained(tmp_path, trainer, "regression")
    rows = table(200, 1, "regression")
    below = (rows["y"].to_numpy() < predict(load_candidate(folder), rows)).mean()
    assert 0.85 < below < 0.995  # of the rows it was fitted on; xgboost 3.4 starts higher than 3.2


def test_a_quantile_is_asked_for_before_data_is_read() -> None:
    (found,) = check(xgboost(objective="reg:quantileerror"), "regression")
    assert found.code == "missing-quantile"
    (found,) = check(sklearn(HISTOGRAM, loss="quantile"), "regression")
    assert found.code == "missing-quantile"
