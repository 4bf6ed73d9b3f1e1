"""Preprocessing, column by column: beside scikit-learn's own where there is one, and the same again from its file."""

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import OrdinalEncoder, RobustScaler, StandardScaler, TargetEncoder
from train_tables import preprocessing, schema

from mlops_runner.errors import InvalidInput, NotVerified, StepFailed
from mlops_runner.specs.training_preprocessing import NumericPreprocessing, Preprocessing
from mlops_runner.train import preprocess
from mlops_runner.train.columns.numbers import fit_numbers
from mlops_runner.train.columns.target_means import Target
from mlops_runner.train.features import Feature, Schema, matrix
from mlops_runner.train.preprocess import Fitted, Rows, decode, encode, fit_preprocessing

NUMBERS = pl.DataFrame(
    {"a": [1.0, None, 4.0, 4.0], "same": [5.0] * 4, "none": [None] * 4},
    {"a": pl.Float64, "same": pl.Float64, "none": pl.Float64},
)
CITIES = pl.DataFrame({"city": ["x", "x", "y", "y", "z", None]})
CITY = schema(city="string")


def learned(frame: pl.DataFrame, reads: Schema, **spec: Any) -> Fitted:
    return fit_preprocessing(preprocessing(**spec), reads, Rows(matrix(frame, reads)))[0]


def names(fitted: Fitted) -> list[str]:
    return [output.name for output in fitted.outputs]


def numeric(frame: pl.DataFrame = NUMBERS, **spec: Any) -> np.ndarray:
    reads = schema(**dict.fromkeys(frame.columns, "float"))
    return learned(frame, reads, numeric=spec).transform(matrix(frame, reads))


def cities(given: list[str | None], **spec: object) -> list[list[float]]:
    fitted = learned(CITIES, CITY, categorical=spec)
    return fitted.transform(matrix(pl.DataFrame({"city": given}, {"city": pl.String}), CITY)).tolist()


@pytest.mark.parametrize(("impute", "filled"), [("mean", 3.0), ("median", 4.0), ("zero", 0.0)])
def test_missing_numbers_are_filled_from_the_training_rows(impute: str, filled: float) -> None:
    found = numeric(impute=impute)
    assert found[1, 0] == filled
    assert found[:, 2].tolist() == [0.0] * 4


