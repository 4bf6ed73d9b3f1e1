"""The memory that `mlops run` takes to train and evaluate on a large table: all rows held, and rows left on the disk.

Both train the same trees on the same sides; `external_memory` is all that differs. Peaks are those of the largest
process of a run, as the kernel counts them; the data step is done before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner import journal
from mlops_runner.lock.codec import parse

BIN = Path(sys.executable).parent
COLUMNS, PART, SEED = 30, 500_000, 7
NAMES = [f"x{column}" for column in range(COLUMNS)]
METRICS = ("roc_auc", "log_loss")
DOCUMENTS = {
    "pipeline.yaml": "kind: Pipeline\nname: large\n",
    "specs/data.yaml": """\
kind: Data
name: large
source: {kind: parquet, path: rows}
columns:
COLUMNS
  y: {type: string, role: target}
split: {kind: random, seed: 7, validation: 0.1, test: 0.1}
""".replace("COLUMNS", "\n".join(f"  {name}: {{type: float}}" for name in NAMES)),
    "specs/training.yaml": """\
kind: Training
name: large
task: binary
positive: "yes"
seed: 7
threads: 2
preprocessing: {numeric: {impute: none}}
baseline: {trainer: xgboost, rounds: 1, params: {max_depth: 1}MEMORYLIMIT}
candidates:
  boosted: {trainer: xgboost, rounds: ROUNDS, params: {max_depth: 6}MEMORY}
select: {metric: roc_auc}
""",
    "specs/evaluation.yaml": "kind: Evaluation\nname: large\nmetrics: [roc_auc, log_loss]\ndigits: 9\n",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Peak of the largest process in MiB, CPU seconds of all, and what the steps took."""

    peak: int
    cpu: float
    seconds: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batch-rows", type=int, default=131_072)
    options = parser.parse_args()
    cases = {"all rows held": "", "rows on the disk": f", external_memory: {{batch_rows: {options.batch_rows}}}"}
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", dir=Path.cwd()) as folder:
        project = Path(folder)
        make_rows(project / "rows", options.rows)
        found = {case: measured(project, memory, options.rounds) for case, memory in cases.items()}
    print(table(found, options))


def make_rows(folder: Path, rows: int) -> None:
    folder.mkdir()
    for number, first in enumerate(range(0, rows, PART)):
        random = np.random.default_rng([SEED, number])
        x = random.normal(size=(min(PART, rows - first), COLUMNS))
        score = x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) + random.normal(size=len(x))
        frame = pl.DataFrame(dict(zip(NAMES, x.T, strict=True)), orient="col")
        frame = frame.with_columns(y=pl.Series(np.where(score > 1, "yes", "no")))
        frame.write_parquet(folder / f"{number:03}.parquet")


def measured(project: Path, memory: str, rounds: int) -> tuple[Cost, dict[str, float]]:
    """Return the cost of training and evaluating, and the metrics."""
    words = {"MEMORY": memory, "ROUNDS": str(rounds), "LIMIT": ""}
    if not (project / "artifacts").exists():  # the data step is not what is measured: here the run ends after it
        write(project, {**words, "LIMIT": ", timeout: 1s"})
        run(project, ends=1)
    write(project, words)
    cost = run(project)
    locked = parse((project / "pipeline.lock").read_text(encoding="utf-8")).stages["evaluate"].metrics
    return cost, {name: float(locked[f"test.{name}"]) for name in METRICS}


def write(project: Path, words: dict[str, str]) -> None:
    for name, text in DOCUMENTS.items():
        for word, value in words.items():
            text = text.replace(word, value)
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(f"apiVersion: mlops/v1\n{text}", encoding="utf-8")


def run(project: Path, ends: int = 0) -> Cost:
    """Run one step after the other, until it ends with the exit code."""
    started = time.time()
    command = (str(BIN / "mlops"), "run", "--jobs", "1", "--no-report", "--quiet")
    running = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = running.stderr.read().decode() if running.stderr else ""
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode != ends:
        sys.exit(f"mlops run ended with exit code {running.returncode}\n{errors}")
    print(f"a run of {time.time() - started:.0f} s", file=sys.stderr, flush=True)
    last = journal.read(project / ".mlops" / "journal.jsonl").values()
    return Cost(usage.ru_maxrss // 1024, usage.ru_utime + usage.ru_stime, {one.step: one.seconds for one in last})


def table(found: dict[str, tuple[Cost, dict[str, float]]], options: argparse.Namespace) -> str:
    lines = ["| | peak, MiB | CPU, s | train.boosted, s | ROC AUC | log loss |", "|---|--:|--:|--:|--:|--:|"]
    for case, (cost, metrics) in found.items():
        fit, auc, loss = cost.seconds["train.boosted"], metrics["roc_auc"], metrics["log_loss"]
        lines.append(f"| {case} | {cost.peak} | {cost.cpu:.0f} | {fit:.0f} | {auc:.9f} | {loss:.9f} |")
    size = options.rows * COLUMNS * 8 / 2**20
    lines.append(
        f"\n{options.rows} rows x {COLUMNS} columns, {size:.0f} MiB as float64; {options.rounds} rounds of depth 6"
    )
    lines.append(f"batches of {options.batch_rows} rows; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
