"""An estimator is in the catalogue because it passes here."""

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from train_tables import schema, sklearn, table, training

from mlops_runner.train.features import matrix
from mlops_runner.train.formats import estimator
from mlops_runner.train.preprocess import Rows, fit_preprocessing
from mlops_runner.train.targets import encode_target
from mlops_runner.train.trainers.base import Job, Side
from mlops_runner.train.trainers.catalogue import ESTIMATORS
from mlops_runner.train.trainers.sklearn import train

# Small, because every estimator is trained; the SGD default gives no probabilities.
SMALL: dict[str, dict[str, Any]] = {
    "SGDClassifier": {"loss": "log_loss"},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.5},
    **{name: {"max_iter": 5} for name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")},
    **{
        f"{name}{kind}": {"n_estimators": 5}
        for name in ("AdaBoost", "Bagging", "ExtraTrees", "GradientBoosting", "RandomForest")
        for kind in ("Classifier", "Regressor")
    },
}
# The same estimator stores other types with other params.
VARIANTS = [
    ("sklearn.ensemble.GradientBoostingClassifier", "binary", {"loss": "exponential", "n_estimators": 3}),
    ("sklearn.ensemble.GradientBoostingRegressor", "regression", {"loss": "huber", "n_estimators": 3}),
    ("sklearn.ensemble.GradientBoostingRegressor", "regression", {"loss": "quantile", "n_estimators": 3}),
    ("sklearn.ensemble.GradientBoostingRegressor", "regression", {"loss": "absolute_error", "n_estimators": 3}),
    ("sklearn.ensemble.HistGradientBoostingRegressor", "regression", {"loss": "gamma", "max_iter": 3}),
    ("sklearn.ensemble.HistGradientBoostingRegressor", "regression", {"loss": "poisson", "max_iter": 3}),
    (
        "sklearn.ensemble.HistGradientBoostingRegressor",
        "regression",
        {"loss": "quantile", "quantile": 0.5, "max_iter": 3},
    ),
    ("sklearn.linear_model.SGDClassifier", "binary", {"loss": "modified_huber"}),
    ("sklearn.linear_model.SGDClassifier", "multiclass", {"loss": "log_loss", "average": True, "early_stopping": True}),
    ("sklearn.linear_model.SGDRegressor", "regression", {"loss": "huber"}),
    ("sklearn.linear_model.SGDRegressor", "regression", {"loss": "epsilon_insensitive"}),
    ("sklearn.neighbors.KNeighborsClassifier", "binary", {"algorithm": "ball_tree", "p": 1}),
    ("sklearn.neighbors.KNeighborsClassifier", "binary", {"algorithm": "kd_tree", "p": 3, "weights": "distance"}),
    ("sklearn.neighbors.KNeighborsRegressor", "regression", {"algorithm": "brute", "metric": "cosine"}),
    ("sklearn.neighbors.KNeighborsRegressor", "regression", {"metric": "chebyshev"}),
    ("sklearn.neural_network.MLPClassifier", "multiclass", {"solver": "lbfgs", "hidden_layer_sizes": 5}),
    ("sklearn.neural_network.MLPRegressor", "regression", {"solver": "sgd", "early_stopping": True}),
    ("sklearn.dummy.DummyClassifier", "multiclass", {"strategy": "stratified"}),
    ("sklearn.dummy.DummyRegressor", "regression", {"strategy": "quantile", "quantile": 0.9}),
    ("sklearn.svm.SVR", "regression", {"kernel": "linear"}),
    ("sklearn.tree.DecisionTreeRegressor", "regression", {"criterion": "poisson"}),
    ("sklearn.linear_model.LogisticRegression", "binary", {"solver": "saga", "class_weight": "balanced"}),
]


def cases() -> list[tuple[str, str, dict[str, Any]]]:
    tasks = {"classifier": ("binary", "multiclass"), "regressor": ("regression",)}
    plain = [
        (path, task, SMALL.get(path.rsplit(".", 1)[1], {}))
        for path, entry in ESTIMATORS.items()
        for task in tasks[entry.kind]
    ]
    return plain + VARIANTS


@pytest.mark.parametrize(("path", "task", "params"), cases())
def test_a_stored_estimator_answers_bit_for_bit(path: str, task: str, params: dict[str, Any]) -> None:
    reads, frame = schema(task), table(80, 1, task)
    features = matrix(frame, reads)
    _, x = fit_preprocessing(training().preprocessing, reads, Rows(features))
    x -= x.mean(axis=0)
    y = encode_target(frame["y"], reads)
    y = np.exp(y) if task == "regression" else y
    job = Job(reads, 7, 1, "cpu", Side(features, x, y, None), None, lambda _: None)
    with threadpool_limits(1):
        fitted = train(sklearn(path.removeprefix("sklearn."), **params), job)
        stored = estimator.dump(fitted.model)
        again = estimator.load(stored, fitted.family)
        # Before predicting: search trees count their queries.
        assert estimator.dump(again) == stored
        expected = estimator.predict(fitted.model, features, x, reads)
        np.testing.assert_array_equal(estimator.predict(again, features, x, reads), expected)


def test_a_model_that_did_not_converge_says_so() -> None:
    reads, frame = schema(age="float", rooms="int"), table(80, 1)
    x = matrix(frame, reads).fill_nan(0).to_numpy() * 1000
    log: list[str] = []
    job = Job(
        reads, 7, 1, "cpu", Side(matrix(frame, reads), x, encode_target(frame["y"], reads), None), None, log.append
    )
    found = train(sklearn("linear_model.LogisticRegression", max_iter=1), job)
    assert found.metrics == {"iterations": 1, "converged": 0, "warnings": 1}
    assert log[0].startswith(f"{ConvergenceWarning.__name__}: lbfgs failed to converge")
