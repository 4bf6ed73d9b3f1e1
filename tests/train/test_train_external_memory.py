"""Training on rows that stay on the disk: the same preprocessing, the same trees, nothing left behind."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from train_tables import columns, preprocessing, schema, table, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import ExternalMemory, XgboostTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.columns.target_means import Target
from mlops_runner.train.features import matrix
from mlops_runner.train.fit import fit
from mlops_runner.train.preprocess import Rows, learn
from mlops_runner.train.stored import StoredRows, stored_matrix, stored_rows

FILES = ["train.parquet", "validation.parquet"]
NATIVE = {"categorical": {"encode": "native"}}


def outside(batch_rows: int, rounds: int = 10, stop: int | None = None, **params: Any) -> XgboostTrainer:
    """A trainer that holds so many rows."""
    trainer = xgboost(rounds, stop, **params)
    return trainer.model_copy(update={"external_memory": ExternalMemory(batch_rows=batch_rows)})


def model(folder: Path, trainer: XgboostTrainer, task: str = "binary", **fields: Any) -> tuple[bytes, bytes]:
    """Train, and return what the trees and the preprocessing are stored as."""
    kinds = fields.pop("kinds", {})
    own = {"preprocessing": preprocessing(**kinds)} if kinds else {}
    _, found = trained(folder, trainer.model_copy(update=own), task, **fields)
    assert sorted(path.name for path in (folder / "data").iterdir()) == FILES
    return (found / "model.ubj").read_bytes(), (found / "preprocess.json").read_bytes()


def on_disk(folder: Path, frame: pl.DataFrame, batch_rows: int) -> StoredRows:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "rows.parquet", row_group_size=53)
    return stored_rows(folder / "rows.parquet", batch_rows)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("batch_rows", [7, 64, 1000])
def test_batches_of_a_small_table_give_the_very_model_of_all_rows(tmp_path: Path, task: str, batch_rows: int) -> None:
    """Up to 256 values a column every value has a bin, whoever counts."""
    assert model(tmp_path, outside(batch_rows), task) == model(tmp_path, xgboost(), task)


@pytest.mark.parametrize(
    "kinds",
    [
        {"numeric": {"impute": "mean", "scale": "robust", "clip": (0.05, 0.9), "indicator": True}},
        {"categorical": {"encode": "target", "folds": 3}, "numeric": {"impute": "none"}},
        {"categorical": {"encode": "one_hot", "min_count": 30}, "dates": {"parts": ("month", "days"), "cyclic": True}},
        {"columns": {"city": {"kind": "text", "words": 2}}},
        NATIVE,
    ],
)
def test_preprocessing_learns_the_same_from_the_disk(tmp_path: Path, kinds: dict[str, Any]) -> None:
    assert model(tmp_path, outside(33), kinds=kinds) == model(tmp_path, xgboost(), kinds=kinds)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["mean", "median", "zero", "none"]),
    st.sampled_from(["none", "standard", "robust"]),
    st.sampled_from([None, (0.1, 0.8)]),
    st.integers(100, 700),
    st.integers(0, 10_000),
)
def test_what_is_fitted_does_not_depend_on_where_the_rows_are(
    tmp_path_factory: pytest.TempPathFactory, impute: str, scale: str, clip: Any, batch_rows: int, seed: int
) -> None:
    reads, frame = schema(), table(600, seed)
    y = np.random.default_rng(seed).random((600, 1))
    target = Target(("",), y, None, 7)
    spec = preprocessing(
        numeric={"impute": impute, "scale": scale, "clip": clip}, categorical={"encode": "target"},
        columns={"vip": {"encode": "one_hot"}},
    )  # fmt: skip
    rows = on_disk(tmp_path_factory.mktemp("rows"), frame, batch_rows)
    held, stored = (learn(spec, reads, Rows(m, target)) for m in (matrix(frame, reads), stored_matrix(rows, reads)))
    assert held.fitted == stored.fitted
    batches = [stored.transform(batch, first) for first, batch in stored_matrix(rows, reads).batches()]
    np.testing.assert_array_equal(np.concatenate(batches), held.transform(matrix(frame, reads), 0))


def test_a_model_of_more_values_than_bins_is_as_good(tmp_path: Path) -> None:
    write_sides(tmp_path / "data", rows=4000)
    losses = {}
    for batch_rows, trainer in ((None, xgboost(20)), (700, outside(700, 20))):
        trained(tmp_path, trainer)
        losses[batch_rows] = load_candidate(tmp_path / "candidate").record.curve["validation"]["logloss"][-1]
    assert losses[700] == pytest.approx(losses[None], rel=0.02)


def test_the_bytes_are_the_same_again_and_on_more_threads(tmp_path: Path) -> None:
    write_sides(tmp_path / "data", rows=3000)
    trainer = outside(500, subsample=0.7, colsample_bytree=0.5)
    first, *others = [model(tmp_path, trainer, threads=threads) for threads in (1, 2, 1)]
    assert others == [first, first]


def test_early_stopping_watches_the_validation_side_batch_by_batch(tmp_path: Path) -> None:
    found, folder = trained(tmp_path, outside(30, 200, 3, eta=1.0))
    losses = load_candidate(folder).record.curve["validation"]["logloss"]
    assert found.metrics["rounds"] == losses.index(min(losses)) + 1 == len(losses) - 3


def test_weights_of_rows_and_classes_count(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    for name in FILES:
        frame = pl.read_parquet(data / name)
        weight = pl.Series(np.random.default_rng(3).random(frame.height))
        frame.with_columns(trust=weight).write_parquet(data / name)
    declared = columns(trust=Column(type="float", role="weight"))
    models = []
    for trainer in (xgboost(), outside(50), outside(50).model_copy(update={"class_weight": None})):
        weighed = trainer.model_copy(update={"class_weight": "balanced" if len(models) < 2 else None})
        fit(training(), weighed, declared, data, tmp_path / "candidate", lambda _: None)
        models.append((tmp_path / "candidate" / "model.ubj").read_bytes())
    assert models[0] == models[1] != models[2]


def test_one_direction_and_calibration_are_kept(tmp_path: Path) -> None:
    records = []
    for trainer in (xgboost(), outside(40)):
        held = trainer.model_copy(update={"monotone": {"age": "increasing"}, "calibrate": "sigmoid"})
        _, folder = trained(tmp_path, held)
        record = load_candidate(folder).record
        records.append((record.calibration, record.files["model.ubj"], record.seen))
    assert records[0] == records[1]


@pytest.mark.parametrize("column", ["y", "age", "city"])
def test_a_batch_may_hold_one_class_or_nothing_of_a_column(tmp_path: Path, column: str) -> None:
    data = write_sides(tmp_path / "data")
    frame = pl.read_parquet(data / "train.parquet")
    if column == "y":
        frame = frame.sort("y")
    else:
        empty = pl.when(pl.int_range(pl.len()).is_between(50, 99)).then(None).otherwise(pl.col(column))
        frame = frame.with_columns(empty.alias(column))
    frame.write_parquet(data / "train.parquet")
    assert model(tmp_path, outside(50), kinds=NATIVE) == model(tmp_path, xgboost(), kinds=NATIVE)


def test_unseen_categories_of_the_validation_side_are_missing(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    path = data / "validation.parquet"
    pl.read_parquet(path).with_columns(city=pl.lit("Ulm")).write_parquet(path)
    assert model(tmp_path, outside(30), kinds=NATIVE) == model(tmp_path, xgboost(), kinds=NATIVE)


@pytest.mark.parametrize(
    "params",
    [
        {"booster": "dart", "rate_drop": 0.2},
        {"grow_policy": "lossguide", "max_leaves": 6},
        {"max_bin": 16},
        {"num_parallel_tree": 2, "subsample": 0.5},
    ],
)
def test_params_of_the_trees_work_as_they_do_in_memory(tmp_path: Path, params: dict[str, Any]) -> None:
    stored, _ = model(tmp_path, outside(1000, **params))
    held, _ = model(tmp_path, xgboost(**params))
    assert stored == held


@pytest.mark.parametrize("objective", ["reg:absoluteerror", "reg:quantileerror"])
def test_objectives_that_look_at_leaves_again_do_so_on_the_disk(tmp_path: Path, objective: str) -> None:
    params = {"objective": objective, **({"quantile_alpha": 0.9} if "quantile" in objective else {})}
    assert model(tmp_path, outside(30, **params), "regression") == model(tmp_path, xgboost(**params), "regression")


def test_whole_queries_are_not_read_by_batches() -> None:
    with pytest.raises(ValidationError, match="rows on the disk, and a ranking reads whole queries"):
        training("ranking", candidates={"one": outside(30)})


def test_predictions_by_batches_are_those_of_all_rows(tmp_path: Path) -> None:
    _, folder = trained(tmp_path, outside(60))
    candidate, frame = load_candidate(folder), table(95, 4)
    assert candidate.record.batch_rows == 60
    stored = on_disk(tmp_path, frame, 20)
    np.testing.assert_array_equal(predict(candidate, stored), predict(candidate, frame))
    assert predict(candidate, on_disk(tmp_path, frame.clear(), 20)).shape == (0,)


@pytest.mark.parametrize("params", [{"max_depth": -3}, {"max_bin": 1}, {"eval_metric": "acc"}])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, params: dict[str, Any]) -> None:
    with pytest.raises(StepFailed):
        trained(tmp_path, outside(30, **params))
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == FILES


def test_a_complaint_about_the_rows_is_the_one_of_rows_in_memory(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    path = data / "validation.parquet"
    pl.read_parquet(path).with_columns(age=pl.lit(float("inf"))).write_parquet(path)
    with pytest.raises(InvalidInput, match='column "age" holds an infinite number'):
        trained(tmp_path, outside(30))
    pl.read_parquet(path).drop("rooms").write_parquet(path)
    with pytest.raises(InvalidInput, match=r'validation\.parquet has no column "rooms"'):
        trained(tmp_path, outside(30))


def test_without_validation_rows_it_trains_to_the_end(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    pl.read_parquet(data / "validation.parquet").clear().write_parquet(data / "validation.parquet")
    assert model(tmp_path, outside(64)) == model(tmp_path, xgboost())
    with pytest.raises(InvalidInput, match="needs a validation side"):
        trained(tmp_path, outside(64, stop=3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 29), max_size=30), st.integers(1, 40))
def test_rows_on_the_disk_answer_as_a_frame_does(
    tmp_path_factory: pytest.TempPathFactory, positions: list[int], batch_rows: int
) -> None:
    frame = table(30, 1)
    rows = on_disk(tmp_path_factory.mktemp("rows"), frame, batch_rows)
    chosen = np.array(positions, dtype=np.int64)
    assert rows[chosen].equals(frame[chosen])
    assert (rows.height, rows.columns, rows.schema) == (frame.height, frame.columns, frame.schema)
    assert rows["city"].equals(frame["city"])
    assert rows.head(4).equals(frame.head(4))
    assert pl.concat([batch for _, batch in rows.batches()]).equals(frame)
