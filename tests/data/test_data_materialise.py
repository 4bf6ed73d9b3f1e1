import hashlib
import json
import os
import subprocess
import sys

import pytest

COLUMNS = {
    "id": {"type": "int", "role": "id"},
    "name": {"type": "string", "tags": ["pii"]},
    "age": {"type": "float", "max_missing": 1},
    "city": {"type": "string"},
    "day": {"type": "date"},
    "y": {"type": "bool", "role": "target"},
}
ROWS = "".join(
    f"{i},person{i},{'' if i % 10 == 9 else i / 7},c{i * i % 61:02},2025-01-{i % 28 + 1:02},{i % 2}\n"
    for i in range(1000)
)
TEXT = "id,name,age,city,day,y\n" + ROWS

PROGRAM = """
import sys
from pathlib import Path
from mlops_runner.data.materialise import materialise
from mlops_runner.specs.data import Data
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
spec = Data.model_validate_json((folder / "spec.json").read_text())
materialise(spec, folder, {"source": folder / "loans.csv"}, out, lambda line: None)
"""


def test_equal_input_gives_equal_bytes_in_every_process(stage):
    (stage.folder / "loans.csv").write_text(TEXT)
    spec = stage.describe(
        {"kind": "csv", "path": "loans.csv"}, COLUMNS, split={"kind": "random", "seed": 1, "stratify": "city"}
    )
    (stage.folder / "spec.json").write_text(spec.model_dump_json())
    digests = set()
    for seed, threads in (("0", "1"), ("1", "2"), ("random", "3")):
        out = stage.folder / f"out{threads}"
        out.mkdir()
        env = {**os.environ, "PYTHONHASHSEED": seed, "POLARS_MAX_THREADS": threads}
        subprocess.run([sys.executable, "-c", PROGRAM, stage.folder, out], env=env, check=True)
        digests.add(tuple((f.name, hashlib.sha256(f.read_bytes()).hexdigest()) for f in sorted(out.iterdir())))
    assert len(digests) == 1


@pytest.fixture
def profile(stage):
    stage.csv(TEXT, COLUMNS)
    return json.loads((stage.out / "profile.json").read_text())


def test_profile_counts_every_side_and_column(profile):
    assert profile["rows"] == {"train": 1000, "validation": 0, "test": 0}
    assert list(profile["columns"]) == sorted(COLUMNS)
    assert profile["columns"]["age"] | {"edges": 0, "counts": 0, "min": 0, "max": 0, "mean": 0, "std": 0} == {
        "type": "float", "role": "feature", "rows": 1000, "missing": 100, "unique": 900,
        "edges": 0, "counts": 0, "min": 0, "max": 0, "mean": 0, "std": 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["name", "id"])
def test_profile_shows_no_values_of_people_and_ids(profile, name):
    assert set(profile["columns"][name]) == {"type", "role", "rows", "missing", "unique"}


def test_profile_holds_eleven_edges_and_the_rows_between_them(profile):
    age = profile["columns"]["age"]
    assert (len(age["edges"]), len(age["counts"]), sum(age["counts"])) == (11, 10, 900)
    assert (age["edges"][0], age["edges"][-1]) == (age["min"], age["max"]) == (0.0, 142.571429)


def test_profile_keeps_the_fifty_most_frequent_values_and_counts_the_rest(profile):
    city = profile["columns"]["city"]
    assert city["unique"] == 31
    assert sum(one["count"] for one in city["categories"]) + city["other"] == 1000
    counts = [(-one["count"], one["value"]) for one in city["categories"]]
    assert counts == sorted(counts)


def test_profile_is_one_canonical_line(stage, profile):
    text = (stage.out / "profile.json").read_text()
    assert text == json.dumps(profile, sort_keys=True, separators=(",", ":")) + "\n"


def test_profile_survives_the_largest_floats_and_columns_without_values(stage):
    columns = {"a": {"type": "float"}, "b": {"type": "float", "max_missing": 1}, "y": {"type": "int", "role": "target"}}
    stage.csv("a,b,y\n1.7e308,,0\n-1.7e308,,1\n1.7e308,,1\n", columns)
    described = json.loads((stage.out / "profile.json").read_text())["columns"]
    assert described["a"]["mean"] == 5.66666667e307
    assert described["b"] == {"type": "float", "role": "feature", "rows": 3, "missing": 3, "unique": 0}


def test_profile_keeps_large_whole_numbers_exact(stage):
    columns = {"a": {"type": "int"}, "y": {"type": "int", "role": "target"}}
    stage.csv(f"a,y\n{2**63 - 1},0\n{-(2**63)},1\n", columns)
    described = json.loads((stage.out / "profile.json").read_text())["columns"]["a"]
    assert (described["min"], described["max"]) == (-(2**63), 2**63 - 1)


def test_profile_of_one_row_has_no_spread(stage):
    columns = {"a": {"type": "float"}, "y": {"type": "float", "role": "target"}}
    stage.csv("a,y\n2.5,1\n", columns)
    described = json.loads((stage.out / "profile.json").read_text())["columns"]["a"]
    assert (described["mean"], described["std"], described["counts"][-1]) == (2.5, 0.0, 1)


def test_nothing_is_written_when_the_data_is_refused(stage):
    stage.complaints(stage.csv, "a,b,y\nx,2,u\n1,2,v\n")
    assert list(stage.out.iterdir()) == []


def test_result_counts_rows_columns_and_sides(stage):
    done = stage.csv(TEXT, COLUMNS, split={"kind": "random", "seed": 1})
    assert done.metrics == {
        "rows": 1000, "rows_train": 600, "rows_validation": 200, "rows_test": 200, "columns": 6, "duplicate_rows": 0,
    }  # fmt: skip
    assert stage.said == [
        "read 1000 rows x 6 columns from loans.csv",
        "wrote train: 600 rows, validation: 200 rows, test: 200 rows",
    ]
