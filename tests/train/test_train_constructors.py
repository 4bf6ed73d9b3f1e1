"""Params of estimators: what the source says is what the library says."""

import subprocess
import sys
from importlib import import_module

import pytest

from mlops_runner.train.trainers import constructors
from mlops_runner.train.trainers.catalogue import ESTIMATORS


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_params_are_those_that_the_estimator_has(estimator):
    module, _, name = estimator.rpartition(".")
    wanted = getattr(import_module(module), name)().get_params(deep=False).keys()
    assert constructors.params_of.__wrapped__(estimator) == wanted


def test_a_constructor_that_the_source_does_not_show_is_imported(monkeypatch, tmp_path):
    monkeypatch.setattr(constructors, "_file", lambda _: tmp_path / "gone.py")
    assert "strategy" in constructors.params_of.__wrapped__("sklearn.dummy.DummyClassifier")


def test_most_are_known_without_the_library():
    code = (
        "import sys; from mlops_runner.train.trainers.constructors import params_of\n"
        "assert 'C' in params_of('sklearn.linear_model.LogisticRegression'); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
