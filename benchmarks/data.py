"""The whole data stage (read, clean, check, divide, write, profile) over a table that is made up, part by part.

`python benchmarks/data.py` measures 1 M rows x 30 columns as CSV and as Parquet. `--files 40` writes so many Parquet
files of 1 M rows, 140 MB each, and measures the folder. Every measurement is a process of its own with the threads of
a step; seconds say how long, CPU how much work, and the peak how much memory the process held beside its libraries.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROWS, WORDS = 1_000_000, (5, 20, 100, 500, 500)
PARTS = ("read_source", "convert", "clean", "run_checks", "_division", "_folds", "_write", "profile", "_metrics")
MOMENTS = 2 * 10**14  # microseconds, about six years


def main() -> None:
    options = _options()
    if options.measure:
        print(json.dumps(measure(options.measure, Path(options.folder))))
        return
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", dir=options.folder) as name:
        folder = Path(name)
        for source in _make(folder, options.files):
            env = {**os.environ, "POLARS_MAX_THREADS": str(options.threads)}
            command = [sys.executable, __file__, "--measure", source, "--folder", name]
            done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
            _show(source, json.loads(done.stdout))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=0, help="measure a folder of so many Parquet files instead")
    parser.add_argument("--threads", type=int, default=2, help="threads of a step")
    parser.add_argument("--folder", default=None, help="where the tables are made; they are removed at the end")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    return parser.parse_args()


def _make(folder: Path, files: int) -> list[str]:
    first = made_up(ROWS)
    if not files:
        first.write_csv(folder / "table.csv")
        first.write_parquet(folder / "table.parquet")
        return ["table.csv", "table.parquet"]
    (folder / "table").mkdir()
    for at in range(files):
        moved = first.with_columns(pl.col("id") + at * ROWS, pl.selectors.float() + at * 1e-7)
        moved.write_parquet(folder / "table" / f"{at:04}.parquet", compression_level=1)
    return ["table"]


def made_up(rows: int) -> pl.DataFrame:
    """Return 14 columns of floats with gaps, 7 of integers, 6 of text, a date, a moment and a target."""
    random = np.random.Generator(np.random.PCG64(1))
    gaps = {f"f{at}": random.random(rows) < 0.02 for at in range(14)}
    columns: dict[str, Any] = {"id": np.arange(rows)}
    columns |= {name: np.where(gap, np.nan, random.normal(size=rows)) for name, gap in gaps.items()}
    columns |= {f"i{at}": random.integers(0, 10 ** (at + 1), rows) for at in range(6)}
    words = np.array([f"word {at}" for at in range(max(WORDS))])
    columns |= {f"s{at}": words[random.integers(0, count, rows)] for at, count in enumerate(WORDS)}
    columns["free"] = random.integers(0, 2**60, rows).astype(str)
    columns["t"] = np.datetime64("2020-01-01", "us") + random.integers(0, MOMENTS, rows)
    columns["y"] = random.integers(0, 2, rows)
    frame = pl.DataFrame(columns).with_columns(pl.selectors.float().fill_nan(None))
    return frame.with_columns(pl.col("t").dt.date().alias("day"))


def columns() -> dict[str, Any]:
    """Return the declared columns: 1 unique id, 14 ranges and missing rates, 6 lower ends, the allowed targets."""
    floats = {f"f{at}": {"type": "float", "max_missing": 0.1, "min": -20, "max": 20} for at in range(14)}
    whole = {f"i{at}": {"type": "int", "min": 0} for at in range(6)}
    text = {f"s{at}": {"type": "string"} for at in range(len(WORDS))}
    return {
        "id": {"type": "int", "role": "id"},
        **floats,
        **whole,
        **text,
        "free": {"type": "string", "tags": ["pii"]},
        "t": {"type": "datetime"},
        "y": {"type": "int", "role": "target", "allowed": [0, 1]},
        "day": {"type": "date"},
    }


def measure(source: str, folder: Path) -> dict[str, Any]:
    """Run the stage over a file or folder; seconds and CPU of every part, and the peak."""
    from mlops_runner.data import materialise as stage
    from mlops_runner.data.sources import csv, parquet  # noqa: F401  # loaded before the clock starts, as in a run
    from mlops_runner.specs.data import Data

    kind = "csv" if source.endswith(".csv") else "parquet"
    head = {"apiVersion": "mlops/v1", "kind": "Data", "name": "table", "source": {"kind": kind, "path": source}}
    split = {"kind": "random", "seed": 1, "stratify": "y"}
    cleaning = [{"kind": "clip", "columns": ["f0"], "max": 3}, {"kind": "text", "columns": ["s0"], "case": "upper"}]
    given = {**head, "columns": columns(), "split": split, "cleaning": cleaning}
    spec = Data.model_validate(given, strict=False)
    parts: dict[str, tuple[float, float]] = {}
    for name in PARTS:
        setattr(stage, name, _timed(getattr(stage, name), name, parts))
    out = folder / "out"
    out.mkdir(exist_ok=True)
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    done = stage.materialise(spec, folder, {"source": folder / source}, out, lambda _: None, datetime.now(UTC))
    parts["all"] = time.perf_counter() - wall, time.process_time() - cpu
    for path in out.iterdir():
        path.unlink()
    return {"parts": parts, "peak": _peak() - before, "rows": done.metrics["rows"]}


def _timed(function: Any, name: str, parts: dict[str, tuple[float, float]]) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = function(*args, **kwargs)
        so_far = parts.get(name, (0.0, 0.0))
        parts[name] = so_far[0] + time.perf_counter() - wall, so_far[1] + time.process_time() - cpu
        return result

    return run


def _peak() -> float:
    # Of this program alone: the peak that getrusage knows begins with that of the process that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _show(source: str, found: dict[str, Any]) -> None:
    print(f"\n{source}: {found['rows']} rows, {found['peak']:.0f} MB at the peak\n")
    print("| part | wall, s | CPU, s |\n|---|--:|--:|")
    for name, (wall, cpu) in found["parts"].items():
        print(f"| {name.strip('_')} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
