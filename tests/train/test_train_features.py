from datetime import date

import polars as pl
import pytest
from train_tables import columns, schema, table, training

from mlops_runner.errors import InvalidInput
from mlops_runner.train.features import matrix, schema_of


def test_schema_keeps_the_order_of_the_table_within_each_kind() -> None:
    found = schema_of(training(), columns(), ("no", "yes"))
    assert found.numeric == ("age", "rooms", "never")
    assert found.categorical == ("city", "vip")
    assert found.dates == ("day",)
    assert (found.target, found.positive, found.weight) == ("y", "yes", None)


def test_missing_categories_and_booleans_become_texts() -> None:
    frame = pl.DataFrame({"city": ["Bonn", None], "vip": [True, None]})
    found = matrix(frame, schema(city="string", vip="bool"))
    assert found.rows() == [("Bonn", "true"), ("(missing)", "(missing)")]


def test_dates_become_days_since_the_epoch() -> None:
    frame = pl.DataFrame({"day": [date(1970, 1, 3), None], "time": ["1970-01-01 06:00", "1969-12-31 00:00"]})
    found = matrix(frame.with_columns(pl.col("time").str.to_datetime()), schema(day="date", time="datetime"))
    assert found["time"].to_list() == [0.25, -1.0]
    assert found["day"][0] == 2.0
    assert found["day"].is_nan().to_list() == [False, True]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_unit_and_zone_of_a_moment_do_not_matter(unit: str) -> None:
    texts = pl.Series("time", ["1970-01-02 01:00"])
    moments = texts.str.to_datetime(time_unit=unit).dt.replace_time_zone("Europe/Berlin")
    assert matrix(moments.to_frame(), schema(time="datetime"))["time"].to_list() == [1.0]


def test_columns_that_the_model_does_not_read_are_ignored() -> None:
    assert matrix(table(5, 1), schema(rooms="int")).columns == ["rooms"]


def test_every_missing_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput) as caught:
        matrix(pl.DataFrame({"ages": [1.0]}), schema(age="float", city="string"))
    first, second = caught.value.diagnostics
    assert first.message == 'column "age" is missing; the model reads it'
    assert first.hint == 'did you mean "ages"?'
    assert "city" in second.message


def test_text_where_a_number_was_is_refused() -> None:
    with pytest.raises(InvalidInput, match='column "age" holds String, the model was trained on float'):
        matrix(pl.DataFrame({"age": ["old"]}), schema(age="float"))


def test_infinite_numbers_are_refused_by_column() -> None:
    with pytest.raises(InvalidInput, match='column "age" holds an infinite number'):
        matrix(pl.DataFrame({"age": [1.0, float("inf")], "rooms": [1, 2]}), schema(age="float", rooms="int"))


def test_a_column_of_nothing_fits_every_type() -> None:
    frame = pl.DataFrame({name: [None] for name in ("age", "city", "vip", "day")})
    found = matrix(frame, schema(age="float", city="string", vip="bool", day="date"))
    assert list(found.dtypes) == [pl.Float64, pl.String, pl.String, pl.Float64]