@pytest.mark.parametrize("impute", ["none", "mean", "median", "zero"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust"])
@pytest.mark.parametrize("clip", [None, (0.1, 0.9)])
def test_constant_and_empty_columns_are_kept_without_a_crash(impute: str, scale: str, clip: Any) -> None:
    found = numeric(impute=impute, scale=scale, clip=clip)
    assert found.shape == (4, 3)
    assert np.isfinite(found[:, 1]).all()
    assert np.isnan(found[:, 2]).all() == (impute == "none")


@pytest.mark.parametrize("impute", ["mean", "median"])
@pytest.mark.parametrize(("scale", "scaler"), [("standard", StandardScaler), ("robust", RobustScaler)])
def test_numbers_have_the_digits_of_scikit_learn(impute: str, scale: str, scaler: Any) -> None:
    random = np.random.default_rng(3)
    x = np.where(random.random((500, 4)) < 0.1, np.nan, random.lognormal(size=(500, 4)))
    filled = SimpleImputer(strategy=impute).fit_transform(np.asfortranarray(x))
    expected = scaler().fit_transform(filled)
    frame = pl.DataFrame(x, schema=list("abcd"))
    np.testing.assert_array_equal(numeric(frame, impute=impute, scale=scale), expected)


def test_clipping_moves_what_lies_beyond_the_quantiles_of_the_training_rows() -> None:
    reads = schema(a="float")
    frame = pl.DataFrame({"a": [float(value) for value in range(101)]})
    fitted = learned(frame, reads, numeric={"clip": (0.05, 0.9)})
    rows = matrix(pl.DataFrame({"a": [-1e9, 5.0, 50.0, 91.0, None]}), reads)
    assert fitted.transform(rows)[:, 0].tolist() == [5.0, 5.0, 50.0, 90.0, 50.0]


def test_an_indicator_says_what_was_missing_and_stands_after_the_numbers() -> None:
    reads = schema(a="float", b="int")
    frame = pl.DataFrame({"a": [1.0, None, 3.0], "b": [None, 2, 2]})
    fitted = learned(frame, reads, numeric={"indicator": True})
    assert names(fitted) == ["a", "b", "a=(missing)", "b=(missing)"]
    found = fitted.transform(matrix(frame, reads))
    np.testing.assert_array_equal(found[:, 2:], MissingIndicator(features="all").fit_transform(matrix(frame, reads)))


def test_one_hot_gives_unseen_categories_no_column() -> None:
    assert cities(["x", None, "new"], encode="one_hot") == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_rare_categories_share_a_column() -> None:
    assert cities(["x", "z", None, "y"], encode="one_hot", min_count=2) == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_ordinal_gives_unseen_categories_minus_one() -> None:
    assert cities(["x", "new", None], encode="ordinal") == [[1], [-1], [0]]


def test_native_keeps_categories_and_takes_unseen_ones_for_missing() -> None:
    found = np.array(cities(["x", "z", "new", None], encode="native"))[:, 0]
    np.testing.assert_array_equal(found, [0, 2, np.nan, np.nan])
    assert cities(["x", "z"], encode="native", min_count=2) == [[0], [2]]


def test_outputs_are_named_after_feature_and_category() -> None:
    reads = schema(city="string", age="float")
    frame = CITIES.with_columns(age=pl.lit(1.0))
    fitted = learned(frame, reads, categorical={"min_count": 2})
    assert names(fitted) == ["age", "city=x", "city=y", "city=(rare)"]
    assert fitted.transform(matrix(frame, reads)).shape == (6, 4)


@given(
    st.lists(st.sampled_from(["b", "a", "é", "", "(rare)", None]), min_size=1, max_size=30),
    st.lists(st.sampled_from(["b", "a", "é", "", "zz", None]), max_size=8),
    st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_places_are_those_of_scikit_learn(known: list[str | None], asked: list[str | None], min_count: int) -> None:
    reads = schema(city="string")
    train, rows = (matrix(pl.DataFrame({"city": v}, {"city": pl.String}), reads) for v in (known, asked))
    options = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    pooled = min_count if min_count > 1 else None
    plain = OrdinalEncoder(**options, min_frequency=pooled).fit(train.to_numpy())
    spec = preprocessing(categorical={"encode": "ordinal", "min_count": min_count})
    fitted, _ = fit_preprocessing(spec, reads, Rows(train))
    expected = plain.transform(rows.to_numpy()) if len(rows) else np.empty((0, 1))
    np.testing.assert_array_equal(fitted.transform(rows), expected)


CODES = np.random.default_rng(1).integers(0, 9, 300)
TARGETS = {
    "binary": ((CODES + np.random.default_rng(2).integers(0, 9, 300)) > 8).astype(np.int64),
    "multiclass": np.random.default_rng(3).integers(0, 3, 300) + CODES // 3 * 0,
    "regression": CODES * 0.3 + np.random.default_rng(4).normal(size=300),
}


def target_of(task: str) -> Target:
    y = TARGETS[task]
    if task == "multiclass":
        return Target(("0", "1", "2"), (y[:, None] == np.arange(3)).astype(float), None, 7)
    return Target(("",), y.astype(float)[:, None], None, 7)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("smoothing", ["auto", 0.0, 12.5])
def test_target_means_are_those_of_scikit_learn_fold_by_fold(task: str, smoothing: Any) -> None:
    reads = schema(city="string")
    train = matrix(pl.DataFrame({"city": [f"c{code}" for code in CODES]}), reads)
    spec = preprocessing(categorical={"encode": "target", "smoothing": smoothing, "folds": 4})
    fitted, crossed = fit_preprocessing(spec, reads, Rows(train, target_of(task)))
    kind = "continuous" if task == "regression" else task
    y, x = TARGETS[task], train.to_numpy()
    plain = TargetEncoder(smooth=smoothing, target_type=kind).fit(x, y)
    np.testing.assert_allclose(fitted.transform(train), plain.transform(x), rtol=1e-13)
    unseen = matrix(pl.DataFrame({"city": ["elsewhere"]}), reads)
    np.testing.assert_allclose(fitted.transform(unseen)[0], plain.transform(unseen.to_numpy())[0], rtol=1e-13)
    splitter = KFold if task == "regression" else StratifiedKFold
    for others, own in splitter(4, shuffle=True, random_state=7).split(x, y):
        expected = TargetEncoder(smooth=smoothing, target_type=kind).fit(x[others], y[others]).transform(x[own])
        np.testing.assert_allclose(crossed[own], expected, rtol=1e-13)


def test_no_training_row_sees_its_own_target() -> None:
    """A category of its own for every row says nothing, though the means of all rows give the target away."""
    reads = schema(city="string")
    train = matrix(pl.DataFrame({"city": [f"c{row}" for row in range(60)]}), reads)
    y = np.arange(60) % 2.0
    spec = preprocessing(categorical={"encode": "target", "smoothing": 0.0})
    fitted, crossed = fit_preprocessing(spec, reads, Rows(train, Target(("",), y[:, None], None, 7)))
    np.testing.assert_array_equal(fitted.transform(train)[:, 0], y)
    assert abs(np.corrcoef(crossed[:, 0], y)[0, 1]) < 0.2 if crossed.std() else True


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("smoothing", ["auto", 0.0])
def test_target_means_of_very_few_rows_are_numbers(rows: int, smoothing: Any) -> None:
    train = matrix(pl.DataFrame({"city": ["a", "b", "a"][:rows]}), CITY)
    spec = preprocessing(categorical={"encode": "target", "smoothing": smoothing})
    target = Target(("",), np.array([[1.0], [0.0], [1.0]])[:rows], None, 7)
    fitted, crossed = fit_preprocessing(spec, CITY, Rows(train, target))
    assert np.isfinite(crossed).all()
    assert np.isfinite(fitted.transform(train)).all()


def test_rows_that_weigh_nothing_do_not_move_a_mean() -> None:
    train = matrix(pl.DataFrame({"city": ["a", "a", "b", "b"]}), CITY)
    spec = preprocessing(categorical={"encode": "target", "smoothing": 0.0})
    target = Target(("",), np.array([[1.0], [9.0], [2.0], [9.0]]), np.array([1.0, 0.0, 1.0, 0.0]), 7)
    fitted, _ = fit_preprocessing(spec, CITY, Rows(train, target))
    assert fitted.transform(train)[:, 0].tolist() == [1.0, 1.0, 2.0, 2.0]


DAYS = schema(day="date")
SOME_DAYS = pl.DataFrame({"day": [date(2024, 2, 29), date(2025, 12, 31), None]})


def test_dates_become_days_unless_parts_are_asked_for() -> None:
    fitted = learned(SOME_DAYS, DAYS, numeric={"impute": "none"})
    assert names(fitted) == ["day"]
    np.testing.assert_array_equal(fitted.transform(matrix(SOME_DAYS, DAYS))[:, 0], [19782, 20453, np.nan])


def test_dates_are_taken_apart() -> None:
    spec = {"parts": ("year", "month", "day", "weekday", "day_of_year", "days")}
    fitted = learned(SOME_DAYS, DAYS, dates=spec, numeric={"impute": "none"})
    assert names(fitted) == ["day.year", "day.month", "day.day", "day.weekday", "day.day_of_year", "day"]
    found = fitted.transform(matrix(SOME_DAYS, DAYS))
    assert found[:2].tolist() == [[2024, 2, 29, 4, 60, 19782], [2025, 12, 31, 3, 365, 20453]]
    assert np.isnan(found[2]).all()


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)))  # noqa: DTZ001
@settings(max_examples=100, deadline=None)
def test_hours_and_minutes_survive_the_way_through_days(moment: datetime) -> None:
    reads = schema(at="datetime")
    frame = pl.DataFrame({"at": [moment.replace(microsecond=0, tzinfo=UTC)]})
    found = learned(frame, reads, dates={"parts": ("year", "day_of_year", "hour", "minute")}).transform(
        matrix(frame, reads)
    )
    assert found[0].tolist() == [moment.year, moment.timetuple().tm_yday, moment.hour, moment.minute]


