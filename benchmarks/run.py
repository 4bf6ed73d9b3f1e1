"""Medians of whole processes, measured in rounds: every round runs every case once, every second one backwards.

Machines drift while they are measured; cases of one round see the same machine. The first round warms up and is
thrown away. Nothing here judges a figure: a benchmark that fails on a busy machine teaches people to ignore it.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.execute.isolation import Room, environment
from mlops_runner.lock.codec import parse

ROOT = Path(__file__).resolve().parents[1]
BARE = ROOT / "benchmarks" / "bare.py"
BIN = Path(sys.executable).parent
FEWEST_RUNS = 7


@dataclass(frozen=True, slots=True)
class Case:
    """One process to measure. prepare: what must be true before it starts; not measured."""

    name: str
    command: tuple[str, ...]
    prepare: Callable[[], None]
    env: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: elapsed seconds, and CPU seconds of it and of every process it waited for."""

    wall: float
    cpu: float


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        project = _scratch(Path(folder))
        cases = [case for case in _cases(project, Path(folder)) if not options.only or case.name in options.only]
        if not cases:
            sys.exit(f"no such case; there are: {', '.join(case.name for case in _cases(project, Path(folder)))}")
        samples = _measure(cases, project, options.runs)
        same = _same_numbers(project, Path(folder)) if {"bare", "run --force"} & samples.keys() else None
    print(json.dumps(_as_json(samples, same), indent=2) if options.json else _table(samples, same))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=FEWEST_RUNS, help=f"rounds, at least {FEWEST_RUNS}")
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this case; may be repeated")
    parser.add_argument("--json", action="store_true", help="print every sample as JSON")
    options = parser.parse_args()
    options.runs = max(options.runs, FEWEST_RUNS)
    return options


def _scratch(folder: Path) -> Path:
    """Clone the project and run it once, so that there is something unchanged to look at."""
    compileall.compile_dir(ROOT / "mlops_runner", quiet=1)  # as an installed package is, whatever Python is told here
    project = folder / "project"
    subprocess.run(["git", "clone", "--quiet", ROOT, project], check=True)
    subprocess.run([BIN / "mlops", "-C", project, "run", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(project / ".mlops" / "compiled.json", folder / "compiled.json")
    (folder / "bare").mkdir()
    return project


def _cases(project: Path, folder: Path) -> list[Case]:
    compiled = project / ".mlops" / "compiled.json"

    def warm() -> None:
        if not compiled.exists():
            shutil.copy(folder / "compiled.json", compiled)

    def cold() -> None:
        compiled.unlink(missing_ok=True)

    mlops, dvc, python = str(BIN / "mlops"), str(BIN / "dvc"), sys.executable
    # The threads, locale and BLAS kernel that a step's process gets, so that both fit with the same libraries alike.
    isolated = environment(Room(1), folder)
    cases = [
        Case("python -c pass", (python, "-c", "pass"), warm),
        Case("--version", (mlops, "--version"), warm),
        Case("--help", (mlops, "--help"), warm),
        Case("plan cold", (mlops, "plan"), cold),
        Case("plan", (mlops, "plan"), warm),
        Case("verify", (mlops, "verify"), warm),
        Case("run unchanged", (mlops, "run"), warm),
        Case("bare", (python, str(BARE), str(folder / "bare")), warm, isolated),
        Case("run --force", (mlops, "run", "--force", "--no-report"), warm),
    ]
    peers = [
        Case("dvc --version", (dvc, "--version"), warm),
        Case("dvc status", (dvc, "status"), warm),
    ]
    return cases + (peers if Path(dvc).exists() else [])


def _measure(cases: list[Case], project: Path, runs: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(runs + 1):
        for case in cases if number % 2 else reversed(cases):
            case.prepare()
            sample = _once(case, project)
            if number:
                samples[case.name].append(sample)
        print(f"\rround {number} of {runs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples


def _once(case: Case, project: Path) -> Sample:
    started = time.perf_counter()
    process = subprocess.Popen(
        case.command, cwd=project, env=case.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(case.command)} ended with exit code {process.returncode}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def _same_numbers(project: Path, folder: Path) -> bool:
    """Say whether the bare script computes the metrics that the pipeline locked: otherwise it is other work."""
    command = [sys.executable, BARE, folder / "bare"]
    answer = subprocess.run(command, cwd=project, env=environment(Room(1), folder), capture_output=True, check=True)
    found = json.loads(answer.stdout)
    locked = parse((project / "pipeline.lock").read_text(encoding="utf-8")).stages["evaluate"].metrics
    return all(found[n] == v if isinstance(v, str) else abs(found[n] - v) < 1e-6 for n, v in locked.items())


def _median(samples: list[Sample], what: str) -> float:
    return statistics.median(getattr(sample, what) for sample in samples)


def _extra(samples: dict[str, list[Sample]], what: str) -> float:
    pairs = zip(samples["run --force"], samples["bare"], strict=True)
    return statistics.median(getattr(ours, what) - getattr(bare, what) for ours, bare in pairs)


def _table(samples: dict[str, list[Sample]], same: bool | None) -> str:
    lines = ["| process | wall, ms | CPU, ms | fastest wall, ms |", "|---|--:|--:|--:|"]
    for name, found in samples.items():
        wall, cpu, best = _median(found, "wall"), _median(found, "cpu"), min(sample.wall for sample in found)
        lines.append(f"| {name} | {wall * 1000:.0f} | {cpu * 1000:.0f} | {best * 1000:.0f} |")
    if {"bare", "run --force"} <= samples.keys():
        wall, cpu = _extra(samples, "wall") * 1000, _extra(samples, "cpu") * 1000
        lines.append(f"| run --force beyond bare, round by round | {wall:+.0f} | {cpu:+.0f} | |")
    rounds = len(next(iter(samples.values())))
    lines.append(f"\n{rounds} rounds; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {_python()}")
    if same is not None:
        lines.append(f"bare computes the locked metrics: {'yes' if same else 'NO: the two do not do the same work'}")
    return "\n".join(lines)


def _as_json(samples: dict[str, list[Sample]], same: bool | None) -> dict[str, object]:
    cases = {
        name: {"wall": _median(found, "wall"), "cpu": _median(found, "cpu"), "walls": [s.wall for s in found]}
        for name, found in samples.items()
    }
    return {
        "cases": cases,
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": _python(),
        "bare_computes_the_locked_metrics": same,
    }


def _python() -> str:
    return f"Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
