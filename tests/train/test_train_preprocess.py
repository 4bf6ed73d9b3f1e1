import numpy as np
import polars as pl
import pytest
from train_tables import preprocessing, schema

from mlops_runner.errors import StepFailed
from mlops_runner.train import preprocess
from mlops_runner.train.features import matrix
from mlops_runner.train.formats import estimator
from mlops_runner.train.preprocess import fit_preprocessing, outputs_of, transform

NUMBERS = pl.DataFrame(
    {"a": [1.0, None, 4.0, 4.0], "same": [5.0] * 4, "none": [None] * 4},
    {"a": pl.Float64, "same": pl.Float64, "none": pl.Float64},
)
CITIES = pl.DataFrame({"city": ["x", "x", "y", "y", "z", None]})
CITY = schema(city="string")


def numeric(impute: str, scale: str) -> np.ndarray:
    reads = schema(a="float", same="float", none="float")
    frame = matrix(NUMBERS, reads)
    fitted = fit_preprocessing(preprocessing(numeric={"impute": impute, "scale": scale}), reads, frame)
    return transform(fitted, frame)


def cities(given: list[str | None], **spec: object) -> list[list[float]]:
    fitted = fit_preprocessing(preprocessing(categorical=spec), CITY, matrix(CITIES, CITY))
    return transform(fitted, matrix(pl.DataFrame({"city": given}, {"city": pl.String}), CITY)).tolist()


@pytest.mark.parametrize(("impute", "filled"), [("mean", 3.0), ("median", 4.0), ("zero", 0.0)])
def test_missing_numbers_are_filled_from_the_training_rows(impute: str, filled: float) -> None:
    found = numeric(impute, "none")
    assert found[1, 0] == filled
    assert found[:, 2].tolist() == [0.0] * 4


@pytest.mark.parametrize("impute", ["none", "mean", "median", "zero"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust"])
def test_constant_and_empty_columns_are_kept_without_a_crash(impute: str, scale: str) -> None:
    found = numeric(impute, scale)
    assert found.shape == (4, 3)
    assert np.isfinite(found[:, 1]).all()
    assert np.isnan(found[:, 2]).all() == (impute == "none")


def test_one_hot_gives_unseen_categories_no_column() -> None:
    assert cities(["x", None, "new"], encode="one_hot") == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_rare_categories_share_a_column() -> None:
    assert cities(["x", "z", None, "y"], encode="one_hot", min_count=2) == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_ordinal_gives_unseen_categories_minus_one() -> None:
    assert cities(["x", "new", None], encode="ordinal") == [[1], [-1], [0]]


def test_outputs_are_named_after_feature_and_category() -> None:
    reads = schema(city="string", age="float")
    frame = matrix(CITIES.with_columns(age=pl.lit(1.0)), reads)
    fitted = fit_preprocessing(preprocessing(categorical={"min_count": 2}), reads, frame)
    assert [output.name for output in outputs_of(fitted)] == ["age", "city=x", "city=y", "city=(rare)"]
    assert transform(fitted, frame).shape == (6, 4)


def test_one_hot_that_would_not_fit_is_refused_with_the_worst_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "MAX_CELLS", 20)
    with pytest.raises(StepFailed, match=r'4 columns for 6 rows, .* "city" alone has 4 categories'):
        cities(["x"], encode="one_hot")
    assert cities(["x"], encode="one_hot", min_count=2)


@pytest.mark.parametrize("impute", ["none", "median"])
@pytest.mark.parametrize("encode", ["one_hot", "ordinal"])
def test_a_stored_transformer_answers_bit_for_bit(impute: str, encode: str) -> None:
    reads = schema(a="float", city="string")
    frame = matrix(NUMBERS.with_columns(city=pl.Series(["x", "y", "y", None])), reads)
    spec = preprocessing(numeric={"impute": impute}, categorical={"encode": encode, "min_count": 2})
    fitted = fit_preprocessing(spec, reads, frame)
    stored = estimator.dump(fitted)
    again = estimator.load(stored, "preprocessing")
    np.testing.assert_array_equal(transform(again, frame), transform(fitted, frame))
    assert estimator.dump(again) == stored
