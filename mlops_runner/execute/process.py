"""Run one step: lay out its folder, start its process, and collect what it wrote."""

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_file
from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, StepFailed
from mlops_runner.execute.isolation import Exit, Worker
from mlops_runner.execute.messages import Reply, Request, decode_reply
from mlops_runner.execute.secrets import scrub, secrets_of, surroundings_of
from mlops_runner.plan.steps import Step

LOG_TAIL_LINES = 15
LOG_TAIL_BYTES = 1 << 16
LOG_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input's content lies: file name → path; `folder` says whether the step sees a folder of them.

    Otherwise it sees what all names begin with: the one file, or a folder that no step wrote.
    """

    files: Mapping[str, Path]
    folder: bool
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a project lies: its own folder, and that of its callables; how many processes a search may use there, and
    the file in which it remembers."""

    project: Path
    code: Path
    jobs: int = 1
    memory: Path | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """What one execution produced: files below `out`, the process's reply, seconds, peak memory in KiB."""

    out: Path
    files: Mapping[str, FileDigest]
    reply: Reply
    seconds: float
    peak_kib: int


@contextlib.contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Yield a fresh private folder that is removed afterwards."""
    folder = make_work_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_work_folder(parent: Path) -> Path:
    """Make a private folder for one execution of a step."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    return folder


def run_step(step: Step, sources: Mapping[str, Source], worker: Worker, work: Path, ground: Ground) -> Ran:
    """Execute a step in `work` and wait for it. Raises StepFailed or InvalidInput with what the step said."""
    request = prepare(step, sources, work, ground)
    started = time.monotonic()
    ended = worker.run(request)
    return conclude(step, work, ended, time.monotonic() - started)


def prepare(step: Step, sources: Mapping[str, Source], work: Path, ground: Ground) -> Request:
    """Lay out what the step may see, and say what it is to do. Raises InvalidInput for a secret that is not set."""
    revealed, surroundings = secrets_of(step, os.environ), surroundings_of(step, os.environ)
    (work / "out").mkdir()
    inputs = {name: str(_lay_out(work / "in", name, source)) for name, source in sources.items()}
    digests = {f"{name}/{file}": d for name, source in sources.items() for file, d in source.digests.items()}
    return Request(
        step.kind, step.config, step.execution, str(work), str(ground.code), inputs, digests,
        str(ground.project), step.access, revealed, surroundings, ground.jobs, str(ground.memory or ""),
    )  # fmt: skip


def conclude(step: Step, work: Path, ended: Exit, seconds: float) -> Ran:
    """Collect what the step wrote. Raises StepFailed or InvalidInput with what the step said."""
    for name in ("log.txt", "reply.json"):
        scrub(work / name, {**secrets_of(step, os.environ), **surroundings_of(step, os.environ)})
    reply = _reply(step, work, ended)
    if reply.status != "done":
        placed = [_placed(step, diagnostic) for diagnostic in reply.diagnostics]
        raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](placed)
    out = work / "out"
    return Ran(out, _collect(step, out), reply, seconds, ended.peak_kib)


def keep_log(logs: Path, step: Step, work: Path) -> None:
    """Keep what the step said: the log of its last execution."""
    log = work / "log.txt"
    if log.exists():
        logs.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, logs / f"{step.name}.log")


def _lay_out(folder: Path, name: str, source: Source) -> Path:
    place = folder / name
    for parent in {(place / file).parent for file in source.files}:
        parent.mkdir(parents=True, exist_ok=True)
    for file, path in source.files.items():
        (place / file).symlink_to(path)
    return place if source.folder else place / next(iter(source.files)).partition("/")[0]


def _reply(step: Step, work: Path, ended: Exit) -> Reply:
    if ended.code == 0 and (work / "reply.json").is_file():
        return decode_reply((work / "reply.json").read_text(encoding="utf-8"))
    raise _crashed(step, work, ended)


def _crashed(step: Step, work: Path, ended: Exit) -> MlopsError:
    how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"
    if ended.code == 0:
        how = "ended without an answer"
    hint = "out of memory?" if ended.code == -9 else f"its log: .mlops/logs/{step.name}.log"
    tail = log_tail(work / "log.txt")
    message = f"step {step.name} {how}" + (f"; its last lines:\n{tail}" if tail else "")
    return StepFailed(Diagnostic("step-crashed", message, step.place("trainer"), hint))


def log_tail(log: Path) -> str:
    """Return the last lines of a log, indented; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:LOG_COLUMNS]}" for line in lines[-LOG_TAIL_LINES:])


def _placed(step: Step, diagnostic: Diagnostic) -> Diagnostic:
    """Give a complaint from inside a step its line: of the field or first value that it names, else of the step."""
    if diagnostic.place is not None:
        return diagnostic
    quoted = re.findall(r'"([^"]+)"', diagnostic.message)
    wanted = [f"{above}.{name}" for name in quoted for above in ("trainer.params", "columns")]
    if diagnostic.path:
        wanted.insert(0, diagnostic.path)
    named = [path for path in wanted if path in step.places]
    above = {"source": "source", "data": "source", "train": "trainer"}.get(step.kind, "")
    return replace(diagnostic, place=step.place(named[0] if named else above))


def _collect(step: Step, out: Path) -> dict[str, FileDigest]:
    files: dict[str, FileDigest] = {}
    for path in sorted(out.iterdir()):
        if path.is_symlink() or not path.is_file():
            message = f"step {step.name} wrote {path.name}, which is not a regular file"
            raise StepFailed(Diagnostic("irregular-output", message, step.place(""), "write plain files"))
        files[path.name] = digest_file(path)
    if not files:
        raise StepFailed(Diagnostic("no-output", f"step {step.name} wrote nothing", step.place("")))
    return files
