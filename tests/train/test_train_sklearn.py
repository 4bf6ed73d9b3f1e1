from pathlib import Path

import polars as pl
import pytest
from train_tables import columns, preprocessing, sklearn, trained, training, write_sides

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit
from mlops_runner.train.trainer_checks.base import check


def only(diagnostics: tuple[Diagnostic, ...]) -> Diagnostic:
    assert len(diagnostics) == 1
    return diagnostics[0]


def test_an_estimator_that_is_not_listed_gets_the_nearest_name() -> None:
    found = only(check(sklearn("linear_model.LogisticRegresion"), "binary"))
    assert found.code == "unknown-estimator"
    assert found.hint == 'did you mean "sklearn.linear_model.LogisticRegression"?'


def test_the_right_name_in_the_wrong_module_is_recognised() -> None:
    found = only(check(sklearn("tree.RandomForestClassifier"), "binary"))
    assert found.hint == 'did you mean "sklearn.ensemble.RandomForestClassifier"?'


def test_a_regressor_does_not_fit_a_classification() -> None:
    found = only(check(sklearn("ensemble.RandomForestRegressor"), "multiclass"))
    assert (
        found.message == "sklearn.ensemble.RandomForestRegressor is a regressor; a multiclass task needs a classifier"
    )
    assert found.hint == 'did you mean "sklearn.ensemble.RandomForestClassifier"?'


def test_all_unknown_params_are_reported_at_once() -> None:
    first, second = check(sklearn("linear_model.LogisticRegression", max_itr=5, random_state=3), "binary")
    assert (first.code, first.hint) == ("unknown-param", 'did you mean "max_iter"?')
    assert (second.code, second.hint) == ("given-elsewhere", "remove it; set seed in the spec")


def test_a_value_that_the_library_refuses_is_a_failed_step(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="LogisticRegression: The 'C' parameter"):
        trained(tmp_path, sklearn("linear_model.LogisticRegression", C=-1.0))


def test_an_estimator_without_probabilities_says_which_param_gives_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="gives no probabilities") as caught:
        trained(tmp_path, sklearn("linear_model.SGDClassifier"))
    assert caught.value.diagnostics[0].hint == "set params.loss to log_loss"


def test_missing_numbers_that_an_estimator_cannot_read_point_to_impute(tmp_path: Path) -> None:
    spec = preprocessing(numeric={"impute": "none"})
    with pytest.raises(StepFailed) as caught:
        trained(tmp_path, sklearn("linear_model.LogisticRegression"), preprocessing=spec)
    assert caught.value.diagnostics[0].hint == "set preprocessing.numeric.impute, for example to median"


def test_non_convergence_is_logged_and_counted(tmp_path: Path) -> None:
    log: list[str] = []
    found, _ = trained(tmp_path, sklearn("linear_model.LogisticRegression", max_iter=1), log=log.append)
    assert found.metrics == {"iterations": 1, "converged": 0, "warnings": 1}
    assert "ConvergenceWarning: lbfgs failed to converge" in log[0]


def weighted(folder: Path) -> tuple[Path, dict[str, Column]]:
    data = write_sides(folder / "data")
    for side in ("train", "validation"):
        frame = pl.read_parquet(data / f"{side}.parquet")
        weight = pl.when(pl.col("y") == "yes").then(1000).otherwise(1)
        frame.with_columns(trust=weight).write_parquet(data / f"{side}.parquet")
    return data, columns(trust=Column(type="int", role="weight"))


def test_weights_reach_the_estimator_and_are_no_feature(tmp_path: Path) -> None:
    data, declared = weighted(tmp_path)
    fit(training(), sklearn("dummy.DummyClassifier"), declared, data, tmp_path / "out", lambda _: None)
    candidate = load_candidate(tmp_path / "out")
    assert predict(candidate, pl.read_parquet(data / "validation.parquet"))[0] > 0.99
    assert "trust" not in [feature.name for feature in candidate.schema.features]


def test_an_estimator_that_cannot_weigh_rows_is_refused(tmp_path: Path) -> None:
    data, declared = weighted(tmp_path)
    with pytest.raises(
        InvalidInput, match='KNeighborsClassifier weighs no rows, so it cannot use the weight column "trust"'
    ):
        fit(training(), sklearn("neighbors.KNeighborsClassifier"), declared, data, tmp_path / "out", lambda _: None)