def test_parts_that_come_round_end_where_they_began() -> None:
    reads = schema(at="datetime")
    frame = pl.DataFrame({"at": [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 6, 18, 23)] + [None]})
    fitted = learned(frame, reads, dates={"parts": ("year", "hour"), "cyclic": True})
    assert names(fitted) == ["at.year", "at.hour.sin", "at.hour.cos"]
    sine, cosine = fitted.transform(matrix(frame, reads))[:, 1:].T
    assert sine.tolist() == [0, 1, -1, pytest.approx(math.sin(2 * math.pi * 23 / 24)), 0]
    assert cosine.tolist() == [1, 0, 0, pytest.approx(math.cos(2 * math.pi * 23 / 24)), 0]


NOTES = ["The pump leaks; the PUMP stops.", "Valve leaks", None, "größere Ventile, größere Pumpen", "", "a b c pump"]
NOTE = Schema("binary", "y", "yes", ("no", "yes"), schema(note="string").features, texts=("note",))


@pytest.mark.parametrize("words", [1, 2, 3])
def test_texts_have_the_digits_of_scikit_learn(words: int) -> None:
    frame = pl.DataFrame({"note": NOTES * 3})
    fitted = learned(frame, NOTE, text={"min_count": 1, "words": words})
    terms = [name.removeprefix("note~") for name in names(fitted)]
    plain = TfidfVectorizer(ngram_range=(1, words)).fit([note or "" for note in frame["note"]])
    assert terms == sorted(plain.vocabulary_)
    asked = [*NOTES, "unknown pump pump leaks"]
    found = fitted.transform(matrix(pl.DataFrame({"note": asked}), NOTE))
    np.testing.assert_array_equal(found, plain.transform([note or "" for note in asked]).toarray())


