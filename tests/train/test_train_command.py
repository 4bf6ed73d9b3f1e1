"""Trainer `command`: files in, a model out, and a clear answer for whatever else a program does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as native
from train_tables import by_hand, columns, preprocessing, schema, table, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import CommandTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import FitResult, fit
from mlops_runner.train.targets import encode_target
from mlops_runner.train.trainer_checks.base import check

FIT = """\
import json, polars, xgboost
facts = json.load(open("params.json"))
train = polars.read_parquet("train.parquet")
rows = xgboost.DMatrix(train.select(facts["columns"]).to_numpy(), train[facts["target"]].to_numpy(), nthread=1)
params = {"objective": "binary:logistic", "seed": facts["seed"], "nthread": 1}
xgboost.train(params, rows, facts["params"]["rounds"]).save_model("out/model.ubj")
json.dump({"rounds": facts["params"]["rounds"]}, open("out/metrics.json", "w"))
print("fitted", train.height, "rows")
"""
ESTIMATOR = """\
import json, polars, skops.io
from sklearn.naive_bayes import GaussianNB
train = polars.read_parquet("train.parquet")
facts = json.load(open("params.json"))
model = GaussianNB().fit(train.select(facts["columns"]).to_numpy(), train["(target)"].to_numpy())
skops.io.dump(model, "out/model.skops")
"""


def command(*words: str, **fields: Any) -> CommandTrainer:
    given = {"trainer": "command", "command": words or ("python", "fit.py"), "files": ("fit.py",), **fields}
    return CommandTrainer(**given)


def run(folder: Path, text: str, trainer: CommandTrainer, **fields: Any) -> tuple[FitResult, Path, list[str]]:
    data, log = write_sides(folder / "data"), []
    (data / "files").mkdir()
    (data / "files" / "fit.py").write_text(text)
    spec = training(**{"preprocessing": preprocessing(numeric={"scale": "standard"}), **fields})
    return fit(spec, trainer, columns(), data, folder / "out", log.append), folder / "out", log


def test_a_program_fits_what_the_xgboost_trainer_would(tmp_path: Path) -> None:
    result, folder, log = run(tmp_path, FIT, command(params={"rounds": 7}))
    assert (result.metrics, log) == ({"rounds": 7}, ["fitted 200 rows"])
    x, xv = by_hand()
    y = encode_target(table(200, 1)["y"], schema())
    plain = native.train({"objective": "binary:logistic", "seed": 7, "nthread": 1}, native.DMatrix(x, y), 7)
    found = predict(load_candidate(folder), table(100, 2))
    np.testing.assert_array_equal(found, plain.inplace_predict(xv).astype(np.float64))


def test_a_program_may_write_an_estimator_and_gets_the_same_bytes_again(tmp_path: Path) -> None:
    stored = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _, folder, _ = run(tmp_path / name, ESTIMATOR, command())
        stored.append((folder / "model.skops").read_bytes())
    assert stored[0] == stored[1]
    assert predict(load_candidate(folder), table(10, 2)).shape == (10,)


def test_it_is_told_all_it_needs(tmp_path: Path) -> None:
    text = FIT + 'print(open("params.json").read()); print(polars.read_parquet("validation.parquet").columns[-1])'
    _, _, log = run(tmp_path, text, command(params={"rounds": 1}, class_weight="balanced"))
    facts = json.loads(log[1])
    assert (facts["task"], facts["classes"], facts["seed"], facts["threads"]) == ("binary", ["no", "yes"], 7, 1)
    assert (facts["weight"], log[-1]) == ("(weight)", "(weight)")
    assert facts["columns"][:3] == ["age", "rooms", "never"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; print('no licence'); sys.exit(3)", r"python fit.py ended with exit code 3; .*\n    no licence"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "python fit.py ended with signal 11"),
        ("print('nothing to do')", "the command wrote no model into out"),
        (FIT + ESTIMATOR, r"wrote model.ubj and model.skops into out"),
        ("open('out/model.ubj', 'w').write('{')", r"out/model.ubj cannot be stored"),
        ("open('out/model.skops', 'w').write('PK')", r"out/model.skops cannot be stored"),
        ("import pickle; pickle.dump(1, open('out/model.skops', 'wb'))", r"out/model.skops cannot be stored"),
        (FIT + "\nopen('out/metrics.json', 'w').write('{\"a\": NaN}')", r"out/metrics.json must map names to numbers"),
        (FIT + "\nopen('out/metrics.json', 'w').write('[1')", r"out/metrics.json is not JSON"),
        (FIT.replace('facts["columns"]', 'facts["columns"][:2]'), "the booster reads 2 columns"),
        (FIT.replace("binary:logistic", "reg:squarederror"), "are not probabilities|finite"),
    ],
)
def test_what_a_program_does_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((StepFailed, InvalidInput), match=f"(?s){message}"):
        run(tmp_path, text, command(params={"rounds": 30}))


def test_a_program_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="no-such-program cannot be run: No such file") as caught:
        run(tmp_path, FIT, command("no-such-program"))
    assert "programs are looked for in" in str(caught.value.diagnostics[0].hint)


def test_a_line_for_a_shell_is_refused_before_data_is_read() -> None:
    (found,) = check(command("python fit.py"), "binary")
    assert (found.code, found.hint) == ("shell-command", 'write ["python", "fit.py"]')
    (found,) = check(command("./other.sh"), "binary")
    assert (found.code, found.hint) == ("undeclared-file", "add it to files, so that it is in the key")
    assert check(command("./fit.py"), "binary") == ()


def test_files_of_the_project_that_it_writes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "project")
    text = FIT + f"open({str(tmp_path / 'project' / 'cache.txt')!r}, 'w').write('x')"
    result, _, _ = run(tmp_path, text, command(params={"rounds": 1}))
    assert result.warnings == ("while the command ran, cache.txt of the project was written",)


def test_rows_are_weighed_where_a_column_says_so(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    for side in ("train", "validation"):
        pl.read_parquet(data / f"{side}.parquet").with_columns(trust=2.5).write_parquet(data / f"{side}.parquet")
    (data / "files").mkdir()
    text = FIT + 'print(polars.read_parquet("validation.parquet")["(weight)"].to_list()[0])'
    (data / "files" / "fit.py").write_text(text)
    log: list[str] = []
    declared = columns(trust=Column(type="float", role="weight"))
    fit(training(), command(params={"rounds": 1}), declared, data, tmp_path / "out", log.append)
    assert log[-1] == "2.5"
    assert xgboost(1).rounds == 1
