"""Pipelines of many small steps, beside other runners: N copies of a file, all to do, and nothing to do.

Every runner copies the same files by `cp`, in a folder of its own. A round runs each case once, every second round
backwards, and the medians of elapsed and CPU seconds are printed; cold runs begin without any state. What a peer does
not do (addressing by content, a cache, a lock) is not taken off.

Peers are looked for in the PATH. As they cannot all share one environment, `BENCH_SNAKEMAKE=DIR/bin/snakemake` and the
like (BENCH_DOIT, BENCH_PYTASK, BENCH_DVC) say where one is. Those that are nowhere are left out, and named.
"""

import argparse
import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent
Took = tuple[float, float]  # elapsed seconds, CPU seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--without",
        nargs="*",
        default=[],
        choices=RUNNERS,
        help="peers to leave out: dvc takes minutes with 1000 steps",
    )
    options = parser.parse_args()
    compileall.compile_dir(Path(__file__).parents[1] / "mlops_runner", quiet=1)  # as an installed package is
    wanted = [name for name in RUNNERS if name not in options.without]
    names = [name for name in wanted if program(name)]
    if missing := [name for name in wanted if name not in names]:
        print(f"not installed, left out: {', '.join(missing)}")
    for size in options.steps:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            subprocess.run(["git", "init", "-q"], cwd=folder, check=True)  # or they would take part in what is around
            report(size, measure(Path(folder), size, names, options))


def measure(parent: Path, size: int, names: list[str], options: argparse.Namespace) -> dict[str, dict[str, list[Took]]]:
    found: dict[str, dict[str, list[Took]]] = {name: {"cold": [], "same": []} for name in names}
    for number in range(options.rounds):
        for name in names if number % 2 else reversed(names):
            folder = parent / name
            shutil.rmtree(folder, ignore_errors=True)
            make_files(folder, size)
            RUNNERS[name](folder, size)
            command = COMMANDS[name](options.jobs)
            found[name]["cold"].append(timed(command, folder))
            assert (folder / "out" / f"{size - 1}.txt").read_text() == f"{size - 1}\n", f"{name} did not do it"
            found[name]["same"].append(timed(command, folder))
            for label, words in LOOKING.get(name, {}).items():
                found[name].setdefault(label, []).append(timed([program(name), *words], folder))
    return found


def timed(command: list[str], folder: Path) -> Took:
    """Return elapsed seconds, and CPU seconds of the process and of all that it waited for."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        _, status, usage = os.wait4(running.pid, 0)
        wall = time.perf_counter() - started
        running.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert running.returncode == 0, f"{' '.join(command)}\n{said.read()}"
    return wall, usage.ru_utime + usage.ru_stime


def report(size: int, found: dict[str, dict[str, list[Took]]]) -> None:
    print(f"\n| {size} steps | cold, s | CPU | a step, ms | CPU | nothing changed, s | CPU |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, times in found.items():
        (cold, cold_cpu), (same, same_cpu) = middle(times["cold"]), middle(times["same"])
        step, step_cpu = (1000 * (all_of_it - idle) / size for all_of_it, idle in ((cold, same), (cold_cpu, same_cpu)))
        print(f"| {name} | {cold:.2f} | {cold_cpu:.2f} | {step:.1f} | {step_cpu:.1f} | {same:.3f} | {same_cpu:.3f} |")
        for label in LOOKING.get(name, ()):
            wall, cpu = middle(times[label])
            print(f"| {label} | – | – | – | – | {wall:.3f} | {cpu:.3f} |")
    print(f"\nload {os.getloadavg()[0]:.1f}", flush=True)


def middle(times: list[Took]) -> Took:
    return statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times)


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
    subprocess.run([program("dvc"), "init", "--no-scm", "-q"], cwd=folder, check=True)
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")


def write_snakemake(folder: Path, size: int) -> None:
    (folder / "Snakefile").write_text(
        f"rule all:\n    input: [f'out/{{n}}.txt' for n in range({size})]\n"
        "rule copy:\n    input: 'in/{n}.txt'\n    output: 'out/{n}.txt'\n    shell: 'cp {input} {output}'\n"
    )


def write_pytask(folder: Path, size: int) -> None:
    (folder / "task_copy.py").write_text(
        "import subprocess\nfrom pathlib import Path\nfrom typing import Annotated\nfrom pytask import Product, task\n"
        f"for n in range({size}):\n"
        "    @task(id=str(n))\n"
        "    def task_copy(source=Path(f'in/{n}.txt'), made: Annotated[Path, Product] = Path(f'out/{n}.txt')):\n"
        "        subprocess.run(['cp', source, made], check=True)\n"
    )


RUNNERS: dict[str, Callable[[Path, int], None]] = {
    "mlops": write_mlops, "doit": write_doit, "make": write_make, "ninja": write_ninja, "snakemake": write_snakemake,
    "pytask": write_pytask, "dvc": write_dvc,
}  # fmt: skip
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "mlops": lambda jobs: [program("mlops"), "run", "-q", "--jobs", str(jobs)],
    "doit": lambda jobs: [program("doit"), *(["-n", str(jobs)] if jobs > 1 else [])],
    "make": lambda jobs: ["make", "-s", "-j", str(jobs)],
    "ninja": lambda jobs: ["ninja", "--quiet", "-j", str(jobs)],
    "snakemake": lambda jobs: [program("snakemake"), "-q", "all", "-c", str(jobs)],
    "pytask": lambda _: [program("pytask"), "-v", "0"],
    "dvc": lambda _: [program("dvc"), "repro", "-q"],
}
LOOKING = {  # what only looks whether anything is to do
    "mlops": {"mlops plan": ["plan", "-q"]},
    "snakemake": {"snakemake -n": ["-q", "all", "-n"]},
    "dvc": {"dvc status": ["status", "-q"]},
}


def program(name: str) -> str:
    """Return where a program is: as a variable says, beside this Python, or in the PATH; empty if it is nowhere."""
    beside = BIN / name
    return os.environ.get(f"BENCH_{name.upper()}") or (str(beside) if beside.exists() else shutil.which(name)) or ""


if __name__ == "__main__":
    main()
