"""Pipelines of many small steps, beside other runners: N copies of a file, all to do, and nothing to do.

Every runner copies the same files by `cp`, in a folder of its own. A round runs each case once, every second round
backwards, and the median of the rounds is printed; cold runs begin without any state. Peers that are not installed are
left out. What a peer does not do (addressing by content, a cache, a lock) is not taken off.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--without", nargs="*", default=[], help="peers to leave out: dvc takes minutes with 1000 steps"
    )
    options = parser.parse_args()
    names = [name for name in RUNNERS if name not in options.without and program(name)]
    for size in options.steps:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            report(size, measure(Path(folder), size, names, options))


def measure(
    parent: Path, size: int, names: list[str], options: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {name: {"cold": [], "same": []} for name in names}
    for number in range(options.rounds):
        for name in names if number % 2 else reversed(names):
            folder = parent / name
            shutil.rmtree(folder, ignore_errors=True)
            make_files(folder, size)
            RUNNERS[name](folder, size)
            command = COMMANDS[name](options.jobs)
            found[name]["cold"].append(timed(command, folder))
            assert (folder / "out" / f"{size - 1}.txt").read_text() == f"{size - 1}\n", f"{name} did not do it"
            for words in UNCHANGED.get(name, [command]):
                found[name].setdefault("plan" if "plan" in words else "same", []).append(timed(words, folder))
    return found


def timed(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout + done.stderr
    return seconds


def report(size: int, found: dict[str, dict[str, list[float]]]) -> None:
    print(f"\n| {size} steps | cold, s | a step, ms | nothing changed, s |\n|---|--:|--:|--:|")
    for name, times in found.items():
        cold, same = statistics.median(times["cold"]), statistics.median(times["same"])
        print(f"| {name} | {cold:.2f} | {1000 * (cold - same) / size:.1f} | {same:.3f} |")
        if "plan" in times:
            print(f"| {name} plan | – | – | {statistics.median(times['plan']):.3f} |")


def make_files(folder: Path, size: int) -> None:
    (folder / "in").mkdir(parents=True)
    (folder / "out").mkdir()
    for number in range(size):
        (folder / "in" / f"{number}.txt").write_text(f"{number}\n")


def write_mlops(folder: Path, size: int) -> None:
    lines = ["apiVersion: mlops/v1", "kind: Pipeline", "name: copies", "steps:"]
    for n in range(size):
        lines += [f"  copy-{n}:", "    kind: command", f"    command: [cp, in/{n}.txt, out/{n}.txt]",
                  f"    inputs: [in/{n}.txt]", f"    outputs: [out/{n}.txt]"]  # fmt: skip
    (folder / "pipeline.yaml").write_text("\n".join(lines) + "\n")


def write_make(folder: Path, size: int) -> None:
    targets = " ".join(f"out/{n}.txt" for n in range(size))
    rules = "".join(f"out/{n}.txt: in/{n}.txt\n\tcp in/{n}.txt out/{n}.txt\n" for n in range(size))
    (folder / "Makefile").write_text(f"all: {targets}\n{rules}")


def write_ninja(folder: Path, size: int) -> None:
    rules = "".join(f"build out/{n}.txt: copy in/{n}.txt\n" for n in range(size))
    (folder / "build.ninja").write_text(f"rule copy\n  command = cp $in $out\n{rules}")


def write_doit(folder: Path, size: int) -> None:
    (folder / "dodo.py").write_text(
        "def task_copy():\n"
        f"    for n in range({size}):\n"
        "        yield {'name': str(n), 'file_dep': [f'in/{n}.txt'], 'targets': [f'out/{n}.txt'],\n"
        "               'actions': [f'cp in/{n}.txt out/{n}.txt']}\n"
    )


def write_dvc(folder: Path, size: int) -> None:
    lines = ["stages:"]
    for n in range(size):
        lines += [f"  copy-{n}:", f"    cmd: cp in/{n}.txt out/{n}.txt", f"    deps: [in/{n}.txt]",
                  f"    outs: [out/{n}.txt]"]  # fmt: skip
    subprocess.run([str(BIN / "dvc"), "init", "--no-scm", "-q"], cwd=folder, check=True)
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")


RUNNERS: dict[str, Callable[[Path, int], None]] = {
    "mlops": write_mlops, "doit": write_doit, "make": write_make, "ninja": write_ninja, "dvc": write_dvc,
}  # fmt: skip
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "mlops": lambda jobs: [str(BIN / "mlops"), "run", "-q", "--jobs", str(jobs)],
    "doit": lambda jobs: [program("doit"), *(["-n", str(jobs)] if jobs > 1 else [])],
    "make": lambda jobs: ["make", "-s", "-j", str(jobs)],
    "ninja": lambda jobs: ["ninja", "--quiet", "-j", str(jobs)],
    "dvc": lambda _: [str(BIN / "dvc"), "repro", "-q"],
}
UNCHANGED = {"mlops": [[str(BIN / "mlops"), "plan", "-q"], [str(BIN / "mlops"), "run", "-q"]]}


def program(name: str) -> str:
    beside = BIN / name
    return str(beside) if beside.exists() else shutil.which(name) or ""


if __name__ == "__main__":
    main()
