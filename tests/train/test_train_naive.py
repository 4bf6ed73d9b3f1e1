"""The naive forecast: what it predicts, and how it is stored."""

import polars as pl
import pytest

from mlops_runner.errors import InvalidInput, NotVerified
from mlops_runner.specs.data import Column
from mlops_runner.specs.training import Training
from mlops_runner.specs.training_trainers import NaiveTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit
from mlops_runner.train.naive import NaiveForecast, decode

COLUMNS = {
    "y_lag_7": Column(type="int", max_missing=1.0),
    "y_lag_14": Column(type="int", max_missing=1.0),
    "place": Column(type="string"),
    "y": Column(type="float", role="target"),
}
ROWS = pl.DataFrame(
    {"y_lag_7": [1, None, None], "y_lag_14": [7, 2, None], "place": ["a", "b", "a"], "y": [1.0, 2.0, 6.0]}
)


def trained(folder, columns=("y_lag_7", "y_lag_14")):
    data, out = folder / "data", folder / "out"
    for one in (data, out):
        one.mkdir()
    ROWS.write_parquet(data / "train.parquet")
    ROWS.write_parquet(data / "validation.parquet")
    naive = {"trainer": "naive", "columns": list(columns)}
    head = {"apiVersion": "mlops/v1", "kind": "Training", "name": "t", "task": "forecasting", "horizon": 7, "seed": 1}
    document = {**head, "baseline": naive, "candidates": {"own": naive}, "select": {"metric": "mae"}}
    spec = Training.model_validate(document, strict=False)
    said = []
    fit(spec, spec.baseline, COLUMNS, data, out, said.append)
    return out, said


def test_it_predicts_the_first_lag_that_is_known_else_the_mean_of_the_training_rows(tmp_path):
    out, said = trained(tmp_path)
    assert predict(load_candidate(out), ROWS).tolist() == [1.0, 2.0, 3.0]
    assert "naive: 1 of 3 training rows have no past; they are given the mean" in said


def test_it_is_stored_as_json_that_says_all_of_it(tmp_path):
    out, _ = trained(tmp_path)
    assert (out / "model.json").read_text() == '{"columns":["y_lag_7","y_lag_14"],"format":1,"otherwise":3.0}\n'
    assert not (out / "preprocess.json").exists()


def test_an_altered_model_is_refused(tmp_path):
    out, _ = trained(tmp_path)
    (out / "model.json").write_text('{"columns":["y_lag_7","y_lag_14"],"format":1,"otherwise":4.0}\n')
    with pytest.raises(NotVerified, match=r"model\.json is not the file that was recorded"):
        load_candidate(out)


def test_a_column_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match='naive names "place", which is not a feature that holds numbers'):
        trained(tmp_path, ["place"])


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format":2,"columns":["a"],"otherwise":1}', '{"format":1,"columns":[],"otherwise":1}',
     '{"format":1,"columns":[1],"otherwise":1}', '{"format":1,"columns":["a"],"otherwise":1e999}'],
)  # fmt: skip
def test_what_is_no_naive_forecast_is_refused(text):
    with pytest.raises(NotVerified, match="not a naive forecast"):
        decode(text.encode())


def test_what_is_written_is_read_back():
    model = NaiveForecast(("a", "b"), 0.1)
    assert decode(model.encode()) == model


def test_the_trainer_has_no_settings_of_others():
    with pytest.raises(ValueError, match="search"):
        NaiveTrainer.model_validate({"trainer": "naive", "columns": ("a",), "search": {}})
