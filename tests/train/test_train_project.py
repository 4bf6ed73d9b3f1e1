"""Models that a project defines: saved in files that run no code, read by a function of the project."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from train_tables import columns, table, trained, training, write_sides

from mlops_runner.errors import InvalidInput, MlopsError, NotVerified, StepFailed
from mlops_runner.specs.training_trainers import PythonTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.bundle import BundleFacts, load_bundle, write_bundle
from mlops_runner.train.fit import fit

LINE = '''\
"""A line through one feature."""

import json

import numpy as np


class Line:
    def __init__(self, slope, middle):
        self.slope, self.middle = slope, middle
        self.curve = {"train": {"loss": [0.7, 0.5]}}

    def predict(self, x):
        return 1 / (1 + np.exp(-self.slope * (x["rooms"].to_numpy() - self.middle)))

    def save(self, folder):
        (folder / "line.json").write_text(json.dumps([self.slope, self.middle]))
        np.save(folder / "middle.npy", np.array([self.middle]))


def load(folder):
    return Line(*json.loads((folder / "line.json").read_text()))


def train(x, y, *, seed, validation, slope=-1.0):
    """Turn round in the middle of the validation side."""
    return Line(slope, float(validation[0]["rooms"].mean()))
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Write a module and return trainers that name it."""
    name = f"project_{abs(hash(request.node.name))}"
    (tmp_path / "code").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "code")

    def write(text: str = LINE, **fields: Any) -> PythonTrainer:
        (tmp_path / "code" / f"{name}.py").write_text(text)
        return PythonTrainer(**{"trainer": "python", "callable": f"{name}:train", "load": f"{name}:load", **fields})

    return write


def test_a_model_of_the_project_is_stored_read_and_asked(tmp_path: Path, project: Any) -> None:
    _, folder = trained(tmp_path, project(params={"slope": -2.0}))
    assert sorted(path.name for path in folder.iterdir()) == [
        "candidate.json", "model.line.json", "model.middle.npy",
    ]  # fmt: skip
    loaded = load_candidate(folder, project_code=True)
    assert (loaded.record.family, loaded.record.params["slope"]) == ("project", -2.0)
    assert loaded.record.curve == {"train": {"loss": (0.7, 0.5)}}
    rooms, middle = table(20, 3)["rooms"].to_numpy(), table(100, 2)["rooms"].mean()
    np.testing.assert_array_equal(predict(loaded, table(20, 3)), 1 / (1 + np.exp(2.0 * (rooms - middle))))


def test_code_of_a_project_is_not_run_unless_it_is_trusted(tmp_path: Path, project: Any) -> None:
    _, folder = trained(tmp_path, project())
    with pytest.raises(NotVerified, match="which is code of its project"):
        load_candidate(folder)


def test_an_altered_file_is_refused_before_the_project_reads_it(tmp_path: Path, project: Any) -> None:
    _, folder = trained(tmp_path, project())
    (folder / "model.line.json").write_text("[9.0, 9.0]")
    with pytest.raises(NotVerified, match=r"model\.line\.json is not the file that was recorded"):
        load_candidate(folder, project_code=True)


def test_a_bundle_of_it_answers_its_probe(tmp_path: Path, project: Any) -> None:
    _, folder = trained(tmp_path, project())
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "model.former.json").write_text("{}")
    write_bundle(folder, tmp_path / "bundle", BundleFacts("line", 0.5, columns()), table(5, 3))
    assert not (tmp_path / "bundle" / "model.former.json").exists()
    load_bundle(tmp_path / "bundle", project_code=True).check_probe()
    with pytest.raises(NotVerified, match="which is code of its project"):
        load_bundle(tmp_path / "bundle")


def test_it_can_be_calibrated(tmp_path: Path, project: Any) -> None:
    _, folder = trained(tmp_path, project(calibrate="sigmoid"))
    found = predict(load_candidate(folder, project_code=True), table(400, 5))
    assert abs(found.mean() - (table(400, 5)["y"] == "yes").mean()) < 0.1


ANSWERS = 'return 1 / (1 + np.exp(-self.slope * (x["rooms"].to_numpy() - self.middle)))'
SAVES = '(folder / "line.json").write_text(json.dumps([self.slope, self.middle]))'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SAVES, 'import pickle; (folder / "line.pt").write_bytes(pickle.dumps(1))', "save wrote 'line.pt'"),
        (SAVES, '(folder / "line.json").write_text("{")', "line.json is not what its name says"),
        (SAVES, '(folder / "line.safetensors").write_bytes(b"PK" * 20)', "line.safetensors is not what its name says"),
        (SAVES, 'np.save(folder / "objects.npy", np.array([{}]))', "objects.npy is not what its name says"),
        (SAVES, '(folder / "deeper").mkdir()', "save wrote 'deeper'"),
        (SAVES, '(folder / "link.json").symlink_to("/etc/hostname")', "save wrote 'link.json'"),
        (SAVES, 'raise OSError("disk full")', "Line.save: OSError: disk full"),
        ("    def save(self, folder):", "    def keep(self, folder):", "the model is a Line without save"),
        ("    def predict(self, x):", "    def guess(self, x):", "the model is a Line without predict"),
        ("return Line(*json", "return list(*json", "callable|TypeError|list"),
        ("def load(", "def read(", "has no function load"),
        ("return 1 / (1 + np.exp", "return np.nan * (1 + np.exp", "predictions are not finite numbers"),
        ("return 1 / (1 + np.exp", "return 5 / (1 + np.exp", "are not probabilities"),
        (ANSWERS, "return ['a']", "not an array"),
        (ANSWERS, "return [0.5]", "shape"),
        ('{"train": {"loss": [0.7, 0.5]}}', '[["a"]]', "a model whose curve is not side"),
        ('{"train": {"loss": [0.7, 0.5]}}', '{"train": {"loss": [0.7, float("nan")]}}', "training diverged"),
    ],
)  # fmt: skip
def test_a_model_that_breaks_the_contract_says_how(
    tmp_path: Path, project: Any, old: str, new: str, message: str
) -> None:
    assert old in LINE
    with pytest.raises(StepFailed, match=message):
        trained(tmp_path, project(LINE.replace(old, new)))


def test_without_load_an_own_model_is_refused_with_the_way_out(tmp_path: Path, project: Any) -> None:
    with pytest.raises(StepFailed, match="cannot be stored without executable code") as caught:
        trained(tmp_path, project(load=None))
    assert "declare load" in str(caught.value.diagnostics[0].hint)


def test_validation_is_none_where_that_side_has_no_rows(tmp_path: Path, project: Any) -> None:
    data = write_sides(tmp_path / "data")
    pl.read_parquet(data / "validation.parquet").clear().write_parquet(data / "validation.parquet")
    with pytest.raises(MlopsError, match="'NoneType' object is not subscriptable") as caught:
        fit(training(), project(), columns(), data, tmp_path / "out", lambda _: None)
    assert not isinstance(caught.value, InvalidInput)
