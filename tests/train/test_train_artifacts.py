import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xgboost as native
from train_tables import columns, linear, table, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput, NotVerified
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("boosted"), xgboost())[1]


@pytest.fixture
def copy(boosted: Path, tmp_path: Path) -> Path:
    for path in boosted.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("position", [0, 100, -1])
def test_an_altered_byte_is_refused_before_xgboost_sees_it(
    copy: Path, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native.Booster, "load_model", lambda *_: pytest.fail("the parser saw the bytes"))
    flip(copy / "model.ubj", position)
    with pytest.raises(NotVerified, match=r"model.ubj is not the file that was recorded"):
        load_candidate(copy)


def test_altered_preprocessing_is_refused_before_the_model_is_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.Booster, "load_model", lambda *_: pytest.fail("the parser saw the bytes"))
    flip(copy / "preprocess.json", 500)
    with pytest.raises(NotVerified, match=r"preprocess.json is not the file"):
        load_candidate(copy)


def test_a_record_that_is_not_the_expected_one_is_refused(copy: Path) -> None:
    digest = hashlib.sha256((copy / "candidate.json").read_bytes()).hexdigest()
    assert load_candidate(copy, {"candidate.json": digest})
    with pytest.raises(NotVerified, match=r"candidate.json is not the file"):
        load_candidate(copy, {"candidate.json": "0" * 64})
    with pytest.raises(NotVerified, match="no expected sha256 is given"):
        load_candidate(copy, {})


def test_a_forged_record_cannot_replace_the_expected_model(copy: Path) -> None:
    expected = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in copy.iterdir()}
    flip(copy / "model.ubj", 50)
    record = json.loads((copy / "candidate.json").read_text())
    record["files"]["model.ubj"]["sha256"] = hashlib.sha256((copy / "model.ubj").read_bytes()).hexdigest()
    (copy / "candidate.json").write_text(json.dumps(record))
    with pytest.raises(NotVerified, match=r"candidate.json is not the file"):
        load_candidate(copy, expected)
    forged = {**expected, "candidate.json": hashlib.sha256((copy / "candidate.json").read_bytes()).hexdigest()}
    with pytest.raises(NotVerified, match=r"model.ubj is not the file"):
        load_candidate(copy, forged)


@pytest.mark.parametrize("name", ["../model.ubj", "/etc/passwd", "other.pkl"])
def test_a_record_that_names_another_file_is_refused(copy: Path, name: str) -> None:
    record = json.loads((copy / "candidate.json").read_text())
    record["files"][name] = record["files"]["model.ubj"]
    (copy / "candidate.json").write_text(json.dumps(record))
    with pytest.raises(NotVerified, match=r"candidate.json is not one we wrote"):
        load_candidate(copy)


@pytest.mark.parametrize("name", ["candidate.json", "model.ubj", "preprocess.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(NotVerified, match=f"{name} is missing"):
        load_candidate(copy)


def test_another_scikit_learn_is_said_and_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = trained(tmp_path, linear())
    monkeypatch.setattr("sklearn.base.__version__", "1.99")
    with pytest.raises(NotVerified, match=r"trained with scikit-learn .*, this is 1\.99"):
        load_candidate(folder)


def test_boosters_are_read_without_scikit_learn(boosted: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mlops_runner.train.artifacts import load_candidate\n"
        "sys.modules['sklearn'] = None; sys.modules['skops'] = None; load_candidate(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(boosted)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_predictions_need_the_columns_and_nothing_else(boosted: Path) -> None:
    candidate, frame = load_candidate(boosted), table(20, 3)
    alone = frame.select("never", "day", "vip", "city", "rooms", "age")
    np.testing.assert_array_equal(predict(candidate, alone), predict(candidate, frame))
    with pytest.raises(InvalidInput, match='column "city" is missing'):
        predict(candidate, frame.drop("city"))
    assert predict(candidate, frame.clear()).shape == (0,)


def test_unseen_categories_and_missing_values_have_an_answer(boosted: Path) -> None:
    strange = table(5, 3).with_columns(city=pl.lit("Atlantis"), age=pl.lit(None, pl.Float64), vip=pl.lit(None))
    assert np.isfinite(predict(load_candidate(boosted), strange)).all()


def test_one_row_alone_gets_the_answer_it_gets_among_others(boosted: Path) -> None:
    candidate, frame = load_candidate(boosted), table(50, 3)
    together = predict(candidate, frame)
    assert [predict(candidate, frame[i])[0] for i in range(50)] == together.tolist()


def test_a_new_candidate_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    trained(tmp_path, xgboost())
    _, folder = trained(tmp_path, linear())
    assert sorted(path.name for path in folder.iterdir()) == ["candidate.json", "model.skops", "preprocess.json"]


def test_personal_columns_leave_no_values_in_the_record(tmp_path: Path) -> None:
    declared = columns()
    declared["city"] = declared["city"].model_copy(update={"tags": ("pii",)})
    data = write_sides(tmp_path / "data")
    fit(training(), linear(), declared, data, tmp_path / "out", lambda _: None)
    seen = load_candidate(tmp_path / "out").record.seen
    assert seen["city"].categories is None
    assert seen["vip"].categories == ("false", "true")
    assert seen["age"].min < seen["age"].max
    assert seen["never"].missing == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop("age"), 'train.parquet has no column "age"'),
        (lambda frame: frame.clear(), "the training side has no rows"),
        (lambda frame: frame.filter(pl.col("y") == "yes"), "nothing to learn"),
    ],
)
def test_what_the_training_side_lacks_is_said(tmp_path: Path, change: object, words: str) -> None:
    data = write_sides(tmp_path / "data")
    change(pl.read_parquet(data / "train.parquet")).write_parquet(data / "train.parquet")
    with pytest.raises(InvalidInput, match=words):
        trained(tmp_path, linear())
