"""Preprocessing as candidates use it: texts, native categories, means of the target, settings of one trainer."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as native
from train_tables import columns, preprocessing, sklearn, table, training, write_sides, xgboost

from mlops_runner.specs.data import Column
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.contributions import contributions
from mlops_runner.train.fit import fit

ALL_XGBOOST: dict[str, Any] = {"baseline": xgboost(1), "candidates": {"one": xgboost(1)}}
CITIES = ["Aachen", "Bonn", "Köln", "Rheinbach"]


def candidate(folder: Path, trainer: Any, declared: dict[str, Column] | None = None, **spec: Any) -> Any:
    data = folder / "data" if (folder / "data").exists() else write_sides(folder / "data")
    fit(training(**spec), trainer, declared or columns(), data, folder / "out", lambda _: None)
    return load_candidate(folder / "out")


def test_native_categories_reach_the_trees_and_come_back_from_the_file(tmp_path: Path) -> None:
    spec = preprocessing(numeric={"impute": "none"}, categorical={"encode": "native"})
    loaded = candidate(tmp_path, xgboost(10), preprocessing=spec, **ALL_XGBOOST)
    assert loaded.model.feature_types == ["q", "q", "q", "q", "c", "c"]
    rows = table(50, 3)
    unseen = predict(loaded, rows.with_columns(city=pl.lit("Paris")))
    missing = predict(loaded, rows.with_columns(city=pl.lit(None, pl.String)))
    np.testing.assert_array_equal(unseen, missing)


def test_contributions_of_native_categories_add_up_to_the_margin(tmp_path: Path) -> None:
    spec = preprocessing(numeric={"impute": "none", "indicator": True}, categorical={"encode": "native"})
    loaded = candidate(tmp_path, xgboost(10), preprocessing=spec, **ALL_XGBOOST)
    found = contributions(loaded, table(30, 3))
    assert found is not None
    assert found[0] == ["age", "rooms", "never", "day", "city", "vip"]
    p = predict(loaded, table(30, 3))
    bias = np.log(p / (1 - p)) - found[1].sum(axis=1)
    np.testing.assert_allclose(bias, bias[0], atol=1e-5)


def test_native_categories_have_the_digits_of_plain_xgboost(tmp_path: Path) -> None:
    spec = preprocessing(numeric={"impute": "none"}, categorical={"encode": "native"})
    loaded = candidate(tmp_path, xgboost(10, max_depth=4), preprocessing=spec, **ALL_XGBOOST)
    train, rows = table(200, 1), table(100, 2)

    def plain(frame: pl.DataFrame) -> Any:
        x = frame.select(
            "age", "rooms", pl.col("never"), pl.col("day").cast(pl.Int32).cast(pl.Float64),
            pl.col("city").replace_strict(CITIES, [0, 1, 2, 3], return_dtype=pl.Float64),
            pl.col("vip").cast(pl.Float64),
        )  # fmt: skip
        return native.DMatrix(
            x.cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            (frame["y"] == "yes").to_numpy(),
            feature_types=["q", "q", "q", "q", "c", "c"],
            enable_categorical=True,
        )

    params = {"objective": "binary:logistic", "max_depth": 4, "seed": 7, "nthread": 1}
    booster = native.train(params, plain(train), 10)
    np.testing.assert_array_equal(predict(loaded, rows), booster.predict(plain(rows)).astype(np.float64))


def test_a_trainer_that_cannot_read_categories_is_refused_unless_it_prepares_its_own() -> None:
    spec = preprocessing(categorical={"encode": "native"})
    with pytest.raises(ValueError, match=r"encode: native is for xgboost; baseline is a sklearn trainer"):
        training(preprocessing=spec)
    own = {"preprocessing": Preprocessing()}
    linear = sklearn("linear_model.LogisticRegression").model_copy(update=own)
    training(preprocessing=spec, baseline=linear, candidates={"one": xgboost()})


def test_a_trainer_of_its_own_mind_replaces_the_preprocessing_of_the_document(tmp_path: Path) -> None:
    own = preprocessing(categorical={"encode": "ordinal"})
    trainer = xgboost(3).model_copy(update={"preprocessing": own})
    loaded = candidate(tmp_path, trainer, preprocessing=preprocessing(numeric={"indicator": True}))
    assert [output.name for output in loaded.preprocess.outputs] == ["age", "rooms", "never", "day", "city", "vip"]


def test_a_text_is_read_word_by_word_where_it_is_tagged(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    for side in ("train", "validation"):
        frame = pl.read_parquet(data / f"{side}.parquet")
        words = pl.when(pl.col("y") == "yes").then(pl.lit("Will buy again")).otherwise(pl.lit("Too dear, will leave"))
        frame.with_columns(note=words).write_parquet(data / f"{side}.parquet")
    declared = columns(note=Column(type="string", tags=("text",)))
    loaded = candidate(tmp_path, sklearn("linear_model.LogisticRegression"), declared)
    assert loaded.schema.texts == ("note",)
    rows = table(2, 3).with_columns(note=pl.Series(["buy, buy", "dear"]))
    first, second = predict(loaded, rows)
    assert first > 0.7 > 0.3 > second


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_encodings_of_the_target_are_stored_with_the_candidate(tmp_path: Path, task: str) -> None:
    data = write_sides(tmp_path / "data", task)
    path = {"regression": "linear_model.Ridge"}.get(task, "linear_model.LogisticRegression")
    spec = training(task, preprocessing=preprocessing(categorical={"encode": "target"}, numeric={"scale": "standard"}))
    fit(spec, sklearn(path), columns(task), data, tmp_path / "out", lambda _: None)
    loaded = load_candidate(tmp_path / "out")
    found = predict(loaded, table(40, 5, task))
    assert np.isfinite(found).all()
    assert (tmp_path / "out" / "preprocess.json").stat().st_size < 5000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_folds(tmp_path: Path) -> None:
    spec = preprocessing(categorical={"encode": "target"}, numeric={"scale": "standard"})
    models = []
    for seed in (7, 7, 8):
        candidate(tmp_path, sklearn("linear_model.LogisticRegression"), preprocessing=spec, seed=seed)
        models.append(load_candidate(tmp_path / "out").model.coef_.tolist())
    assert models[0] == models[1] != models[2]
