"""Exported models: the same answers as the bundle, the same bytes each time, and refusals that name their reason."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from train_tables import columns, linear, preprocessing, sklearn, table, trained, xgboost

from mlops_runner.errors import NotVerified, StepFailed, UsageFailure
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle
from mlops_runner.train.model import Model

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from mlops_runner.train.onnx import parity  # noqa: E402
from mlops_runner.train.onnx.dates import Calendar  # noqa: E402
from mlops_runner.train.onnx.export import OPSETS, export  # noqa: E402
from mlops_runner.train.onnx.graph import DOUBLE, Graph  # noqa: E402
from mlops_runner.train.onnx.parity import compare, feeds  # noqa: E402


def bundled(folder: Path, trainer: Trainer, task: str = "binary", **fields: Any) -> Model:
    _, candidate = trained(folder, trainer, task, **fields)
    threshold = 0.3 if task == "binary" else None
    write_bundle(candidate, folder / "bundle", BundleFacts("churn", threshold, columns(task)), table(10, 5, task))
    return load_bundle(folder / "bundle")


def odd(rows: int, task: str) -> pl.DataFrame:
    """Rows like those of `table`, with cities that were never seen."""
    frame = table(rows, 9, task)
    return frame.with_columns(pl.when(pl.col("rooms") == 5).then(pl.lit("Paris")).otherwise("city").alias("city"))


SETTINGS: dict[str, dict[str, Any]] = {
    "one_hot": {"numeric": {"scale": "standard", "indicator": True}, "categorical": {"min_count": 20}},
    "ordinal": {"numeric": {"scale": "robust", "clip": (0.05, 0.95)}, "categorical": {"encode": "ordinal"}},
    "target": {"numeric": {"impute": "mean"}, "categorical": {"encode": "target"}},
}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("boosted", [False, True])
def test_every_preprocessing_gives_what_the_bundle_gives(
    tmp_path: Path, task: str, settings: str, boosted: bool
) -> None:
    trainer = xgboost(rounds=20, max_depth=4) if boosted else linear(task)
    model = bundled(tmp_path, trainer, task, preprocessing=preprocessing(**SETTINGS[settings]))
    found = compare(export(model), model, {"odd": odd(500, task)})
    assert found.rows == 500 + len(model.record.probe.rows)
    assert found.labels == (None if task == "regression" else 0)
    assert found.worst < (1e-5 if boosted else 1e-12)


XGBOOST: list[tuple[str, dict[str, Any]]] = [
    ("binary", {"booster": "dart", "rate_drop": 0.5}),
    ("binary", {"num_parallel_tree": 3, "subsample": 0.5}),
    ("multiclass", {"booster": "dart", "rate_drop": 0.3}),
    *(
        ("regression", {"objective": f"reg:{name}"})
        for name in ("absoluteerror", "pseudohubererror")
    ),
    ("regression", {"objective": "reg:quantileerror", "quantile_alpha": 0.9}),
]  # fmt: skip


@pytest.mark.parametrize(("task", "params"), XGBOOST)
def test_every_kind_of_booster_is_written(tmp_path: Path, task: str, params: dict[str, Any]) -> None:
    model = bundled(tmp_path, xgboost(rounds=15, **params), task)
    assert compare(export(model), model, {"odd": odd(300, task)}).worst < 1e-5


@pytest.mark.parametrize("objective", ["reg:gamma", "reg:tweedie", "count:poisson"])
def test_objectives_with_a_logarithm_are_written(tmp_path: Path, objective: str) -> None:
    (tmp_path / "data").mkdir()
    for name, rows in (("train", 200), ("validation", 100)):
        positive = table(rows, 1, "regression").with_columns(pl.col("y").abs() + 0.5)
        positive.write_parquet(tmp_path / f"data/{name}.parquet")
    model = bundled(tmp_path, xgboost(rounds=15, objective=objective), "regression")
    assert compare(export(model), model, {"odd": odd(300, "regression")}).worst < 1e-5


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_native_categories_are_written(tmp_path: Path, task: str) -> None:
    settings = preprocessing(numeric={"impute": "none"}, categorical={"encode": "native"})
    trainer = xgboost(rounds=20, max_cat_to_onehot=1)
    others = {"baseline": trainer, "candidates": {"one": trainer}}
    model = bundled(tmp_path, trainer, task, preprocessing=settings, **others)
    data = export(model)
    members = [node for node in onnx.load_from_string(data).graph.node if node.op_type == "LabelEncoder"]
    assert len(members) > 2  # some splits ask for sets
    assert compare(data, model, {"odd": odd(500, task)}).worst < 1e-5


ESTIMATORS = [
    ("binary", "ensemble.RandomForestClassifier", {"n_estimators": 10}),
    ("multiclass", "ensemble.HistGradientBoostingClassifier", {"max_iter": 10}),
    ("binary", "ensemble.HistGradientBoostingClassifier", {"max_iter": 10}),
    ("regression", "ensemble.HistGradientBoostingRegressor", {"max_iter": 10}),
    ("regression", "ensemble.ExtraTreesRegressor", {"n_estimators": 10}),
    ("binary", "naive_bayes.GaussianNB", {}),
    ("multiclass", "tree.DecisionTreeClassifier", {}),
    ("regression", "svm.SVR", {}),
    ("binary", "neural_network.MLPClassifier", {"max_iter": 20}),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("task", "path", "params"), ESTIMATORS)
def test_estimators_give_what_the_bundle_gives(tmp_path: Path, task: str, path: str, params: dict[str, Any]) -> None:
    model = bundled(tmp_path, sklearn(path, **params), task)
    assert compare(export(model), model, {"odd": odd(300, task)}).worst < 1e-5


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_calibration_is_part_of_the_file(tmp_path: Path, task: str, method: str) -> None:
    trainer = linear(task).model_copy(update={"calibrate": method})
    model = bundled(tmp_path, trainer, task)
    assert model.candidate.record.calibration is not None
    assert compare(export(model), model, {"odd": odd(500, task)}).worst < 1e-12


DATE_PARTS = ("days", "year", "month", "day", "weekday", "day_of_year", "hour", "minute")


@pytest.mark.parametrize("cyclic", [False, True])
def test_dates_become_the_parts_that_the_bundle_makes(tmp_path: Path, cyclic: bool) -> None:
    settings = preprocessing(dates={"parts": DATE_PARTS, "cyclic": cyclic})
    model = bundled(tmp_path, linear("regression"), "regression", preprocessing=settings)
    days = [date(1600, 2, 27) + timedelta(days=step) for step in (*range(5), *range(0, 220_000, 731), 109_572)]
    frame = table(len(days), 3, "regression").with_columns(day=pl.Series([*days[:-1], None]))
    assert compare(export(model), model, {"dates": frame}).worst < 1e-10


def test_the_calendar_agrees_with_the_library_to_the_minute() -> None:
    start = datetime(1899, 12, 31, 23, 59, tzinfo=UTC)
    moments = [start + timedelta(minutes=step) for step in range(0, 150_000_000, 987_653)]
    graph = Graph(("days",))
    calendar = Calendar(graph, "days")
    parts = {name: calendar.part(name) for name in DATE_PARTS[1:]}
    helper = onnx.helper
    shape = ["rows", 1]
    made = helper.make_graph(
        graph.nodes, "calendar", [helper.make_tensor_value_info("days", DOUBLE, shape)],
        [helper.make_tensor_value_info(name, DOUBLE, shape) for name in parts.values()], graph.constants,
    )  # fmt: skip
    session = ort.InferenceSession(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    series = pl.Series(moments)
    days = series.dt.epoch("us").to_numpy() / 86_400_000_000
    found = dict(zip(parts, session.run(None, {"days": days[:, None]}), strict=True))
    for name in parts:
        wanted = getattr(series.dt, "ordinal_day" if name == "day_of_year" else name)().to_list()
        assert found[name][:, 0].tolist() == wanted, name


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    for trainer in (linear(), xgboost(), sklearn("ensemble.RandomForestClassifier", n_estimators=3)):
        model = bundled(tmp_path, trainer)
        assert export(model) == export(load_bundle(tmp_path / "bundle"))


def test_the_file_says_what_it_is_and_decides_by_the_threshold(tmp_path: Path) -> None:
    model = bundled(tmp_path, xgboost())
    data, frame = export(model), table(200, 4)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    label, probabilities = session.run(["label", "probabilities"], feeds(model, frame))
    assert label.tolist() == ["yes" if p >= 0.3 else "no" for p in probabilities[:, 1]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    facts = {entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}
    assert facts["mlops.task"] == "binary"
    assert json.loads(facts["mlops.classes"]) == ["no", "yes"]
    assert json.loads(facts["mlops.columns"])["day"] == "date"


@pytest.mark.parametrize("opset", OPSETS)
def test_every_offered_opset_works(tmp_path: Path, opset: int) -> None:
    model = bundled(tmp_path, linear())
    assert compare(export(model, opset), model, {}).worst < 1e-12


@pytest.mark.parametrize("opset", [17, 23, 0])
def test_another_opset_is_refused(tmp_path: Path, opset: int) -> None:
    with pytest.raises(UsageFailure, match=f"opset {opset} is not one of 18 to 22"):
        export(bundled(tmp_path, xgboost(rounds=1)), opset)


def test_texts_are_refused_by_the_name_of_the_column(tmp_path: Path) -> None:
    settings = preprocessing(columns={"city": {"kind": "text"}})
    model = bundled(tmp_path, linear(), preprocessing=settings)
    with pytest.raises(StepFailed, match=r'column "city" is read as text \(TF-IDF\)'):
        export(model)


def test_a_model_that_prepares_its_columns_itself_is_refused_by_its_trainer(tmp_path: Path) -> None:
    model = bundled(tmp_path, linear())
    raw = replace(model, candidate=replace(model.candidate, preprocess=None))
    with pytest.raises(StepFailed, match="a model of a sklearn trainer reads the columns with code of its own"):
        export(raw)


def test_an_estimator_without_a_converter_is_refused_by_name(tmp_path: Path) -> None:
    model = bundled(tmp_path, sklearn("kernel_ridge.KernelRidge"), "regression")
    with pytest.raises(StepFailed, match="KernelRidge cannot be expressed in ONNX"):
        export(model)


def test_a_file_that_predicts_otherwise_is_refused_with_the_worst_row(tmp_path: Path) -> None:
    # The converter of the library applies another function to two classes than the estimator itself.
    model = bundled(tmp_path, sklearn("discriminant_analysis.LinearDiscriminantAnalysis"))
    frame = table(200, 4)
    with pytest.raises(NotVerified) as caught:
        compare(export(model), model, {"test": frame})
    (found,) = caught.value.diagnostics
    assert found.code == "no-parity"
    row = int(found.message.split(" for row ")[1].split()[0])
    assert f"the bundle {model.predict(frame)[row]:.9g}" in found.message


def test_features_may_be_called_like_outputs_and_inner_values(tmp_path: Path) -> None:
    renamed = {"age": "label", "rooms": "v1", "city": "probabilities", "day": "x"}
    (tmp_path / "data").mkdir()
    for name, rows in (("train", 200), ("validation", 100)):
        table(rows, 1).rename(renamed).write_parquet(tmp_path / f"data/{name}.parquet")
    declared = {renamed.get(name, name): column for name, column in columns().items()}
    from train_tables import training

    from mlops_runner.train.fit import fit

    fit(training(preprocessing=preprocessing()), xgboost(), declared, tmp_path / "data", tmp_path / "c", print)
    write_bundle(tmp_path / "c", tmp_path / "b", BundleFacts("churn", None, declared), table(4, 1).rename(renamed))
    model = load_bundle(tmp_path / "b")
    data = export(model)
    assert compare(data, model, {}).worst < 1e-5
    assert [output.name for output in onnx.load_from_string(data).graph.output] == ["label_", "probabilities_"]


def test_small_values_among_large_ones_may_lose_the_digits_that_float32_has_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, rows in (("train", 200), ("validation", 100)):
        large = table(rows, 1, "regression").with_columns(pl.col("y").exp() * 1000)
        large.write_parquet(tmp_path / f"data/{name}.parquet")
    model = bundled(tmp_path, xgboost(rounds=200), "regression")
    frame = odd(300, "regression")
    data = export(model)
    assert compare(data, model, {"odd": frame}).worst < parity.TOLERANCE
    (found,) = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feeds(model, frame))
    assert np.abs(found - model.predict(frame)).max() > 1e-5  # of 1, that would be too much
