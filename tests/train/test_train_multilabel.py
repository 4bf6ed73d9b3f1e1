"""Several labels: what estimators learn of them, at once or one by one, is what they learn in a script without us."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.multioutput import MultiOutputClassifier
from train_tables import sklearn, training, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import CommandTrainer, ExternalMemory, PythonTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle
from mlops_runner.train.calibrate import calibrated, fit_calibration
from mlops_runner.train.features import Schema
from mlops_runner.train.fit import fit
from mlops_runner.train.trainer_checks.base import check
from mlops_runner.train.trainers.catalogue import ESTIMATORS, LABELLERS
from mlops_runner.train.trainers.constructors import params_of

LABELS = ("l0", "l1", "l2")
FEATURES = [f"x{at}" for at in range(6)]
X, Y = make_multilabel_classification(300, 6, n_classes=3, n_labels=2, random_state=4)
COLUMNS = {
    **{name: Column(type="float") for name in FEATURES},
    **{name: Column(type="int", role="target") for name in LABELS},
}
FEW = {"n_estimators": 5, "max_iter": 300}
CLASSIFIERS = sorted(path for path, entry in ESTIMATORS.items() if entry.kind == "classifier")


def frame(rows: slice, y: Any = Y) -> pl.DataFrame:
    return pl.DataFrame({**dict(zip(FEATURES, X[rows].T, strict=True)), **dict(zip(LABELS, y[rows].T, strict=True))})


def trained(folder: Path, trainer: Any, y: Any = Y, **columns: Column) -> Any:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    frame(slice(200), y).write_parquet(folder / "data" / "train.parquet")
    frame(slice(200, 300), y).write_parquet(folder / "data" / "validation.parquet")
    spec = training("multilabel", preprocessing={"numeric": {"scale": "none"}})
    fit(spec, trainer, {**COLUMNS, **columns}, folder / "data", folder / "out", lambda _: None)
    return load_candidate(folder / "out", project_code=True)


def estimator(path: str) -> Any:
    known = params_of(path)
    loss = {"loss": "log_loss"} if path.endswith("SGDClassifier") else {}
    return sklearn(path.removeprefix("sklearn."), **{name: FEW[name] for name in FEW if name in known}, **loss)


@pytest.mark.parametrize("path", CLASSIFIERS)
def test_every_classifier_learns_labels_as_it_does_in_a_script(tmp_path: Path, path: str) -> None:
    trainer = estimator(path)
    candidate = trained(tmp_path, trainer)
    module, name = path.rsplit(".", 1)
    own = getattr(__import__(module, fromlist=[name]), name)()
    seed = {"random_state": 7} if "random_state" in own.get_params() else {}
    own.set_params(**trainer.params, **seed)
    script = own if path in LABELLERS else MultiOutputClassifier(own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = clone(script).fit(X[:200], Y[:200]).predict_proba(X[200:])
    expected = np.column_stack([one[:, 1] for one in found]) if isinstance(found, list) else found
    np.testing.assert_array_equal(predict(candidate, frame(slice(200, 300))), expected)


def test_boosted_trees_learn_labels_as_they_do_in_a_script(tmp_path: Path) -> None:
    candidate = trained(tmp_path, xgboost(rounds=100, stop=3, eta=0.5))
    params = {"objective": "binary:logistic", "eta": 0.5, "seed": 7, "nthread": 1}
    sides = [(xgb.DMatrix(X[a:b], Y[a:b]), name) for a, b, name in ((0, 200, "train"), (200, 300, "validation"))]
    booster = xgb.train(params, sides[0][0], 100, evals=sides, early_stopping_rounds=3, verbose_eval=False)
    assert candidate.record.best_iteration == booster.best_iteration
    script = booster[: booster.best_iteration + 1].predict(sides[1][0])
    np.testing.assert_array_equal(predict(candidate, frame(slice(200, 300))), script.astype(np.float64))


def test_trees_that_say_all_labels_at_once_are_trained_and_stored(tmp_path: Path) -> None:
    candidate = trained(tmp_path, xgboost(rounds=5, multi_strategy="multi_output_tree"))
    assert predict(candidate, frame(slice(200, 201))).shape == (1, 3)


@pytest.mark.parametrize("holder", ["MultiOutputClassifier", "ClassifierChain", "OneVsRestClassifier"])
def test_a_function_of_the_project_may_hold_labels_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    module = "multiclass" if holder == "OneVsRestClassifier" else "multioutput"
    (tmp_path / f"own_{holder}.py").write_text(
        f"from sklearn.{module} import {holder}\nfrom sklearn.linear_model import LogisticRegression\n"
        f"def train(x, y, *, seed):\n    assert y.shape == (200, 3)\n"
        f"    return {holder}(LogisticRegression()).fit(x.to_numpy(), y)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    candidate = trained(tmp_path, PythonTrainer(trainer="python", callable=f"own_{holder}:train"))
    assert predict(candidate, frame(slice(200, 300))).shape == (100, 3)


def test_a_command_finds_a_column_for_each_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "files").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "project")
    (tmp_path / "data" / "files" / "fit.py").write_text(
        "import json, polars, xgboost\ntold = json.load(open('params.json'))\n"
        "assert told['target'] == ['(target) l0', '(target) l1', '(target) l2']\n"
        "rows = polars.read_parquet('train.parquet')\n"
        "x, y = (rows.select(told[name]).to_numpy() for name in ('columns', 'target'))\n"
        "model = xgboost.train({'objective': 'binary:logistic', 'nthread': 1}, xgboost.DMatrix(x, y), 3)\n"
        "model.save_model('out/model.ubj')\n"
    )
    trainer = CommandTrainer(trainer="command", command=("python", "fit.py"), files=("fit.py",))
    assert predict(trained(tmp_path, trainer), frame(slice(200, 300))).shape == (100, 3)


def test_early_stopping_watches_each_label_alone(tmp_path: Path) -> None:
    trainer = sklearn("ensemble.HistGradientBoostingClassifier", max_iter=200)
    trainer = trainer.model_copy(update={"early_stopping_rounds": 3})
    model = trained(tmp_path, trainer).model
    assert len({one.n_iter_ for one in model.estimators_}) > 1
    assert all(one.n_iter_ < 200 for one in model.estimators_)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0] * 200, 'label "l1" is 0 in every training row: nothing to learn'),
        ([1] * 200, 'label "l1" is 1 in every training row: nothing to learn'),
        ([2, 1] * 100, 'label "l1" holds 2 .number.; a label is 0 or 1'),
        ([None, 1] * 100, 'target "l1" is missing in 100 of 200 rows'),
        (["yes", "no"] * 100, 'label "l1" holds String'),
        ([0.0, 1.0] * 100, 'label "l1" holds Float64'),
    ],
)
def test_a_label_that_cannot_be_learnt_is_named(tmp_path: Path, values: list[Any], words: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    frame(slice(200)).with_columns(l1=pl.Series(values)).write_parquet(data / "train.parquet")
    frame(slice(200, 300)).write_parquet(data / "validation.parquet")
    with pytest.raises(InvalidInput, match=words):
        fit(training("multilabel"), sklearn("tree.DecisionTreeClassifier"), COLUMNS, data, tmp_path / "out", print)


def test_every_label_that_is_constant_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        trained(tmp_path, sklearn("tree.DecisionTreeClassifier"), Y * [0, 1, 0])
    assert [one.message[:10] for one in refused.value.diagnostics] == ['label "l0"', 'label "l2"']


def test_what_one_label_cannot_be_fitted_by_is_said_with_its_name(tmp_path: Path) -> None:
    trainer = sklearn("linear_model.LogisticRegression", C=-1.0)
    with pytest.raises(StepFailed, match="label \"l0\": The 'C' parameter"):
        trained(tmp_path, trainer)


def test_a_bundle_answers_by_label_with_the_threshold_of_each(tmp_path: Path) -> None:
    trained(tmp_path, sklearn("linear_model.LogisticRegression"))
    facts = BundleFacts("topics", (0.2, 0.5, 0.9), COLUMNS)
    write_bundle(tmp_path / "out", tmp_path / "bundle", facts, frame(slice(200, 212)))
    model = load_bundle(tmp_path / "bundle")
    rows = frame(slice(212, 215))
    found = model.predict(rows)
    assert model.signature.classes == LABELS
    np.testing.assert_array_equal(model.predict_proba(rows), found)
    expected = [dict(zip(LABELS, row, strict=True)) for row in (found >= [0.2, 0.5, 0.9]).astype(int).tolist()]
    assert model.decide(rows) == expected
    model.check_probe()


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_every_label_is_calibrated_as_it_would_be_alone(tmp_path: Path, method: str) -> None:
    raw = trained(tmp_path / "raw", sklearn("naive_bayes.GaussianNB"))
    trainer = sklearn("naive_bayes.GaussianNB").model_copy(update={"calibrate": method})
    found = predict(trained(tmp_path / "own", trainer), frame(slice(200, 300)))
    before, alone = predict(raw, frame(slice(200, 300))), Schema("binary", "y", 1, (0, 1), ())
    for at in range(3):
        line = fit_calibration(method, alone, before[:, at], Y[200:300, at], None)
        np.testing.assert_array_equal(found[:, at], calibrated(line, before[:, at]))


def test_a_label_without_rows_to_calibrate_on_is_named(tmp_path: Path) -> None:
    y = Y.copy()
    y[200:, 1] = 0
    trainer = sklearn("naive_bayes.GaussianNB").model_copy(update={"calibrate": "sigmoid"})
    with pytest.raises(InvalidInput, match='on the validation side; "l1" is the same in all of them'):
        trained(tmp_path, trainer, y)


def test_a_threshold_may_lie_above_every_probability(tmp_path: Path) -> None:
    trained(tmp_path, sklearn("tree.DecisionTreeClassifier"))
    write_bundle(
        tmp_path / "out", tmp_path / "bundle", BundleFacts("topics", (1.000000001,) * 3, COLUMNS), frame(slice(9))
    )
    assert load_bundle(tmp_path / "bundle").decide(frame(slice(1))) == [dict.fromkeys(LABELS, 0)]


def test_means_of_the_target_are_those_of_each_label(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rows in (("train", slice(200)), ("validation", slice(200, 300))):
        town = pl.Series("town", ["a", "b"] * ((rows.stop - (rows.start or 0)) // 2))
        frame(rows).with_columns(town).write_parquet(folder / f"{name}.parquet")
    spec = training("multilabel", preprocessing={"categorical": {"encode": "target"}})
    columns = {"town": Column(type="string"), **COLUMNS}
    fit(spec, sklearn("linear_model.LogisticRegression"), columns, folder, tmp_path / "out", lambda _: None)
    outputs = load_candidate(tmp_path / "out").record.importance.outputs
    assert [one.output for one in outputs if one.feature == "town"] == ["town:l0", "town:l1", "town:l2"]


def test_what_does_not_suit_labels_is_refused_before_any_data_is_read() -> None:
    assert [d.code for d in check(xgboost(objective="multi:softprob"), "multilabel")] == ["unsuitable-objective"]
    assert [d.message for d in check(xgboost(multi_strategy="multi_output_tree"), "binary")] == [
        "multi_strategy is for several labels; this is a binary task"
    ]
    (problem,) = check(xgboost(multi_strategy="multi_output"), "multilabel")
    assert problem.hint == 'did you mean "multi_output_tree"?'
    held = xgboost(multi_strategy="multi_output_tree").model_copy(update={"monotone": {"x0": "increasing"}})
    assert [d.code for d in check(held, "multilabel")] == ["no-monotone"]
    rising = {"monotone": {"x0": "increasing"}}
    forest = sklearn("ensemble.RandomForestClassifier").model_copy(update=rising)
    assert [d.code for d in check(forest, "multilabel")] == ["no-monotone"]
    boosted = sklearn("ensemble.HistGradientBoostingClassifier").model_copy(update=rising)
    assert check(boosted, "multilabel") == ()
    (problem,) = check(sklearn("linear_model.Ridge"), "multilabel")
    assert "a multilabel task needs a classifier" in problem.message


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_rows_on_the_disk_give_the_trees_of_rows_in_memory(tmp_path: Path, strategy: str) -> None:
    held = xgboost(multi_strategy=strategy, max_bin=16).model_copy(update={"calibrate": "sigmoid"})
    stored = held.model_copy(update={"external_memory": ExternalMemory(batch_rows=60)})
    found, wanted = trained(tmp_path / "stored", stored), trained(tmp_path / "held", held)
    assert len(found.record.curve["validation"]["logloss"]) == 10
    unseen = frame(slice(200, 300))
    np.testing.assert_allclose(predict(found, unseen), predict(wanted, unseen), atol=0.05)
