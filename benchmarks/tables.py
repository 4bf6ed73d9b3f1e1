"""The pipeline of examples/tables by `mlops run` and by `dvc repro`: what edits run, and what they do to the lock.

Both are laid out as git repositories of their own, over the same functions, program and notebook; `tables_dvc` holds
what DVC needs besides. Every round makes both anew, runs them, and then edit after edit, each with a commit; the two
take turns. Printed are medians: steps executed, elapsed and CPU seconds, and the lines of `pipeline.lock` and
`dvc.lock` that git counts as added or removed.
"""

import argparse
import compileall
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "tables"
BIN = Path(sys.executable).parent
PIPELINES = {"mlops": "pipeline.yaml", "dvc": "dvc.yaml"}
LOCKS = {"mlops": "pipeline.lock", "dvc": "dvc.lock"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run took, and what it did to the lock."""

    executed: int
    wall: float
    cpu: float
    lines: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="steps at a time, of mlops run; dvc repro runs one")
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "mlops_runner", quiet=1)  # as an installed package is, whatever Python is told here
    found: dict[tuple[str, str], list[Taken]] = {}
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        for number in range(options.rounds):
            for edit, runner, taken in both(Path(folder), number, options.jobs):
                found.setdefault((edit, runner), []).append(taken)
                print(f"round {number + 1}: {edit}, {runner}: {taken}", file=sys.stderr)
    print(table(found))
    print(f"\n{options.rounds} rounds; load {os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}")


def both(folder: Path, number: int, jobs: int) -> Iterator[tuple[str, str, Taken]]:
    """Lay out both projects, then run every edit in both, each first in turn."""
    projects = {runner: lay_out(runner, folder / runner) for runner in PIPELINES}
    for at, (name, edit) in enumerate(EDITS.items()):
        for runner in sorted(PIPELINES, reverse=(number + at) % 2 == 0):
            if edit:
                replace(projects[runner], *edit[runner])
            yield name, runner, run(projects[runner], runner, jobs)


def lay_out(runner: str, project: Path) -> Path:
    """Make a repository of the example that one of the two runs."""
    shutil.rmtree(project, ignore_errors=True)
    ignored = shutil.ignore_patterns(".mlops", "__pycache__", *(["pipeline.yaml"] if runner == "dvc" else []))
    project.mkdir()
    for part in ("project", "scripts", "notebooks"):
        shutil.copytree(EXAMPLE / part, project / part, ignore=ignored)
    (project / ".gitignore").write_text(".mlops/\n__pycache__/\n")
    git(project, "init", "--quiet")
    if runner == "dvc":
        shutil.copytree(ROOT / "benchmarks" / "tables_dvc", project, dirs_exist_ok=True, ignore=ignored)
        command(project, str(BIN / "dvc"), "init", "--quiet")
    else:
        shutil.copy(EXAMPLE / "pipeline.yaml", project)
    commit(project)
    return project


def run(project: Path, runner: str, jobs: int) -> Taken:
    """Run one of the two and commit."""
    ours = [str(BIN / "mlops"), "run", "--jobs", str(jobs), "--json"]
    started = time.perf_counter()
    wall, cpu, said = process(project, ours if runner == "mlops" else [str(BIN / "dvc"), "repro"], started)
    if runner == "mlops":
        executed = sum(step["how"] == "ran" for step in json.loads(said)["steps"])
    else:
        executed = len(re.findall(r"^Running stage ", said, re.MULTILINE))
    lines = commit(project, LOCKS[runner])
    return Taken(executed, wall, cpu, lines)


def process(project: Path, words: list[str], started: float) -> tuple[float, float, str]:
    """Return elapsed and CPU seconds of a process and of all it waited for, and what it said."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        running = subprocess.Popen(words, cwd=project, env=environment, stdout=out, stderr=errors)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        for stream in (out, errors):
            stream.seek(0)
        said = out.read()
        if running.returncode:
            sys.exit(f"{' '.join(words)} ended with exit code {running.returncode}\n{said}{errors.read()}")
    return wall, usage.ru_utime + usage.ru_stime, said


def commit(project: Path, lock: str = "") -> int:
    """Commit everything, and return how many lines of the lock came or went."""
    git(project, "add", "--all")
    changed = git(project, "diff", "--cached", "--numstat", "--", lock).split() if lock else []
    git(project, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "edit", "--allow-empty")
    return sum(map(int, changed[:2]))


def git(project: Path, *words: str) -> str:
    return command(project, "git", *words)


def command(project: Path, *words: str) -> str:
    return subprocess.run(words, cwd=project, check=True, capture_output=True, text=True).stdout


def replace(project: Path, name: str, old: str, new: str) -> None:
    file = project / name
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


Edit = Mapping[str, tuple[str, str, str]]  # runner → file, what it says, what it is to say


def in_both(file: str, old: str, new: str) -> Edit:
    return dict.fromkeys(PIPELINES, (file, old, new))


def of_params(old: str, new: str) -> Edit:
    return {"mlops": ("pipeline.yaml", old, new), "dvc": ("params.yaml", old, new)}


FITTED, INCLUDED, COMBINED = "    estimator.fit(", "include: [{table: digits, model: centroid}", "  digits-logistic:"
EDITS: dict[str, Edit] = {
    "cold": {},
    "nothing changed": {},
    "one param of one model": of_params("max_depth: 8", "max_depth: 9"),
    "that param as it was": of_params("max_depth: 9", "max_depth: 8"),
    "a comment in a module": in_both("project/models.py", FITTED, f"    # only rows to learn from\n{FITTED}"),
    "code that changes no result": in_both("project/models.py", "max_iter=500", "max_iter=600"),
    "a step renamed": {runner: (file, "  assess:\n", "  score:\n") for runner, file in PIPELINES.items()},
    "a combination added": {
        "mlops": ("pipeline.yaml", INCLUDED, f"{INCLUDED}, {{table: wine, model: centroid}}"),
        "dvc": ("params.yaml", COMBINED, f"  wine-centroid: {{table: wine, model: centroid}}\n{COMBINED}"),
    },
}


def table(found: dict[tuple[str, str], list[Taken]]) -> str:
    lines = [
        "| edit | runs: mlops | dvc | CPU, s: mlops | dvc | wall, s: mlops | dvc | lock lines: mlops | dvc |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for edit in EDITS:
        cells = [
            format(statistics.median(getattr(one, name) for one in found[edit, runner]), form)
            for name, form in (("executed", ".0f"), ("cpu", ".1f"), ("wall", ".1f"), ("lines", ".0f"))
            for runner in PIPELINES
        ]
        lines.append(f"| {edit} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