def test_the_vocabulary_is_bounded_by_frequency_and_then_by_alphabet() -> None:
    frame = pl.DataFrame({"note": ["dd cc bb aa bb", "dd cc bb aa", "aa zz"]})
    assert names(learned(frame, NOTE, text={"max_terms": 3})) == ["note~aa", "note~bb", "note~cc"]
    assert names(learned(frame, NOTE, text={"min_count": 3})) == ["note~aa"]


def test_texts_without_a_single_term_give_no_column() -> None:
    frame = pl.DataFrame({"note": [None, "", "x"]}, {"note": pl.String})
    assert learned(frame, NOTE).transform(matrix(frame, NOTE)).shape == (3, 0)


def test_single_columns_are_treated_otherwise() -> None:
    reads = schema(zip="int", age="float", city="string", vip="bool")
    frame = pl.DataFrame(
        {"zip": [10, 2, None], "age": [1.0, None, 3.0], "city": ["a", "b", "a"], "vip": [True, None, False]}
    )
    own = {
        "zip": {"kind": "category"},
        "age": {"impute": "zero"},
        "city": {"encode": "ordinal"},
        "vip": {"kind": "number", "impute": "none"},
    }
    fitted = learned(frame, reads, columns=own)
    assert names(fitted) == ["age", "vip", "zip=(missing)", "zip=10", "zip=2", "city"]
    found = fitted.transform(matrix(frame, reads))
    np.testing.assert_array_equal(found, [[1, 1, 0, 1, 0, 0], [0, np.nan, 0, 0, 1, 1], [3, 0, 1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("own", "message", "hint"),
    [
        ({"ages": {"scale": "robust"}}, 'names "ages", which is not a feature', 'did you mean "age"?'),
        ({"age": {"kind": "text"}}, 'column "age" is float, so it cannot be treated as a text', "it can be a number"),
        ({"age": {"encode": "target"}}, '"encode" says nothing about column "age"', "a number has clip, impute"),
        ({"city": {"scale": "robust"}}, 'treated as a category', "a category has encode, folds"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_a_column_are_refused(own: Any, message: str, hint: str) -> None:
    reads = schema(age="float", city="string")
    frame = pl.DataFrame({"age": [1.0], "city": ["a"]})
    with pytest.raises(InvalidInput, match=message) as caught:
        learned(frame, reads, columns=own)
    assert str(caught.value.diagnostics[0].hint).startswith(hint)


def test_a_result_that_would_not_fit_is_refused_with_the_worst_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "MAX_CELLS", 20)
    with pytest.raises(StepFailed, match=r'4 columns for 6 rows, .* "city" alone gives 4'):
        cities(["x"], encode="one_hot")
    assert cities(["x"], encode="one_hot", min_count=2)


EVERYTHING: list[dict[str, Any]] = [
    {"numeric": {"impute": impute, "scale": "robust", "clip": (0.1, 0.9), "indicator": True}, "categorical": category,
     "dates": {"parts": ("days", "month"), "cyclic": True}}
    for impute in ("none", "median")
    for category in ({"encode": "one_hot", "min_count": 2}, {"encode": "ordinal"}, {"encode": "target"},
                     {"encode": "native"})
]  # fmt: skip


@pytest.mark.parametrize("spec", EVERYTHING)
def test_what_was_stored_answers_bit_for_bit(spec: dict[str, Any]) -> None:
    reads = Schema("binary", "y", "yes", ("no", "yes"),
                   schema(a="float", same="float", none="float", city="string", day="date", note="string").features,
                   texts=("note",))  # fmt: skip
    frame = NUMBERS.with_columns(
        city=pl.Series(["x", "y", "y", None]),
        day=pl.Series([date(2024, 1, 2), None, date(2024, 3, 4), date(2024, 5, 6)]),
        note=pl.Series(["pump leaks", "pump", None, "leaks pump"]),
    )
    rows = Rows(matrix(frame, reads), Target(("",), np.array([[1.0], [0.0], [1.0], [0.0]]), None, 7))
    fitted, _ = fit_preprocessing(Preprocessing.model_validate(spec), reads, rows)
    stored = encode(fitted)
    again = decode(stored)
    np.testing.assert_array_equal(again.transform(rows.frame), fitted.transform(rows.frame))
    assert encode(again) == stored
    assert again.transform(rows.frame.head(0)).shape == (0, len(fitted.outputs))


def test_a_file_that_is_not_ours_is_refused() -> None:
    with pytest.raises(NotVerified, match=r"preprocess\.json is not one we wrote"):
        decode(b'{"format":1,"parts":[{"kind":"code"}]}')


def test_no_column_is_also_a_matrix() -> None:
    """A constant text without any term may be all there is."""
    fitted = learned(pl.DataFrame({"note": ["x"]}), NOTE)
    assert fitted.outputs == ()


def test_the_median_is_that_of_scikit_learn_to_the_last_bit() -> None:
    random = np.random.default_rng(5)
    for rows in (1, 2, 7, 40, 301):
        columns = [random.normal(size=rows) * 1e200, random.integers(-3, 3, rows), random.random(rows).round(1) * -0.1]
        x = np.asfortranarray(np.column_stack(columns))
        x[random.random(x.shape) < 0.3] = np.nan
        expected = SimpleImputer(strategy="median", keep_empty_features=True).fit(x).statistics_
        frame = pl.DataFrame(x, schema=list("abc"))
        found = fit_numbers(dict.fromkeys("abc", NumericPreprocessing(impute="median", scale="none")), frame)
        assert [column.fill for column in found.columns] == expected.tolist()


def test_columns_of_all_types_keep_the_order_of_the_schema() -> None:
    frame = pl.DataFrame({"a": ["x"], "b": [1], "c": [True], "d": [0.5], "e": [date(1970, 1, 3)], "f": [None]})
    kinds = {"f": "int", "c": "bool", "b": "int", "a": "string", "e": "date", "d": "float"}
    schema = Schema("regression", "y", None, (), tuple(Feature(name, kind) for name, kind in kinds.items()))
    found = matrix(frame, schema)
    assert found.columns == list(kinds)
    assert found.row(0)[1:] == ("true", 1.0, "x", 2.0, 0.5)
