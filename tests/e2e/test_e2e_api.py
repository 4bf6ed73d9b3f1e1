"""The verbs in Python, as the README shows them."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

import mlops_runner
from mlops_runner import load_model, load_project
from mlops_runner.errors import InvalidInput, NotVerified, UsageFailure

README = Path(mlops_runner.__file__).parents[1] / "README.md"


def test_plan_run_and_model_in_python(built):
    project = load_project(built.root)
    assert project.plan().changes == 0
    assert {result.how for result in project.run()} == {"unchanged"}
    assert project.verify() == []
    assert project.verdict().passed
    model = load_model(built.root)
    decision = model.decide([{"minutes": 25.0, "device": "desk"}, {"minutes": 0.5, "device": "phone"}])
    assert list(decision) == ["yes", "no"]


def test_one_project_object_sees_every_edit(built):
    project = load_project(built.root)
    assert project.plan().changes == 0
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert project.plan().changes > 0
    built.edit("specs/training.yaml", "max_depth: 3", "max_depth: 2")
    assert project.plan().changes == 0


def test_a_listener_hears_of_every_step(built):
    heard = []

    class Listener:
        def started(self, step, position, total, expected, log):
            heard.append(("started", step.name))

        def ended(self, step):
            heard.append(("ended", step.name))

        def settled(self, result):
            heard.append((result.how, result.name))

        def note(self, text):
            heard.append(("note", text))

    built.edit("pipeline.yaml", "name: shop", "name: corner-shop")
    load_project(built.root).run(Listener())
    assert heard[-3:] == [("started", "package"), ("ended", "package"), ("ran", "package")]


def test_an_altered_model_is_not_loaded(built):
    path = built.root / "artifacts/model/bundle.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(NotVerified, match=r"bundle\.json"):
        load_model(built.root)


def test_what_is_not_there_is_said(fresh, tmp_path):
    with pytest.raises(UsageFailure, match="packaged"):
        load_model(fresh.root)
    with pytest.raises(InvalidInput, match=r"pipeline\.yaml"):
        load_project(tmp_path).plan()


def test_a_model_is_loaded_from_its_bundle_alone_and_held_against_a_digest(built, tmp_path):
    shutil.copytree(built.root / "artifacts/model", tmp_path / "model")
    lock = load_project(built.root).lock()
    digest = lock.stages["package"].outputs["artifacts/model/bundle.json"].sha256
    model = load_model(tmp_path / "model", check=True, sha256=f"sha256:{digest}")
    assert model.signature.columns["minutes"].min == 0
    with pytest.raises(NotVerified, match=r"bundle\.json is not the file that was recorded"):
        load_model(tmp_path / "model", sha256="0" * 64)
    with pytest.raises(UsageFailure, match="held against its lock"):
        load_model(built.root, sha256=digest)
    with pytest.raises(UsageFailure, match="neither a project"):
        load_model(tmp_path)


def test_the_bundle_keeps_what_later_rows_are_compared_with(built):
    model = load_model(built.root)
    profile = json.loads((built.root / "artifacts/data/profile.json").read_bytes())
    reference = model.reference
    assert reference.columns == {name: profile["columns"][name] for name in ("minutes", "device")}
    assert reference.target == profile["target"]
    test = pl.read_parquet(built.root / "artifacts/data/test.parquet")
    predictions = reference.predictions["test"]
    assert set(reference.predictions) == {"validation", "test"}
    assert predictions.rows == len(test)
    assert predictions.scores["yes"]["max"] == model.predict(test).max()
    said = {entry["value"]: entry["count"] for entry in predictions.decisions["categories"]}
    assert said == {name: model.decide(test).count(name) for name in ("yes", "no")}


def test_the_readme_names_functions_that_exist():
    block = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[1]
    for name in re.findall(r"project\.(\w+)\(", block):
        assert callable(getattr(mlops_runner.api.Project, name))
    assert re.search(r"from mlops_runner import (.*)", block)[1] == "load_model, load_project"
