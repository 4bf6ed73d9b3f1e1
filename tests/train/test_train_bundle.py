import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from train_tables import columns, linear, preprocessing, schema, table, trained, training, xgboost

from mlops_runner.errors import InvalidInput, NotVerified
from mlops_runner.specs.data import Column
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle
from mlops_runner.train.fit import fit
from mlops_runner.train.reference import PredictionProfile, Reference
from mlops_runner.train.rows import frame_of, rows_of

ROW = {"age": 0.5, "rooms": 2, "city": "Bonn", "vip": True, "day": "2024-02-03", "never": None}


def bundled(folder: Path, task: str, threshold: float | None = None, rows: int = 15) -> Path:
    _, candidate = trained(folder, xgboost(rounds=4), task)
    facts = BundleFacts("churn", threshold, columns(task), {"roc_auc": 0.9})
    write_bundle(candidate, folder / "bundle", facts, table(rows, 5, task))
    return folder / "bundle"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("binary"), "binary", 0.8)


@pytest.fixture(scope="module")
def multiclass(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("multiclass"), "multiclass")


def test_a_bundle_answers_its_probe_and_says_what_it_reads(binary: Path) -> None:
    model = load_bundle(binary)
    model.check_probe()
    assert model.record.classes == ("no", "yes")
    assert model.record.columns["city"].seen.categories == ("Aachen", "Bonn", "Köln", "Rheinbach")
    assert model.record.probe.about == (
        *["from the data"] * 15, "every value missing", "unseen categories", "lowest numbers", "highest numbers"
    )  # fmt: skip


def test_rebuilding_gives_the_same_bytes(tmp_path: Path, binary: Path) -> None:
    again = bundled(tmp_path, "binary", 0.8)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in binary.iterdir()}


def test_decisions_follow_the_threshold(binary: Path) -> None:
    model, frame = load_bundle(binary), table(50, 9)
    probabilities = model.predict(frame)
    assert model.decide(frame) == ["yes" if p >= 0.8 else "no" for p in probabilities]
    assert {"yes", "no"} == set(model.decide(frame))
    np.testing.assert_allclose(model.predict_proba(frame).sum(axis=1), 1)


def test_multiclass_decides_for_the_likeliest_class(multiclass: Path) -> None:
    model, frame = load_bundle(multiclass), table(30, 9, "multiclass")
    assert model.decide(frame) == [(0, 10, 20)[i] for i in model.predict_proba(frame).argmax(axis=1)]


def test_regression_has_values_and_no_probabilities(tmp_path: Path) -> None:
    model = load_bundle(bundled(tmp_path, "regression"))
    model.check_probe()
    assert model.decide([ROW]) == model.predict([ROW]).tolist()
    with pytest.raises(InvalidInput, match="a regression model gives no probabilities"):
        model.predict_proba([ROW])


