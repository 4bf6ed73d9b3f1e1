"""A notebook as a step: run by a kernel of its own, in the folder where its inputs lie."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from mlops_runner.durable import write_text
from mlops_runner.errors import Diagnostic, InvalidInput, Place, StepFailed
from mlops_runner.execute.commands import environment_of
from mlops_runner.execute.executed import FAILED, Prepared, notebook_of, prepared, relative_to, written
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.mirror import MIRROR
from mlops_runner.execute.secrets import scrub
from mlops_runner.plan.notebook import read_notebook

if TYPE_CHECKING:
    from mlops_runner.execute.kernel import Outcome, Session

TRACE_LINES = 12
TRACE_HEAD = "Traceback (most recent call last)"
PLOTS = "svg.hashsalt: mlops\n"  # names of parts of an SVG are random otherwise

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CELL_LINE = re.compile(r"\s*Cell In\[\d+\], line (\d+)")
_FILE_OF_CELL = re.compile(r" \(\d+\.py, line \d+\)$")


def execute(request: Request) -> Reply:
    """Run the notebook, and keep it with what its cells have shown."""
    work, file = Path(request.work), request.config["notebook"]
    folder = work / MIRROR
    os.chdir(folder)
    cells = prepared(read_notebook((folder / file).read_bytes(), file), request.config.get("params", {}))
    outcome = _run(notebook_of([document for document, _ in cells]), request)
    text = written(outcome.cells, work, folder)
    if outcome.problem is not None:
        _keep(work / FAILED, text, request.secrets)
        raise StepFailed(_problem(outcome, cells, request))
    if "executed" in request.config:
        _keep(folder / request.config["executed"], text, request.secrets)
    return Reply("done")


def _run(notebook: Mapping[str, Any], request: Request) -> "Outcome":
    try:
        from mlops_runner.execute import kernel
    except ImportError as error:
        message = f"running a notebook needs packages that are not installed: {error}"
        raise InvalidInput(Diagnostic("missing-extra", message, hint="pip install mlops_runner[notebook]")) from error
    return kernel.execute(notebook, _session(request, kernel.Session))


def _session(request: Request, session: type["Session"]) -> "Session":
    work = Path(request.work)
    folder = work / MIRROR
    write_text(work / "matplotlibrc", PLOTS)
    code = os.path.relpath(request.code, request.project)
    beside = os.path.dirname(request.config["notebook"])  # noqa: PTH120
    ours = {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(str((folder / part).resolve()) for part in (beside, code))),
        "MATPLOTLIBRC": str(work / "matplotlibrc"),
        "SOURCE_DATE_EPOCH": "0",
    }
    environment = {**environment_of(request), **ours, **request.config.get("variables", {}), **request.secrets}
    interpreter = request.interpreter or sys.executable
    return session(work, folder, interpreter, environment, request.bounds.get("time"), _say)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _keep(path: Path, text: str, secrets: Mapping[str, str]) -> None:
    path.write_text(text, encoding="utf-8")
    scrub(path, secrets)


def _problem(outcome: "Outcome", cells: Prepared, request: Request) -> Diagnostic:
    from mlops_runner.execute.kernel import Died, Failed, Late

    file, work = request.config["notebook"], Path(request.work)
    cell = cells[outcome.at][1] if outcome.at is not None else None
    named = f"cell {cell.number} of {file}" if cell else f"the cell that sets the params of {file}"
    place = Place(file, cell.line(1) if cell else 1)
    match outcome.problem:
        case Failed(error, message, trace):
            said = relative_to(work, work / MIRROR)(_COLOURS.sub("", "\n".join(trace)))
            lines = said.splitlines()
            if cell and (marked := _marked(lines)):
                place = Place(file, cell.line(marked))
            text = _FILE_OF_CELL.sub("", " ".join(message.split())[:500])
            return Diagnostic("cell-failed", f"{named}: {error}: {text}" + _tail(lines), place)
        case Died(code):
            return _died(named if outcome.at is not None else "", code, place)
        case Late():
            what = f"{named} was still running" if outcome.at is not None else f"the kernel of {file} was not ready yet"
            message = f"{what} when the timeout of {request.bounds['time']:g} s was over"
            return Diagnostic("timed-out", message, place, "raise timeout, or give it less to do")
        case None:
            raise AssertionError
    assert_never(outcome.problem)


def _died(named: str, code: int | None, place: Place) -> Diagnostic:
    how = "" if code is None else f" by signal {-code}" if code < 0 else f" with exit code {code}"
    message = f"{named} ended its kernel{how}" if named else f"the kernel did not start{how and f': it ended{how}'}"
    hint = "out of memory? or look at the step's log" if code == -9 else "look at the step's log"
    return Diagnostic("kernel-died", message, place, hint)


def _marked(lines: Sequence[str]) -> int | None:
    """Return the line of the cell that raised, as its traceback says first."""
    return next((int(found[1]) for line in lines if (found := _CELL_LINE.match(line))), None)


def _tail(lines: Sequence[str]) -> str:
    shown = [line for line in lines if line.strip("- ") and not line.endswith(TRACE_HEAD)][-TRACE_LINES:]
    return "; its last lines:\n" + "\n".join(f"    {line}" for line in shown) if shown else ""
