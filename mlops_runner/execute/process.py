"""Run one step: lay out its folder, start its process, and collect what it wrote."""

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_runner.digest import FileDigest, digest_file
from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, StepFailed
from mlops_runner.execute import mirror
from mlops_runner.execute.executed import FAILED
from mlops_runner.execute.isolation import Exit, Worker
from mlops_runner.execute.logs import finish_log, log_tail
from mlops_runner.execute.messages import Fence, Reply, Request, decode_reply
from mlops_runner.execute.mirror import MIRROR, Seen
from mlops_runner.execute.returned import metrics_of
from mlops_runner.execute.secrets import scrub, secrets_of, surroundings_of
from mlops_runner.execute.sources import Source
from mlops_runner.plan.notebook import SUFFIX as NOTEBOOK
from mlops_runner.plan.steps import Step
from mlops_runner.train.project_code import CALLABLE_FAILED

# Where the line of a step is that failed without naming one.
_ABOVE = {"source": "source", "data": "source", "train": "trainer", "python": "callable", "notebook": "notebook"}
FULL_BYTES = 1 << 16  # a disk with less than this is full


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a project lies: its own folder, and that of its callables; the programs that a step runs, or the modules
    that it imports; how many processes a search may use there, and the file in which it remembers; the fence around a
    step, the interpreter of its environment, if that is not the project's, and its graphics processors.
    """

    project: Path
    code: Path
    programs: Sequence[str] = ()
    jobs: int = 1
    memory: Path | None = None
    fence: Fence | None = None
    interpreter: str = ""
    gpus: Sequence[str] = ()
    modules: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What one execution produced: files below `out`, the process's reply, seconds, peak memory in KiB.

    surprises: what it did that its spec does not say, in words.
    """

    out: Path
    files: Mapping[str, FileDigest]
    reply: Reply
    seconds: float
    peak_kib: int
    surprises: tuple[str, ...] = ()


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
    return conclude(step, work, ended, time.monotonic() - started, seen_by(sources, ground))


def prepare(step: Step, sources: Mapping[str, Source], work: Path, ground: Ground) -> Request:
    """Lay out what the step may see, and say what it is to do. Raises InvalidInput for a secret that is not set."""
    revealed, surroundings = secrets_of(step, os.environ), surroundings_of(step, os.environ)
    if step.built_in:
        (work / "out").mkdir()
        inputs = {name: str(_lay_out(work / "in", name, source)) for name, source in sources.items()}
    else:
        programs = {name: ground.project / name for name in ground.programs}
        mirror.lay_out(work / MIRROR, step, sources[MIRROR].files, programs)
        inputs = {}
    digests = {f"{name}/{file}": d for name, source in sources.items() for file, d in source.digests.items()}
    return Request(
        step.kind, step.config, step.execution, str(work), str(ground.code), inputs, digests,
        str(ground.project), step.access, revealed, surroundings, ground.jobs, str(ground.memory or ""), ground.fence,
        ground.interpreter, step.access.get("bounds", {}), ground.gpus, tuple(ground.modules),
    )  # fmt: skip


def seen_by(sources: Mapping[str, Source], ground: Ground) -> Seen:
    """Return what a step of the project's own sees in its folder."""
    return Seen(frozenset(sources[MIRROR].files), frozenset(ground.programs)) if MIRROR in sources else Seen()


def conclude(step: Step, work: Path, ended: Exit, seconds: float, seen: Seen) -> Ran:
    """Collect what the step wrote. seen: what lay there before, of a step of the project's own.

    Raises StepFailed or InvalidInput with what the step said.
    """
    hidden = {**secrets_of(step, os.environ), **surroundings_of(step, os.environ)}
    full = _is_full(work)  # before a long log is shortened
    finish_log(work, hidden)
    scrub(work / "reply.json", hidden)
    if ended.over:
        raise StepFailed(_too_much(step, work, ended))
    reply = _reply(step, work, ended, full=full)
    if reply.status != "done":
        placed = [_named(step, _placed(step, diagnostic)) for diagnostic in reply.diagnostics]
        if (work / FAILED).exists():
            placed = [replace(found, hint=_with_notebook(step, found.hint)) for found in placed]
        raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](placed)
    if step.built_in:
        return Ran(work / "out", _collect(step, work / "out"), reply, seconds, ended.peak_kib)
    left = mirror.collect(work / MIRROR, step, seen)
    reply = replace(reply, metrics=_written_metrics(step, work / MIRROR) or reply.metrics)
    return Ran(work / MIRROR, left.files, reply, seconds, ended.peak_kib, (*reply.surprises, *left.surprises))


