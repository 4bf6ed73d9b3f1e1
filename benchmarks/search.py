"""Fifty trials of a search, and the same by plain Optuna: same folds, same workers, same estimator, in rounds.

Both draw by TPE from a space in which no trial is dearer than another, fit XGBoost on four folds of the same rows,
prepare each fold once, and measure ROC AUC. Every case is a process of its own with its libraries imported; what is
measured begins with reading the rows and ends with the best trial. Ours tries in processes, Optuna in threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from mlops_runner.execute.isolation import Room, environment

ROWS, COLUMNS, FOLDS, TRIALS, ROUNDS, SEED = 4_000, 20, 4, 50, 50, 7
NAMES = [f"x{column}" for column in range(COLUMNS)]
FIXED = {"max_depth": 5, "tree_method": "hist"}
SPACE = {
    "learning_rate": {"min": 0.03, "max": 0.3, "log": True},
    "min_child_weight": {"min": 1.0, "max": 8.0},
    "reg_lambda": {"min": 0.1, "max": 10.0, "log": True},
    "gamma": {"min": 0.0, "max": 0.1},
}
CASES = ("optuna", "ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="rounds; one more warms up")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="trials side by side")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps({"optuna": plain, "ours": ours}[options.case](options.folder, options.workers)))
        return
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        write_rows(Path(folder))
        print(table(measure(Path(folder), options), options.workers))


def write_rows(folder: Path) -> None:
    """Write the training rows and the numbers of their folds."""
    random = np.random.default_rng(SEED)
    x = random.normal(size=(ROWS, COLUMNS))
    score = x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) + random.normal(size=ROWS)
    frame = pl.DataFrame(dict(zip(NAMES, x.T, strict=True)))
    frame.with_columns(y=pl.Series(np.where(score > 1, "yes", "no"))).write_parquet(folder / "train.parquet")
    frame.head(0).with_columns(y=pl.Series([], dtype=pl.String)).write_parquet(folder / "validation.parquet")
    numbers = pl.Series(random.permutation(ROWS) % FOLDS, dtype=pl.UInt8)
    pl.DataFrame({"repeat_1": numbers}).write_parquet(folder / "folds.parquet")


def plain(folder: Path, workers: int) -> dict[str, float]:
    """Search with Optuna as its guide does."""
    import optuna
    import xgboost
    from sklearn.impute import SimpleImputer
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    started, cpu = time.perf_counter(), used()
    frame = pl.read_parquet(folder / "train.parquet")
    x, y = frame.select(NAMES).to_numpy(), (frame["y"] == "yes").to_numpy().astype(np.int64)
    numbers = pl.read_parquet(folder / "folds.parquet")["repeat_1"].to_numpy()
    folds = []
    for number in range(FOLDS):
        prepare = make_pipeline(SimpleImputer(strategy="median")).fit(x[numbers != number])
        parts = (numbers != number, numbers == number)
        folds.append([(np.ascontiguousarray(prepare.transform(x[part])), y[part]) for part in parts])

    def objective(trial: optuna.Trial) -> float:
        drawn = {
            name: trial.suggest_float(name, found["min"], found["max"], log=found.get("log", False))
            for name, found in SPACE.items()
        }
        params = {"objective": "binary:logistic", **FIXED, **drawn, "seed": SEED, "nthread": 1, "verbosity": 1}
        values = []
        for train, held_out in folds:
            booster = xgboost.train(params, xgboost.DMatrix(*train, nthread=1), ROUNDS)
            values.append(roc_auc_score(held_out[1], booster.predict(xgboost.DMatrix(held_out[0], nthread=1))))
        return float(np.mean(values))

    sampler = optuna.samplers.TPESampler(seed=SEED, constant_liar=workers > 1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=TRIALS, n_jobs=workers)
    return {"seconds": time.perf_counter() - started, "cpu": used() - cpu, "best": study.best_value}


def ours(folder: Path, workers: int) -> dict[str, float]:
    """Run the search stage."""
    from mlops_runner.execute.handlers import PRELOAD
    from mlops_runner.execute.messages import Request
    from mlops_runner.execute.stages.search import execute

    for module in (*PRELOAD["search"], *PRELOAD["train"], *PRELOAD["train.xgboost"]):
        __import__(module)
    described = {name: {"type": "float", "role": "feature", "tags": []} for name in NAMES}
    described["y"] = {"type": "string", "role": "target", "tags": []}
    config = {
        "task": "binary", "positive": "yes", "columns": described, "order": [*NAMES, "y"],
        "trainer": {"trainer": "xgboost", "rounds": ROUNDS, "params": FIXED},
        "search": {"space": SPACE, "trials": TRIALS}, "metric": "roc_auc", "direction": "maximize",
        "folds_in_time": False,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder) as work:
        (Path(work) / "out").mkdir()
        inputs = {name: str(folder / f"{name}.parquet") for name in ("train", "validation", "folds")}
        started, cpu = time.perf_counter(), used()
        execution = {"seed": SEED, "threads": 1, "device": "cpu"}
        reply = execute(Request("search", config, execution, work, work, inputs, jobs=workers, memory=f"{work}/memory"))
        return {"seconds": time.perf_counter() - started, "cpu": used() - cpu, "best": reply.metrics["value"]}


def measure(folder: Path, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Run both cases in every round, in turn first; the first round warms up and is thrown away."""
    found: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
    for number in range(options.runs + 1):
        for case in CASES if number % 2 else reversed(CASES):
            result = once(case, folder, options.workers)
            if number:
                found[case].append(result)
        print(f"\rround {number} of {options.runs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def once(case: str, folder: Path, workers: int) -> dict[str, float]:
    """Run one case in the environment of a step."""
    command = [sys.executable, __file__, "--case", case, "--folder", str(folder), "--workers", str(workers)]
    log = folder / "log.txt"
    given = {**environment(Room(1), folder), **{k: v for k, v in os.environ.items() if k == "PYTHONPATH"}}
    with (folder / "out.txt").open("wb") as out, log.open("wb") as errors:
        if subprocess.run(command, env=given, stdout=out, stderr=errors, check=False).returncode:
            sys.exit(log.read_text())
    answer: dict[str, float] = json.loads((folder / "out.txt").read_text().splitlines()[-1])
    return answer


def used() -> float:
    """Return the CPU seconds of this process, and of those it has waited for."""
    return sum(os.times()[:4])


def table(found: dict[str, list[dict[str, float]]], workers: int) -> str:
    """Return medians, and the median of the ratios within a round: above 1, ours is faster."""
    lines = [f"| {TRIALS} trials, {workers} workers | wall, s | CPU, s | best |", "|---|--:|--:|--:|"]
    for case, results in found.items():
        middle = {name: statistics.median(result[name] for result in results) for name in ("seconds", "cpu", "best")}
        lines.append(f"| {case} | {middle['seconds']:.2f} | {middle['cpu']:.2f} | {middle['best']:.4f} |")
    pairs = list(zip(found["optuna"], found["ours"], strict=True))
    speed = statistics.median(plain["seconds"] / our["seconds"] for plain, our in pairs)
    spent = statistics.median(plain["cpu"] / our["cpu"] for plain, our in pairs)
    lines.append(f"| optuna / ours, round by round | {speed:.2f} | {spent:.2f} | |")
    lines.append(f"\n{len(found['ours'])} rounds; load {os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