def test_a_threshold_needs_a_binary_task(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a multiclass model has no decision threshold"):
        bundled(tmp_path, "multiclass", 0.5)


def test_rows_may_be_dictionaries(binary: Path) -> None:
    model, frame = load_bundle(binary), table(20, 9)
    assert model.predict(list(rows_of(frame, model.schema))).tolist() == model.predict(frame).tolist()
    assert model.predict([]).shape == (0,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age": "old"}, "row 0: column \"age\" is 'old', the model reads float"),
        ({"age": True}, 'column "age" is True'),
        ({"rooms": 1.5}, 'column "rooms" is 1.5, the model reads int'),
        ({"vip": 1}, 'column "vip" is 1, the model reads bool'),
        ({"city": 5}, 'column "city" is 5, the model reads string'),
        ({"day": "3.2.2024"}, "column \"day\" is '3.2.2024', the model reads date"),
        ({"age": float("inf")}, 'column "age" holds an infinite number'),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_row(binary: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_bundle(binary).predict([{**ROW, **change}])
    assert words in str(caught.value)


def test_a_row_must_name_every_feature(binary: Path) -> None:
    row = {**ROW, "citty": "Bonn"}
    del row["city"]
    with pytest.raises(InvalidInput, match='row 1: column "city" is missing') as caught:
        load_bundle(binary).predict([ROW, row])
    assert caught.value.diagnostics[0].hint == 'did you mean "citty"?'


def test_other_predictions_than_recorded_are_noticed(tmp_path: Path, binary: Path) -> None:
    for path in binary.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    record = json.loads((tmp_path / "bundle.json").read_text())
    record["probe"]["predictions"][3] += 2e-9
    (tmp_path / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(NotVerified, match=r"probe row 3 \(from the data\): predicted"):
        load_bundle(tmp_path).check_probe()


@pytest.mark.parametrize("name", ["bundle.json", "candidate.json", "model.ubj", "preprocess.json"])
def test_every_file_of_a_bundle_is_checked(tmp_path: Path, binary: Path, name: str) -> None:
    for path in binary.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    expected = {"bundle.json": hashlib.sha256((binary / "bundle.json").read_bytes()).hexdigest()}
    load_bundle(tmp_path, expected)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(NotVerified, match=f"{name} is not the file that was recorded"):
        load_bundle(tmp_path, expected)


def test_a_bundle_of_two_models_is_refused(tmp_path: Path, binary: Path) -> None:
    for path in binary.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    record = json.loads((tmp_path / "bundle.json").read_text())
    record["classes"] = ["yes", "no"]
    (tmp_path / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(NotVerified, match="describe different models"):
        load_bundle(tmp_path)


def test_a_linear_bundle_is_estimator_preprocessing_and_two_records(tmp_path: Path) -> None:
    _, candidate = trained(tmp_path, linear())
    found = write_bundle(candidate, tmp_path / "b", BundleFacts("churn", None, columns()), table(3, 5))
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "bundle.json",
        "candidate.json",
        "model.skops",
        "preprocess.json",
    ]
    assert found == {"size_bytes": sum(p.stat().st_size for p in (tmp_path / "b").iterdir()), "probe_rows": 7}


TYPES = {"a": "float", "b": "int", "c": "string", "d": "bool", "e": "date", "f": "datetime"}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "b": st.none() | st.integers(-(2**62), 2**62),
            "c": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            "d": st.none() | st.booleans(),
            "e": st.none() | st.dates(date(1900, 1, 1)).map(date.isoformat),
            "f": st.none() | st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
        }
    ),
    max_size=5,
)


@given(ROWS)
@settings(deadline=None)
def test_rows_survive_the_way_into_a_frame_and_back(rows: list[dict[str, object]]) -> None:
    reads = schema(**TYPES)
    assert list(rows_of(frame_of(rows, reads), reads)) == rows


def test_dates_may_be_objects_and_offsets_are_converted() -> None:
    reads = schema(e="date", f="datetime")
    frame = frame_of([{"e": date(2024, 1, 2), "f": "2024-01-01T02:00:00+02:00"}], reads)
    assert rows_of(frame, reads) == ({"e": "2024-01-02", "f": "2024-01-01T00:00:00+00:00"},)
    assert frame.schema["f"] == pl.Datetime("us", "UTC")


def test_a_probe_row_that_the_model_cannot_answer_is_named_and_left_out(tmp_path: Path) -> None:
    raw = preprocessing(numeric={"impute": "none"})
    rows = table(200, 1).drop_nulls(["age", "city", "vip", "day"])
    (tmp_path / "data").mkdir()
    rows.write_parquet(tmp_path / "data/train.parquet")
    rows.write_parquet(tmp_path / "data/validation.parquet")
    declared = {**columns(), "never": Column(type="float", role="ignored")}
    fit(training(preprocessing=raw), linear(), declared, tmp_path / "data", tmp_path / "c", print)
    write_bundle(tmp_path / "c", tmp_path / "b", BundleFacts("churn", None, declared), rows.head(2))
    probe = load_bundle(tmp_path / "b").record.probe
    assert probe.refused == ("every value missing",)
    assert probe.about == ("from the data", "from the data", "unseen categories", "lowest numbers", "highest numbers")


def test_the_signature_lists_the_columns_as_the_model_reads_them(binary: Path) -> None:
    signature = load_bundle(binary).signature
    assert list(signature.columns) == ["age", "rooms", "city", "vip", "day", "never"]
    assert signature.threshold == 0.8
    assert (signature.columns["rooms"].seen.min, signature.columns["rooms"].seen.max) == (0, 8)
    assert signature.columns["never"].seen.missing == 1


