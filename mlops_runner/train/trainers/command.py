"""Trainer `command`: a program that reads the sides from its folder and writes a model there.

It runs in a folder of its own, as a list of arguments, never through a shell. It finds there train.parquet and, where
that side has rows, validation.parquet (the columns that preprocessing gives, "(target)", or "(target) LABEL" for each
label, "(weight)" where rows are weighed, "(query)" in a ranking), params.json, and the files that the trainer names. It
writes out/model.ubj (XGBoost) or out/model.skops (an estimator of the catalogue), fitted on the columns in their order;
and, if it likes, out/metrics.json.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import polars as pl

from mlops_runner.digest import canonical_json
from mlops_runner.errors import Diagnostic, NotVerified, StepFailed
from mlops_runner.specs.training_trainers import CommandTrainer
from mlops_runner.train.canonical import canonical
from mlops_runner.train.formats.base import BOOSTER, ESTIMATOR, format_of
from mlops_runner.train.trainers.base import Fitted, Job, Side
from mlops_runner.train.trainers.catalogue import PYTHON

TARGET, WEIGHT, QUERY = "(target)", "(weight)", "(query)"
INTERPRETER = "python"
METRICS = "metrics.json"
LAST_LINES = 8
SKIPPED = {".git", ".mlops", ".dvc", "__pycache__"}


def train(trainer: CommandTrainer, job: Job) -> Fitted:
    """Run the command and read what it wrote. Raises StepFailed."""
    folder = Path(tempfile.mkdtemp(prefix="command-"))
    try:
        _lay_out(trainer, job, folder)
        before = _listing(_project())
        _run(trainer, job, folder)
        changed = sorted(path for path, stat in _listing(_project()).items() if before.get(path) != stat)
        told = tuple(f"while the command ran, {path} of the project was written" for path in changed[:LAST_LINES])
        params = {**trainer.params, "seed": job.seed}
        return Fitted(_model(folder / "out"), PYTHON, params, _metrics(folder / "out" / METRICS), warnings=told)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(trainer: CommandTrainer, job: Job, folder: Path) -> None:
    assert job.files is not None or not trainer.files
    for name in trainer.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(job.files / name, folder / name)  # type: ignore[operator]
    (folder / "out").mkdir(exist_ok=True)
    for name, side in (("train", job.train), ("validation", job.validation)):
        if side is not None:
            _table(side, job).write_parquet(folder / f"{name}.parquet")
    facts = {
        "task": job.schema.task,
        "classes": list(job.schema.classes),
        "columns": [output.name for output in job.outputs],
        "categorical": [output.name for output in job.outputs if output.categorical],
        "target": TARGET if job.schema.task != "multilabel" else _targets(job),
        "weight": None if job.train.weight is None else WEIGHT,
        **({} if job.train.query is None else {"query": QUERY}),
        "seed": job.seed,
        "threads": job.threads,
        "params": dict(trainer.params),
    }
    (folder / "params.json").write_text(canonical_json(facts) + "\n", encoding="utf-8")


def _table(side: Side, job: Job) -> pl.DataFrame:
    assert side.x is not None
    columns: dict[str, Any] = {output.name: side.x[:, index] for index, output in enumerate(job.outputs)}
    columns |= {name: side.y if side.y.ndim == 1 else side.y[:, at] for at, name in enumerate(_targets(job))}
    if job.train.weight is not None:
        columns[WEIGHT] = side.weight if side.weight is not None else [1.0] * len(side.y)
    if side.query is not None:
        columns[QUERY] = side.query
    return pl.DataFrame(columns)


def _targets(job: Job) -> list[str]:
    """Name the column of the target; of a multilabel task one for each label."""
    return [f"{TARGET} {name}" for name in job.schema.targets] if job.schema.task == "multilabel" else [TARGET]


def _run(trainer: CommandTrainer, job: Job, folder: Path) -> None:
    program, *arguments = trainer.command
    command = [sys.executable if program == INTERPRETER else program, *arguments]
    if "/" in program and not program.startswith("/"):
        command[0] = str(folder / program)
    log = folder / "log.txt"
    try:
        with log.open("wb") as stream:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, check=False
            )
    except OSError as error:
        message = f"{program} cannot be run: {error.strerror}"
        hint = f"programs are looked for in {os.environ.get('PATH', os.defpath)}; {INTERPRETER} is that of the runner"
        raise StepFailed(Diagnostic("no-program", message, hint=hint)) from error
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        job.log(line)
    if done.returncode:
        how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        said = "".join(f"\n    {line[:200]}" for line in lines[-LAST_LINES:])
        message = f"{' '.join(trainer.command)} ended with {how}" + (f"; its last lines:{said}" if said else "")
        raise StepFailed(Diagnostic("command-failed", message, hint="all it said is in the step's log"))


def _model(out: Path) -> Any:
    found = [name for name in (BOOSTER, ESTIMATOR) if (out / name).is_file()]
    if len(found) != 1:
        message = f"the command wrote {' and '.join(found) or 'no model'} into out; it must write one of the two"
        raise StepFailed(Diagnostic("no-model", message, hint=f"write out/{BOOSTER} or out/{ESTIMATOR}"))
    data = (out / found[0]).read_bytes()
    try:
        return format_of(found[0]).load(canonical(data) if found[0] == ESTIMATOR else data, PYTHON)
    except (NotVerified, BadZipFile, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        message = f"out/{found[0]} cannot be stored: {error}"
        raise StepFailed(Diagnostic("unstorable-model", message, hint="write an XGBoost model or skops")) from error


def _metrics(path: Path) -> dict[str, float | int]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise StepFailed(Diagnostic("wrong-shape", f"out/{METRICS} is not JSON: {error}")) from error
    numbers = isinstance(found, dict) and all(type(value) in {int, float} for value in found.values())
    if not numbers or any(value != value for value in found.values()):
        message = f"out/{METRICS} must map names to numbers"
        raise StepFailed(Diagnostic("wrong-shape", message, hint='for example {"rounds": 40}'))
    return dict(found)


def _project() -> Path:
    """Return the folder of the project's code, which stands in front of the search path in a step."""
    return Path(sys.path[0])


def _listing(root: Path) -> Mapping[str, tuple[int, int]]:
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in files:
            try:
                stat = (Path(folder) / name).lstat()
            except OSError:
                continue
            found[str((Path(folder) / name).relative_to(root))] = (stat.st_mtime_ns, stat.st_size)
    return found
