"""The same inputs, seed and threads give the same bytes: in other processes, hash seeds and folders."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from train_tables import write_sides

SCRIPT = """
import sys
from pathlib import Path
import polars as pl
from train_tables import columns, preprocessing, sklearn, training, xgboost
from mlops_runner.train.bundle import BundleFacts, write_bundle
from mlops_runner.train.fit import fit

data, out, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
trainers = {
    "xgb": xgboost(rounds=8, stop=2, subsample=0.8, colsample_bytree=0.7),
    "forest": sklearn("ensemble.RandomForestClassifier", n_estimators=8),
    "histogram": sklearn("ensemble.HistGradientBoostingClassifier", max_iter=8),
    "logistic": sklearn("linear_model.LogisticRegression"),
    "network": sklearn("neural_network.MLPClassifier", max_iter=5),
    "neighbors": sklearn("neighbors.KNeighborsClassifier"),
}
spec = training(threads=threads, preprocessing=preprocessing(numeric={"scale": "robust"}, categorical={"min_count": 9}))
for name, trainer in trainers.items():
    fit(spec, trainer, columns(), data, out / name, lambda line: None)
    facts = BundleFacts(name, 0.5, columns())
    write_bundle(out / name, out / name / "bundle", facts, pl.read_parquet(data / "validation.parquet"))
"""


def digests(data: Path, out: Path, hash_seed: str, threads: int) -> dict[str, str]:
    here = Path(__file__).parent
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONHASHSEED": hash_seed,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
    }
    arguments = [sys.executable, "-c", SCRIPT, str(data), str(out), str(threads)]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("reference")
    data = write_sides(folder / "data")
    return data, digests(data, folder / "out", "0", 1)


def test_another_process_and_hash_seed_give_the_same_bytes(
    tmp_path: Path, reference: tuple[Path, dict[str, str]]
) -> None:
    data, expected = reference
    assert digests(data, tmp_path / "elsewhere", "4242", 1) == expected
    assert len(expected) == 6 * 3 + 6 * 4


def test_another_thread_count_gives_the_same_bytes(tmp_path: Path, reference: tuple[Path, dict[str, str]]) -> None:
    data, expected = reference
    assert digests(data, tmp_path / "out", "1", 2) == expected


def test_records_are_canonical_json(tmp_path: Path, reference: tuple[Path, dict[str, str]]) -> None:
    data, _ = reference
    for path in (data.parent / "out").rglob("*.json"):
        text = path.read_text()
        again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        assert text == again