def _too_much(step: Step, work: Path, ended: Exit) -> Diagnostic:
    """Say what a step was ended for; of a notebook also in which cell."""
    most = step.access["bounds"][ended.over]
    size = f"{most / 2**30:g} GiB" if most >= 2**30 else f"{most / 2**20:g} MiB"
    code, message, field, hint = {
        "time": (
            "timed-out", f"step {step.name} took longer than its timeout of {most:g} s and was ended", "timeout",
            "raise timeout, or give it less to do",
        ),
        "memory": (
            "out-of-memory", f"step {step.name} needed more than {size} of memory and was ended", "resources.memory",
            "raise memory, or give it less to hold",
        ),
        "disk": (
            "out-of-disk", f"step {step.name} wrote more than {size} and was ended", "resources.disk",
            "raise disk, or look at what it writes, its log with it",
        ),
    }[ended.over]  # fmt: skip
    place = step.place(field)
    if (work / FAILED).exists() and (work / "reply.json").is_file():  # it lived on to say how far it came
        said = decode_reply((work / "reply.json").read_text(encoding="utf-8")).diagnostics[0]
        return Diagnostic(code, f"{message}: {said.message}", said.place, _with_notebook(step, hint))
    return Diagnostic(code, message, place, f"{hint}; its log: mlops logs {step.name}")


def _with_notebook(step: Step, hint: str | None) -> str:
    return "; ".join(filter(None, (hint, f"the notebook up to there: .mlops/logs/{step.file_name}{NOTEBOOK}")))


def _written_metrics(step: Step, folder: Path) -> dict[str, Any]:
    """Read the metrics that a command wrote. Raises StepFailed."""
    path = step.config.get("metrics")
    if path is None:
        return {}
    try:
        return metrics_of(json.loads((folder / path).read_bytes()), f"{path} has")
    except StepFailed as error:
        at = step.place("metrics")
        raise StepFailed([_named(step, replace(found, place=at)) for found in error.diagnostics]) from None
    except (OSError, ValueError) as error:
        message = f"step {step.name}: {path} cannot be read as JSON: {error}"
        raise StepFailed(Diagnostic("wrong-metrics", message, step.place("metrics"))) from None


def _lay_out(folder: Path, name: str, source: Source) -> Path:
    place = folder / name
    for parent in {(place / file).parent for file in source.files}:
        parent.mkdir(parents=True, exist_ok=True)
    for file, path in source.files.items():
        (place / file).symlink_to(path)
    return place if source.folder else place / next(iter(source.files)).partition("/")[0]


def _is_full(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < FULL_BYTES


def _reply(step: Step, work: Path, ended: Exit, *, full: bool) -> Reply:
    if ended.code == 0 and (work / "reply.json").is_file():
        return decode_reply((work / "reply.json").read_text(encoding="utf-8"))
    if step.kind == "command" and ended.code == 0:
        return Reply("done")
    raise _crashed(step, work, ended, full=full)


def _crashed(step: Step, work: Path, ended: Exit, *, full: bool) -> MlopsError:
    how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"
    if ended.code == 0:
        how = "ended without an answer"
    if full:
        how += ": No space left on device"
    what = f"the command of {step.name}" if step.kind == "command" else f"step {step.name}"
    hint = "out of memory?" if ended.code == -9 else f"its log: mlops logs {step.name}"
    hint = "free some space; what had finished is kept" if full else hint
    tail = log_tail(work)
    message = f"{what} {how}" + (f"; its last lines:\n{tail}" if tail else "")
    return StepFailed(Diagnostic("step-crashed", message, step.place(_ABOVE.get(step.kind, "")), hint))


def _placed(step: Step, diagnostic: Diagnostic) -> Diagnostic:
    """Give a complaint from inside a step its line: of the field or first value that it names, else of the step."""
    if diagnostic.place is not None:
        return diagnostic
    quoted = re.findall(r'"([^"]+)"', diagnostic.message)
    wanted = [f"{above}.{name}" for name in quoted for above in ("trainer.params", "columns")]
    if diagnostic.path:
        wanted.insert(0, diagnostic.path)
    named = [path for path in wanted if path in step.places]
    return replace(diagnostic, place=step.place(named[0] if named else _ABOVE.get(step.kind, "")))


def _named(step: Step, found: Diagnostic) -> Diagnostic:
    """Say which step it was, if the project's own steps could be several, and where what it printed is."""
    if found.code == CALLABLE_FAILED:
        found = replace(found, hint=f"{found.hint}; what it printed: mlops logs {step.name}")
    return found if step.built_in else replace(found, message=f"step {step.name}: {found.message}")


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
