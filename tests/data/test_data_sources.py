import polars as pl
import pytest

from mlops_runner.data.sources.base import SOURCES
from mlops_runner.errors import InvalidInput, StepFailed

COLUMNS = {"x": {"type": "int"}, "y": {"type": "string", "role": "target"}}


@pytest.fixture
def call(stage, monkeypatch):
    """Write a module of the project, and read the source that names its function."""
    monkeypatch.syspath_prepend(stage.folder)

    def run(code: str, module: str, function: str = "load", inputs=None, **source):
        (stage.folder / f"{module}.py").write_text("import polars\n" + code)
        named = {
            "kind": "python",
            "callable": f"{module}:{function}",
            "inputs": dict.fromkeys(inputs or {}, "f"),
            **source,
        }
        return stage.run(stage.describe(named, COLUMNS), inputs or {})

    return run


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_every_kind_of_source_has_a_reader(kind):
    assert callable(__import__(SOURCES[kind], fromlist=["read"]).read)


@pytest.mark.parametrize(
    ("dataset", "rows", "classes"),
    [
        ("breast_cancer", 569, ["benign", "malignant"]),
        ("iris", 150, ["setosa", "versicolor", "virginica"]),
        ("wine", 178, ["class_0", "class_1", "class_2"]),
        ("digits", 1797, list("0123456789")),
    ],
)
def test_bundled_classes_are_named(stage, dataset, rows, classes):
    spec = stage.describe({"kind": "sklearn", "dataset": dataset}, {**names_of(dataset), **TARGET})
    assert stage.run(spec, {}).metrics["rows"] == rows
    assert stage.side()["target"].unique().sort().to_list() == classes


TARGET = {"target": {"type": "string", "role": "target"}}


def names_of(dataset):
    from sklearn import datasets

    return {name: {"type": "float"} for name in getattr(datasets, f"load_{dataset}")().feature_names}


def test_bundled_regression_target_is_a_number(stage):
    columns = {**names_of("diabetes"), "target": {"type": "float", "role": "target"}}
    stage.run(stage.describe({"kind": "sklearn", "dataset": "diabetes"}, columns), {})
    assert stage.side()["target"].head(2).to_list() == [151.0, 75.0]


def test_parquet_reads_only_what_is_declared(stage):
    frame = pl.DataFrame({"z": [[1], [2]], "y": ["u", "v"], "x": [1, 2]})
    stage.frame(frame, COLUMNS, undeclared="ignore")
    assert stage.side().rows() == [(1, "u"), (2, "v")]


@pytest.mark.parametrize(
    "damage", [lambda raw: b"", lambda raw: b"x,y\n1,u\n", lambda raw: raw[:-20], lambda raw: raw[50:]]
)
def test_damaged_parquet_is_refused(stage, damage):
    file = stage.folder / "loans.parquet"
    pl.DataFrame({"x": [1, 2], "y": ["u", "v"]}).write_parquet(file)
    file.write_bytes(damage(file.read_bytes()))
    spec = stage.describe({"kind": "parquet", "path": "loans.parquet"}, COLUMNS)
    (found,) = stage.complaints(stage.run, spec, {"source": file})
    assert found.code == "malformed-parquet"


def test_parquet_without_rows_is_refused(stage):
    frame = pl.DataFrame(schema={"x": pl.Int64, "y": pl.String})
    assert [one.code for one in stage.complaints(stage.frame, frame, COLUMNS)] == ["row-count"]


def test_function_gets_params_and_paths(stage, call):
    (stage.folder / "f").write_text("u")
    code = "def load(n, file):\n    return polars.DataFrame({'x': range(n), 'y': [file.read_text(), 'v']})\n"
    call(code, "data_given", params={"n": 2}, inputs={"file": stage.folder / "f"})
    assert stage.side().rows() == [(0, "u"), (1, "v")]


def test_error_in_user_code_names_its_line(call):
    with pytest.raises(StepFailed) as caught:
        call("def load():\n    return polars.DataFrame({'x': [int('q')]})\n", "data_raises")
    (found,) = caught.value.diagnostics
    assert "data_raises:load raised ValueError at data_raises.py:3: invalid literal" in found.message
    assert (found.place.file, found.place.line) == ("data_raises.py", 3)


def test_error_inside_a_library_names_the_users_line(call):
    with pytest.raises(StepFailed, match=r"raised ColumnNotFoundError at data_library\.py:3"):
        call("def load():\n    return polars.DataFrame({'x': [1]}).select('nope')\n", "data_library")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import nowhere_at_all\n", "raised ModuleNotFoundError at data_import0.py:2"),
        ("def load(:\n", "raised SyntaxError at data_import1.py:2"),
        ("raise SystemExit(0)\n", "raised SystemExit at data_import2.py:2"),
        ("def load():\n    exit(0)\n", "raised SystemExit at data_import3.py:3"),
    ],
)
def test_module_that_cannot_be_imported_or_leaves_fails_the_step(call, code, says, request):
    module = says.split(" at ")[1].split(".py")[0]
    with pytest.raises(StepFailed) as caught:
        call(code, module)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("code", "options", "code_of_error", "hint"),
    [
        ("def lode(): ...\n", {}, "unknown-callable", 'did you mean "lode"?'),
        ("def load(n): ...\n", {}, "invalid-arguments", "compare params and inputs"),
        ("def load(): ...\n", {"params": {"n": 1}}, "invalid-arguments", "compare params and inputs"),
        ("def load(): ...\n", {}, "wrong-result", "return a polars.DataFrame"),
        ("def load(): return polars.LazyFrame({'x': [1]})\n", {}, "wrong-result", "call .collect() before returning"),
    ],
)
def test_function_that_does_not_fit_is_refused(call, code, options, code_of_error, hint, request):
    module = f"data_fit_{abs(hash(request.node.name))}"
    with pytest.raises(InvalidInput) as caught:
        call(code, module, **options)
    assert [(one.code, one.hint) for one in caught.value.diagnostics] == [(code_of_error, hint)]


def test_absent_module_is_named(stage):
    spec = stage.describe({"kind": "python", "callable": "no_such_pkg.loans:load"}, COLUMNS)
    (found,) = stage.complaints(stage.run, spec, {})
    assert (found.code, found.hint) == ("unknown-callable", "create no_such_pkg/loans.py in the project")


def test_table_of_a_function_is_checked_like_any_other(stage, call):
    with pytest.raises(InvalidInput) as caught:
        call("def load():\n    return polars.DataFrame({'x': [1.5], 'z': [1]})\n", "data_checked")
    assert [one.code for one in caught.value.diagnostics] == ["missing-column", "undeclared-column", "wrong-type"]
