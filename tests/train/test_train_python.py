from pathlib import Path

import polars as pl
import pytest
from train_tables import trained, training

from mlops_runner.errors import MlopsError, StepFailed
from mlops_runner.specs.training_trainers import PythonTrainer
from mlops_runner.train.artifacts import load_candidate, predict

PIPELINE = """
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

def train(x, y, *, seed, C):
    parts = [("n", StandardScaler(), ["rooms"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    model = LogisticRegression(C=C, random_state=seed)
    return Pipeline([("p", ColumnTransformer(parts)), ("m", model)]).fit(x, y)
"""
BOOSTER = """
import xgboost

def train(x, y, *, seed):
    numbers = x.select("age", "rooms")
    data = xgboost.DMatrix(numbers.to_numpy(), y, feature_names=numbers.columns, nthread=1)
    return xgboost.train({"objective": "binary:logistic", "seed": seed, "nthread": 1}, data, 3)
"""
ARRAY = """
from sklearn.ensemble import HistGradientBoostingClassifier

def train(x, y, *, seed):
    return HistGradientBoostingClassifier(random_state=seed, max_iter=3).fit(x.select("age", "rooms").to_numpy(), y)
"""
SHORT = """
from numpy import exp
from sklearn.linear_model import LogisticRegression as L, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer as F

"""
WRITTEN = 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def trainer(project: Path, source: str, **params: object) -> PythonTrainer:
    """Write a module of the project under a new name, because modules are imported once."""
    global WRITTEN
    WRITTEN += 1
    (project / f"rules_{WRITTEN}.py").write_text(source.lstrip())
    return PythonTrainer(trainer="python", callable=f"rules_{WRITTEN}:train", params=params)


def rows(project: Path) -> pl.DataFrame:
    return pl.read_parquet(project / "data" / "validation.parquet")


def failure(project: Path, source: str) -> str:
    with pytest.raises(MlopsError) as caught:
        trained(project, trainer(project, source))
    return str(caught.value)


def test_a_pipeline_gets_the_columns_it_was_fitted_with(project: Path) -> None:
    _, folder = trained(project, trainer(project, PIPELINE, C=0.5))
    candidate = load_candidate(folder)
    assert candidate.preprocess is None
    assert candidate.record.params == {"C": 0.5, "seed": 7}
    unseen = rows(project).with_columns(city=pl.lit("Atlantis"))
    assert predict(candidate, unseen).shape == (100,)


def test_a_booster_gets_its_named_columns(project: Path) -> None:
    _, folder = trained(project, trainer(project, BOOSTER))
    assert sorted(path.name for path in folder.iterdir()) == ["candidate.json", "model.ubj"]
    reordered = rows(project).select(sorted(rows(project).columns))
    candidate = load_candidate(folder)
    assert predict(candidate, reordered).tolist() == predict(candidate, rows(project)).tolist()


def test_the_function_sees_numbers_and_texts_and_encoded_targets(project: Path) -> None:
    source = """
def train(x, y, *, seed):
    raise ValueError(f"{[str(t) for t in x.dtypes]} {sorted(set(y.tolist()))} {y.dtype} {seed}")
"""
    assert failure(project, source).endswith(
        "['Float64', 'Float64', 'String', 'String', 'Float64', 'Float64'] [0, 1] int64 7"
    )


def test_an_exception_in_the_projects_code_is_placed(project: Path) -> None:
    source = "def train(x, y, *, seed):\n    return helper(x)\n\ndef helper(x):\n    return 1 / 0\n"
    found = trainer(project, source)
    with pytest.raises(StepFailed, match="ZeroDivisionError: division by zero") as caught:
        trained(project, found)
    place = caught.value.diagnostics[0].place
    assert (place.file, place.line) == (f"rules_{WRITTEN}.py", 5)


def test_an_exception_inside_a_library_is_placed_at_the_line_that_called_it(project: Path) -> None:
    source = "import numpy\n\ndef train(x, y, *, seed):\n    return numpy.linalg.inv(numpy.zeros((2, 2)))\n"
    assert failure(project, source).startswith(f"rules_{WRITTEN}.py:4:1: rules_{WRITTEN}:train: LinAlgError")


def test_an_array_model_must_fit_the_width_of_all_features(project: Path) -> None:
    assert "fitted on an array of 2 columns, the features are 6" in failure(project, ARRAY)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def train(x, y, *, seed):\n    return None\n", "returned nothing"),
        ("def train(x, y, *, seed):\n    exit(3)\n", "SystemExit: 3"),
        ("def fit(x, y, *, seed):\n    pass\n", "has no function train"),
        ("def train(x, y):\n    pass\n", "unexpected keyword argument 'seed'"),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'"),
        (
            f"{SHORT}def train(x, y, *, seed):\n    return L().fit(x.select('rooms'), y + 5)\n",
            "not 0 to 1",
        ),
        (
            f"{SHORT}def train(x, y, *, seed):\n    return Ridge().fit(x.select('rooms'), y)\n",
            "Ridge gives no probabilities",
        ),
        (
            f"{SHORT}def train(x, y, *, seed):\n    return make_pipeline(F(exp), L()).fit(x.select('rooms'), y)\n",
            "cannot be stored without executable code",
        ),
    ],
)
def test_what_breaks_the_contract_is_said(project: Path, source: str, words: str) -> None:
    assert words in failure(project, source)


def test_predictions_that_are_not_finite_are_an_error(project: Path) -> None:
    source = f"""{SHORT}
def train(x, y, *, seed):
    model = Ridge().fit(x.select("rooms"), y)
    model.coef_[:] = float("inf")
    return model
"""
    with pytest.raises(StepFailed, match="200 of 200 predictions are not finite numbers"):
        trained(project, trainer(project, source), "regression")


def test_global_generators_are_seeded(project: Path) -> None:
    source = BOOSTER.replace("def train", "import random, numpy\ndef train").replace(
        "numbers =", "y = (y + numpy.random.rand(len(y)) + random.random() > 0.9).astype(int)\n    numbers ="
    )
    stored = [trained(project, trainer(project, source))[1].joinpath("model.ubj").read_bytes() for _ in range(2)]
    assert stored[0] == stored[1]
    assert training().seed == 7
