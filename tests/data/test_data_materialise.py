import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import COLUMNS, TEXT

from mlops_runner.data.materialise import materialise
from mlops_runner.errors import StepFailed

NOW = datetime(2026, 7, 1, tzinfo=UTC)

PROGRAM = """
import sys
from datetime import datetime
from pathlib import Path
from mlops_runner.data.materialise import materialise
from mlops_runner.specs.data import Data
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
spec = Data.model_validate_json((folder / "spec.json").read_text())
materialise(spec, folder, {"source": folder / "loans.csv"}, out, lambda line: None, datetime(2026, 7, 1))
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_full_disk_fails_the_step_without_traceback(stage):
    (stage.folder / "loans.csv").write_text(TEXT)
    (stage.out / "train.parquet").symlink_to("/dev/full")
    spec = stage.describe({"kind": "csv", "path": "loans.csv"}, COLUMNS)
    with pytest.raises(StepFailed, match=r"train\.parquet cannot be written: no space is left"):
        materialise(spec, stage.folder, {"source": stage.folder / "loans.csv"}, stage.out, print, NOW)
