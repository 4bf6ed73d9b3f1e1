import polars as pl
import pytest
from infer_files import table

from mlops_runner.data.infer.propose import propose
from mlops_runner.data.infer.reading import File
from mlops_runner.data.infer.values import Wishes
from mlops_runner.errors import InvalidInput

HALVES = table({"k": ["a", "b"] * 100}).splitlines(keepends=True)
FIRST, SECOND = "".join(HALVES[:101]), "".join([HALVES[0], *HALVES[101:]])


@pytest.fixture
def ask(tmp_path):
    """Write files below `data`, and propose documents for a path of the project."""

    def run(path, files):
        for name, content in files.items():
            at = tmp_path / "data" / name
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content if isinstance(content, bytes) else content.encode())
        return propose(File(tmp_path / path, path, tmp_path), Wishes("y"))

    return run


@pytest.mark.parametrize("path", ["data", "data/*.csv", "data/part-*", "**/*.csv"])
def test_several_files_are_one_table(ask, path):
    found = ask(path, {"part-1.csv": FIRST, "part-2.csv": SECOND})
    assert (found.rows, found.source) == (200, {"kind": "csv", "path": path})


def test_a_pattern_of_parquet_is_one_table(ask, tmp_path):
    ask("data", {"1.csv": FIRST, "2.csv": SECOND})
    for name in "12":
        pl.read_csv(tmp_path / f"data/{name}.csv").write_parquet(tmp_path / f"data/{name}.parquet")
    found = ask("data/*.parquet", {})
    assert (found.rows, found.source) == (200, {"kind": "parquet", "path": "data/*.parquet"})


def test_an_encoding_that_only_one_file_needs_is_found(ask):
    found = ask("data", {"1.csv": FIRST, "2.csv": SECOND.replace(",a", ",ä").encode("latin-1")})
    assert found.source["encoding"] == "latin-1"


@pytest.mark.parametrize(
    ("path", "files", "code", "says"),
    [
        (
            "data",
            {"1.csv": FIRST, "notes.md": "text"},
            "mixed-files",
            "data holds files of several kinds: 1.csv, notes.md",
        ),
        ("data", {"1.csv": FIRST, "2.csv": b"PAR1"}, "mixed-files", "2.csv is Parquet, 1.csv is text"),
        ("data", {"_1.csv": FIRST}, "empty-source", "data: holds no files"),
        ("data/*.csv", {"1.txt": FIRST}, "no-files", "no file matches data/*.csv"),
        ("data", {"1.csv": FIRST, "2.csv": SECOND.replace("k", "kind", 1)}, "missing-column", "data: 2.csv: column"),
        ("data", {"1.csv": FIRST, "2.csv": ""}, "empty-file", "2.csv is empty"),
    ],
)
def test_files_that_are_not_one_table_are_refused(ask, path, files, code, says):
    with pytest.raises(InvalidInput) as caught:
        ask(path, files)
    assert caught.value.diagnostics[0].code == code
    assert says in caught.value.diagnostics[0].message
