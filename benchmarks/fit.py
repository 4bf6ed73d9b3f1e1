"""One XGBoost fit of about a second by `mlops run`, and by a bare script that loads, fits, evaluates and saves.

Every round changes a parameter of the one candidate. `mlops run` then fits it anew; what it does besides and the script
does not (evaluation with intervals, gates and importance; the bundle) are steps of their own, whose seconds are taken
off. What remains is the process, plan and keys, the worker and its imports, the step itself with the canonical model,
its audit and trial, digests, cache, journal, pointers and lock.
"""

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner import journal
from mlops_runner.execute.isolation import Room, environment

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ROWS, COLUMNS, ROUNDS, SEED = 20_000, 20, 150, 7
NAMES = [f"x{column}" for column in range(COLUMNS)]
EXTRAS = {"evaluate", "package"}
DOCUMENTS = {
    "pipeline.yaml": "kind: Pipeline\nname: fit\n",
    "specs/data.yaml": """\
kind: Data
name: fit
source: {kind: parquet, path: rows.parquet}
columns:
COLUMNS
  y: {type: string, role: target}
split: {kind: random, seed: 7, validation: 0.2, test: 0.1}
""".replace("COLUMNS", "\n".join(f"  {name}: {{type: float}}" for name in NAMES)),
    "specs/training.yaml": """\
kind: Training
name: fit
task: binary
positive: "yes"
seed: 7
baseline: {trainer: sklearn, estimator: sklearn.dummy.DummyClassifier, params: {strategy: prior}}
candidates:
  boosted:
    trainer: xgboost
    rounds: 150
    params: {max_depth: 6, gamma: GAMMA}
select: {metric: roc_auc}
""",
    "specs/evaluation.yaml": "kind: Evaluation\nname: fit\nmetrics: [roc_auc, log_loss, accuracy]\n",
}
SCRIPT = """\
import json, sys
import numpy as np
import polars as pl
import xgboost
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

folder, gamma = sys.argv[1], float(sys.argv[2])
sides = {name: pl.read_parquet(f"{folder}/{name}.parquet") for name in ("train", "validation", "test")}
names = [name for name in sides["train"].columns if name != "y"]
prepare = SimpleImputer(strategy="median").fit(sides["train"].select(names).to_numpy())
rows = {
    name: xgboost.DMatrix(
        prepare.transform(side.select(names).to_numpy()), (side["y"] == "yes").to_numpy().astype(np.int64), nthread=1
    )
    for name, side in sides.items()
}
params = {"objective": "binary:logistic", "max_depth": 6, "gamma": gamma, "seed": 7, "nthread": 1}
watched = [(rows["train"], "train"), (rows["validation"], "validation")]
booster = xgboost.train(params, rows["train"], ROUNDS, evals=watched, verbose_eval=False)
found = {}
for name, side in rows.items():
    y, scores = side.get_label(), booster.predict(side)
    found[name] = [roc_auc_score(y, scores), log_loss(y, scores), accuracy_score(y, scores > 0.5)]
booster.save_model(f"{folder}/model.ubj")
json.dump(found, open(f"{folder}/metrics.json", "w"))
print(found["test"][0])
""".replace("ROUNDS", str(ROUNDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="rounds; one more warms up")
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "mlops_runner", quiet=1)  # as an installed package is, whatever Python is told here
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        project = scratch(Path(folder))
        rounds = [both(project, Path(folder), number) for number in range(options.runs + 1)][1:]
    print(table(rounds))


def scratch(folder: Path) -> Path:
    """Make a project and run it once, so that data and baseline are there; lay out the sides for the script."""
    random = np.random.default_rng(SEED)
    x = random.normal(size=(ROWS, COLUMNS))
    score = x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) + random.normal(size=ROWS)
    project = folder / "project"
    (project / "specs").mkdir(parents=True)
    frame = pl.DataFrame(dict(zip(NAMES, x.T, strict=True)))
    frame.with_columns(y=pl.Series(np.where(score > 1, "yes", "no"))).write_parquet(project / "rows.parquet")
    for name in DOCUMENTS:
        write(project, name, 0)
    ours(project)
    for side in ("train", "validation", "test"):
        shutil.copy(project / "artifacts" / "data" / f"{side}.parquet", folder)
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    return project


def write(project: Path, name: str, number: int) -> None:
    """Write a document for a round: the least loss a split must gain differs by a millionth."""
    text = "apiVersion: mlops/v1\n" + DOCUMENTS[name].replace("GAMMA", str(gamma(number)))
    (project / name).write_text(text, encoding="utf-8")


def gamma(number: int) -> float:
    return (number + 1) / 1_000_000


def both(project: Path, folder: Path, number: int) -> dict[str, float]:
    """Measure both, in turn first. Returns seconds; `extras` are those of the steps that are taken off."""
    write(project, "specs/training.yaml", number + 1)
    found: dict[str, float] = {}
    for case in ("script", "ours") if number % 2 else ("ours", "script"):
        found |= script(folder, number + 1) if case == "script" else ours(project)
    if number:
        print(f"\rround {number}", end="", file=sys.stderr, flush=True)
    return found


def script(folder: Path, number: int) -> dict[str, float]:
    """Run the script in the environment of a step."""
    command = (sys.executable, str(folder / "script.py"), str(folder), str(gamma(number)))
    wall, cpu = process(command, folder, environment(Room(1), folder))
    return {
        "script": wall,
        "script CPU": cpu,
        "script auc": json.loads((folder / "metrics.json").read_text())["test"][0],
    }


def ours(project: Path) -> dict[str, float]:
    """Run the pipeline; the last records of the journal say what the steps took."""
    wall, cpu = process((str(BIN / "mlops"), "run", "--no-report", "--quiet"), project, None)
    last = {record.step: record for record in journal.read(project / ".mlops" / "journal.jsonl").values()}
    extras = sum(last[name].seconds for name in EXTRAS)
    auc = json.loads((project / "artifacts/evaluation/evaluation.json").read_text())["metrics"]["boosted"]["test"][
        "roc_auc"
    ]
    return {"ours": wall, "ours CPU": cpu, "extras": extras, "fit": last["train.boosted"].seconds, "ours auc": auc}


def process(command: tuple[str, ...], folder: Path, env: dict[str, str] | None) -> tuple[float, float]:
    """Return elapsed and CPU seconds of a process and of every process it waited for."""
    started = time.perf_counter()
    running = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = running.stderr.read().decode() if running.stderr else ""
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {running.returncode}\n{errors}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def table(rounds: list[dict[str, float]]) -> str:
    """Return medians, and the median of the differences within a round."""
    middle = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    extra = statistics.median(found["ours"] - found["extras"] - found["script"] for found in rounds)
    same = all(abs(found["ours auc"] - found["script auc"]) < 1e-6 for found in rounds)
    lines = [
        "| | wall, s |", "|---|--:|",
        f"| bare script | {middle['script']:.3f} |",
        f"| `mlops run` | {middle['ours']:.3f} |",
        f"| of that, evaluate and package | {middle['extras']:.3f} |",
        f"| of that, the step train.boosted | {middle['fit']:.3f} |",
        f"| beyond the script, round by round | {extra:+.3f} |",
        f"\n{len(rounds)} rounds; load {os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}",
        f"the script's ROC AUC is the pipeline's: {'yes' if same else 'NO: the two do not do the same work'}",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