LIMITED = {
    "age": Column(type="float", min=-10, max=10),
    "city": Column(type="string", allowed=("Aachen", "Bonn", "Köln", "Rheinbach"), max_missing=1.0),
    "vip": Column(type="bool", allowed=(True,), max_missing=1.0),
    "rooms": Column(type="int", tags=("pii",)),
}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"age": None}, "missing-value", 'row 0: column "age" is missing, which the data spec does not allow'),
        ({"age": -10.5}, "out-of-range", 'row 0: column "age" is -10.5, below -10, the least allowed'),
        ({"age": 9.5}, "unseen-range", 'row 0: column "age" is 9.5, above '),
        ({"city": "Paris"}, "not-allowed", "row 0: column \"city\" is 'Paris', which is not allowed"),
        ({"vip": False}, "not-allowed", "row 0: column \"vip\" is 'false', which is not allowed"),
        ({"day": "2031-01-01"}, "unseen-range", 'row 0: column "day" is 22280.0, above '),
    ],
)
def test_rows_are_held_against_the_signature(tmp_path: Path, change: dict[str, object], code: str, words: str) -> None:
    _, candidate = trained(tmp_path, xgboost(rounds=2))
    write_bundle(candidate, tmp_path / "b", BundleFacts("churn", None, columns(**LIMITED)), table(3, 5))
    model = load_bundle(tmp_path / "b")
    assert model.validate([{**ROW, "vip": True}]) == ()
    found = model.validate([{**ROW, "vip": True, **change}])
    assert (found[0].code, found[0].message[: len(words)]) == (code, words)
    assert found[0].severity == ("warning" if code.startswith("unseen") else "error")


def test_a_category_that_no_training_row_had_is_a_warning(binary: Path) -> None:
    model = load_bundle(binary)
    (found,) = model.validate([ROW, {**ROW, "city": "Paris"}, {**ROW, "city": "Rome"}])
    words = "row 1: column \"city\" is 'Paris', a category that no training row had (and 1 more)"
    assert (found.message, found.severity) == (words, "warning")
    assert model.predict([{**ROW, "city": "Paris"}]).shape == (1,)


def test_values_of_personal_columns_are_not_shown(tmp_path: Path) -> None:
    _, candidate = trained(tmp_path, xgboost(rounds=2))
    write_bundle(candidate, tmp_path / "b", BundleFacts("churn", None, columns(**LIMITED)), table(3, 5))
    (found,) = load_bundle(tmp_path / "b").validate([{**ROW, "vip": True, "rooms": 77}])
    assert found.message == 'row 0: column "rooms" is ***, above 8, the most that the training rows had'


def test_a_bundle_of_another_format_says_so(tmp_path: Path, binary: Path) -> None:
    for path in binary.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    record = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**record, "format": 1}))
    with pytest.raises(NotVerified, match=r"bundle\.json has the format 1, and this version reads 2"):
        load_bundle(tmp_path)


PROFILE = {"profile_version": 2, "rows": {"train": 200}, "columns": {"age": {"min": 0.0}}, "target": {"column": "y"}}


def test_the_reference_is_stored_checked_and_read_when_it_is_asked_for(tmp_path: Path) -> None:
    _, candidate = trained(tmp_path, linear())
    reference = Reference(**PROFILE, predictions={"test": PredictionProfile(rows=2, scores={"yes": {"max": 0.5}})})
    write_bundle(candidate, tmp_path / "b", BundleFacts("churn", None, columns(), reference=reference), table(3, 5))
    assert load_bundle(tmp_path / "b").reference == reference
    (tmp_path / "b/reference.json").write_bytes(b"{}\n")
    with pytest.raises(NotVerified, match=r"reference\.json is not the file that was recorded"):
        load_bundle(tmp_path / "b")


def test_a_bundle_without_reference_has_none_even_over_one_that_had(tmp_path: Path) -> None:
    _, candidate = trained(tmp_path, linear())
    for reference in (Reference(**PROFILE), None):
        facts = BundleFacts("churn", None, columns(), reference=reference)
        write_bundle(candidate, tmp_path / "b", facts, table(3, 5))
    assert load_bundle(tmp_path / "b").reference is None
    assert not (tmp_path / "b/reference.json").exists()
