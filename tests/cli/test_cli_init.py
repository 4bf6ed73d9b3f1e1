"""`mlops init --from`: what it writes, what it says, and what it refuses."""

from dataclasses import replace

import pytest

from mlops_runner.specs.load import folder_reader, load_core

ROWS = [(i * 7919 % 1009 / 10, "north" if i % 3 else "south", "yes" if i * 31 % 7 < 3 else "no") for i in range(200)]
TEXT = "amount;region;email;churned\n" + "".join(
    f"{amount};{region};u{i}@example.org;{label}\n" for i, (amount, region, label) in enumerate(ROWS)
)
INIT = ("init", "--from", "data/churn.csv", "--target", "churned")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop/data").mkdir(parents=True)
    (tmp_path / "shop/data/churn.csv").write_text(TEXT)
    return tmp_path / "shop"


@pytest.fixture
def mlops(fresh, folder):
    """The command line, in a folder that holds a table and nothing else."""
    return replace(fresh, root=folder)


def test_documents_are_written_that_load_and_are_commented(mlops, folder):
    answer = mlops.call(*INIT)
    assert (answer.code, answer.out) == (0, "")
    core = load_core(folder_reader(folder))
    assert (core.training.spec.task, core.training.spec.positive) == ("binary", "yes")
    assert core.data.spec.columns["email"].tags == ("pii",)
    text = mlops.read("specs/data.yaml")
    assert 'delimiter: ";"' in text
    assert "# personal data: e-mail addresses" in text


def test_it_says_what_it_decided_and_why(mlops):
    said = mlops.call(*INIT).err
    assert "200 rows, 4 columns, delimiter" in said
    assert "e-mail addresses" in said
    assert "task      binary: the target has two values, positive" in said
    assert "split     random: every side gets the classes in the same proportion" in said
    assert "@example.org" not in said


def test_the_same_file_gives_the_same_documents(mlops, folder, tmp_path):
    mlops.call(*INIT)
    first = {path.name: path.read_bytes() for path in (folder / "specs").iterdir()}
    for path in [folder / "pipeline.yaml", *(folder / "specs").iterdir()]:
        path.unlink()
    mlops.call(*INIT)
    assert {path.name: path.read_bytes() for path in (folder / "specs").iterdir()} == first


def test_json_holds_the_decisions(mlops):
    value = mlops.call(*INIT, "--json").value
    assert {path.rsplit("/", 1)[-1] for path in value["written"]} >= {"pipeline.yaml", "data.yaml", "training.yaml"}
    assert value["decided"]["columns"]["email"] == {
        "type": "string",
        "role": "ignored",
        "tags": ["pii"],
        "why": "personal data: e-mail addresses; no model should need it",
    }
    assert value["decided"]["split"]["kind"] == "random"


@pytest.mark.parametrize("file", ["pipeline.yaml", "specs/training.yaml"])
def test_documents_are_never_overwritten(mlops, folder, file):
    mlops.write(file, "mine\n")
    answer = mlops.call(*INIT)
    assert answer.code == 64
    assert f"{file} is there already" in answer.err
    assert mlops.read(file) == "mine\n"
    assert not (folder / "specs/data.yaml").exists()


def test_what_git_ignores_is_left_as_it_is(mlops):
    mlops.write(".gitignore", "*.log\n")
    assert mlops.call(*INIT).code == 0
    assert mlops.read(".gitignore") == "*.log\n"


def test_a_file_outside_is_refused_or_copied(mlops, folder, tmp_path):
    (tmp_path / "elsewhere.csv").write_text(TEXT)
    line = ("init", "--from", str(tmp_path / "elsewhere.csv"), "--target", "churned")
    answer = mlops.call(*line)
    assert answer.code == 64
    assert "--copy" in answer.err
    assert not (folder / "pipeline.yaml").exists()
    assert mlops.call(*line, "--copy").code == 0
    assert mlops.read("data/elsewhere.csv") == TEXT
    assert "path: data/elsewhere.csv" in mlops.read("specs/data.yaml")


def test_a_copy_overwrites_nothing(mlops, tmp_path):
    (tmp_path / "churn.csv").write_text(TEXT + "1;south;x@example.org;yes\n")
    answer = mlops.call("init", "--from", str(tmp_path / "churn.csv"), "--target", "churned", "--copy")
    assert answer.code == 64
    assert mlops.read("data/churn.csv") == TEXT


def test_a_folder_may_be_given(mlops, folder, tmp_path):
    answer = mlops.call("-C", str(tmp_path), "init", "--from", "shop/data/churn.csv", "--target", "churned", "shop")
    assert answer.code == 0
    assert "path: data/churn.csv" in mlops.read("specs/data.yaml")
    assert "name: shop" in mlops.read("pipeline.yaml")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (("init", "--from", "data/churn.csv"), 64, "--target"),
        (("init", "--target", "churned"), 64, "--from"),
        (("init", "--from", "data/chrn.csv", "--target", "churned"), 65, 'did you mean "churn.csv"?'),
        (("init", "--from", "empty", "--target", "churned"), 65, "there is no file empty"),
        (("init", "--from", "data/*.parquet", "--target", "churned"), 65, "no file matches"),
        (("init", "--from", "../*.csv", "--target", "churned"), 64, "lies outside the project's folder"),
        (("init", "--from", "data/churn.csv", "--target", "churn"), 65, 'did you mean "churned"?'),
        (("init", "--from", "data/churn.csv", "--target", "region", "--task", "regression"), 65, "multiclass"),
    ],
)
def test_what_does_not_work_is_said_and_nothing_is_written(mlops, folder, line, code, words):
    answer = mlops.call(*line)
    assert answer.code == code
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_names_that_yaml_could_mistake_are_quoted(mlops, folder):
    text = TEXT.replace("amount;region", 'yes;"a: b # c"', 1)
    (folder / "data/churn.csv").write_text(text)
    assert mlops.call(*INIT).code == 0
    assert list(load_core(folder_reader(folder)).data.spec.columns)[:2] == ["yes", "a: b # c"]
