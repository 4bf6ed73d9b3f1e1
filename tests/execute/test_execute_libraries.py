"""Libraries of the project's functions: imported once for all steps, where no step could tell."""

from dataclasses import replace

import pytest

from mlops_runner.execute.isolation import Room
from mlops_runner.execute.libraries import libraries
from mlops_runner.lock.model import Environment
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Step

FIT = Step("fit", "python", 1, {"callable": "models:fit"}, {}, "", code=("models:fit",))
COPY = Step("copy", "command", 1, {"variables": {"A": "1"}}, {}, "")
SOURCE = """\
import json
import numpy as np
import tensorflow
from sklearn.linear_model import LogisticRegression
from . import polars
from tables import TARGET
"""
FOUND = ("numpy", "sklearn.linear_model", "sklearn.linear_model.LogisticRegression")


@pytest.fixture
def imported(tmp_path):
    (tmp_path / "models.py").write_text(SOURCE)
    (tmp_path / "tables.py").write_text("TARGET = 'y'\n")
    facts = Facts(Environment("e1:aa", "3.11"), {"models:fit": {"models.py": "a1:aa", "tables.py": "a1:bb"}})
    return lambda *steps: libraries(steps, Room(2), facts, tmp_path)


def test_what_functions_import_is_known_if_forks_bear_it(imported):
    assert imported(replace(FIT, execution={"threads": 2}), COPY) == FOUND
    assert imported(COPY) == ()


@pytest.mark.parametrize(
    "special",
    [
        {"config": {"variables": {"OMP_NUM_THREADS": "1"}}},
        {"access": {"secrets": {"TOKEN": {"secret": "TOKEN"}}}},
        {"execution": {"threads": 1}},
    ],
)
def test_a_step_that_a_library_could_treat_otherwise_keeps_all_apart(imported, special):
    one = replace(FIT, execution={"threads": 2})
    assert imported(one, replace(one, name="other", **special)) == ()


def test_a_module_of_the_project_that_is_called_as_a_library_hides_it(imported, tmp_path):
    (tmp_path / "numpy.py").write_text("")
    assert imported(replace(FIT, execution={"threads": 2})) == FOUND[1:]


PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: draws
steps:
  draw:
    kind: python
    matrix: {axes: {n: [1, 2]}}
    callable: draws:draw
    outputs: {drawn: "drawn/{n}.txt"}
    reproducibility: none
"""
DRAWS = """\
import sys
ahead = "sklearn.utils" in sys.modules
import numpy as np
import sklearn.utils
try:
    import scipy.none_of_this
except ImportError:
    pass

def draw(drawn):
    drawn.write_text(str(np.random.random()))
    return {"ahead": ahead}
"""


def test_steps_find_libraries_imported_and_draw_each_for_itself(sandbox_of):
    draws = sandbox_of({"pipeline.yaml": PIPELINE, "draws.py": DRAWS, ".gitignore": ".mlops/\n"})
    assert draws.call("run").code == 0
    assert "ahead: true" in draws.read("pipeline.lock")
    assert draws.read("drawn/1.txt") != draws.read("drawn/2.txt")
    draws.write("pipeline.yaml", PIPELINE + "    variables: {SKLEARN_ASSUME_FINITE: '1'}\n")
    assert draws.call("run").code == 0
    assert "ahead: false" in draws.read("pipeline.lock")
