"""Folders of many files and one large file, beside dvc and beside the least that any tool must do.

Each figure is the best of a few processes of their own, started in turn so that all see the same machine. The least:
looking at every file's status once; reading a file and computing md5 and sha256, one after the other.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlops_runner.digest import digest_file
from mlops_runner.store.objects import ObjectStore

BIN = Path(sys.executable).parent
DVC = {"DVC_NO_ANALYTICS": "1"}

LOADER = "import polars as pl\n\n\ndef load(files):\n    return pl.DataFrame({'x': [0.5] * 40, 'y': ['a', 'b'] * 20})\n"
PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: many
specs: {data: data.yaml, training: training.yaml, evaluation: evaluation.yaml}
"""
DATA = """\
apiVersion: mlops/v1
kind: Data
name: many
source: {kind: python, callable: loader:load, inputs: {files: files}}
columns:
  x: {type: float}
  y: {type: string, role: target}
split: {kind: random, seed: 1, validation: 0.25, test: 0.25}
"""
TRAINING = """\
apiVersion: mlops/v1
kind: Training
name: many
task: binary
positive: a
seed: 1
baseline: {trainer: sklearn, estimator: sklearn.dummy.DummyClassifier}
candidates:
  linear: {trainer: sklearn, estimator: sklearn.linear_model.LogisticRegression}
select: {metric: accuracy, split: validation, direction: maximize}
"""
EVALUATION = "apiVersion: mlops/v1\nkind: Evaluation\nname: many\nmetrics: [accuracy]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="small files in a folder")
    parser.add_argument("--megabytes", type=int, default=2000, help="size of the large file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-dvc", action="store_true", help="leave the peer out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlops-files-") as folder:
        rows = [*_many(Path(folder) / "many", options), *_large(Path(folder), options)]
    print("| what | wall, s | CPU, s |", "|---|--:|--:|", *rows, sep="\n")
    print(f"\nload {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs, Python {sys.version.split()[0]}")


def _many(root: Path, options: argparse.Namespace) -> list[str]:
    _make_project(root, options.files)
    _run([BIN / "mlops", "run", "-q", "--no-report"], root)
    commands = {"status of every file (floor)": [sys.executable, "-c", FLOOR], "mlops plan": [BIN / "mlops", "plan"]}
    if not options.no_dvc:
        _run([BIN / "dvc", "init", "-q", "--no-scm", "-f"], root)
        _run([BIN / "dvc", "add", "-q", "files"], root)
        commands["dvc status"] = [BIN / "dvc", "status", "-q", "files.dvc"]
        _run([BIN / "mlops", "run", "-q", "--no-report"], root)

    def touch() -> None:
        for path in (root / "files").rglob("*.txt"):
            os.utime(path)
        time.sleep(0.1)

    found = [*_turns("unchanged", commands, root, options.rounds, lambda: None)]
    return [*found, *_turns("all touched", commands, root, options.rounds, touch)]


def _turns(
    state: str, commands: dict[str, list[object]], root: Path, rounds: int, prepare: Callable[[], None]
) -> list[str]:
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            prepare()
            best[name] = min(best.get(name, (1e9, 1e9)), _run(command, root))
    return [f"| {name}, {state} | {wall:.2f} | {cpu:.2f} |" for name, (wall, cpu) in best.items()]


FLOOR = """
import os
waiting = ["files"]
while waiting:
    folder = waiting.pop()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                entry.stat(follow_symlinks=False)
"""


def _make_project(root: Path, count: int) -> None:
    texts = {"pipeline.yaml": PIPELINE, "data.yaml": DATA, "training.yaml": TRAINING, "evaluation.yaml": EVALUATION}
    for number in range(count):
        folder = root / "files" / f"{number // 1000:03d}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:06d}.txt").write_bytes(b"%d\n" % number * 30)
    for name, text in {**texts, "loader.py": LOADER}.items():
        (root / name).write_text(text)


def _run(command: list[object], root: Path) -> tuple[float, float]:
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [str(part) for part in command], cwd=root, env={**os.environ, **DVC}, capture_output=True, check=False
    )
    after = os.times()
    if done.returncode not in {0, 1}:  # dvc status -q answers 1 for a change
        sys.exit(f"{command} ended with exit code {done.returncode}: {done.stderr.decode()[-500:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu


READ = """
import hashlib, sys
def each(take):
    with open(sys.argv[1], "rb", buffering=0) as stream:
        while chunk := stream.read(1 << 20):
            take(chunk)
each(len); each(hashlib.md5().update); each(hashlib.sha256().update)
"""


def _large(folder: Path, options: argparse.Namespace) -> list[str]:
    path = folder / "large.bin"
    with path.open("wb") as stream:
        for _ in range(options.megabytes):
            stream.write(os.urandom(1_000_000))
        stream.flush()
        os.fsync(stream.fileno())
    command = [sys.executable, "-c", READ, str(path)]
    least = min(_run(command, folder) for _ in range(options.rounds))
    rows = [
        f"| read, md5 and sha256 of {options.megabytes} MB, one after the other | {least[0]:.2f} | {least[1]:.2f} |"
    ]
    for name, how in (("hashed, and copied into the cache", "add"), ("hashed, and moved into the cache", "take")):
        best = (1e9, 1e9)
        for number in range(options.rounds):
            best = min(best, _stored(folder / f"{how}{number}", path, how))
        rows.append(f"| the same file {name} | {best[0]:.2f} | {best[1]:.2f} |")
    return rows


def _stored(root: Path, path: Path, how: str) -> tuple[float, float]:
    root.mkdir()
    source = root / "source"
    if how == "take":
        shutil.copyfile(path, source)
        os.sync()
    else:
        os.link(path, source)
    wall, cpu = time.perf_counter(), time.process_time()
    getattr(ObjectStore(root), how)(source, digest_file(source))
    found = time.perf_counter() - wall, time.process_time() - cpu
    shutil.rmtree(root)
    return found


if __name__ == "__main__":
    main()
