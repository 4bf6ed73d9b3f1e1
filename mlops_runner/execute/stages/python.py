"""A function of the project as a step: called with paths and values, by name, here or in the step's environment."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.execute import bootstrap
from mlops_runner.execute.calling import Call
from mlops_runner.execute.commands import search_path, told, variables_of
from mlops_runner.execute.messages import Reply, Request, decode_reply
from mlops_runner.execute.mirror import MIRROR
from mlops_runner.execute.stages.limits import Limits, within
from mlops_runner.store.patterns import parse_pattern


def execute(request: Request) -> Reply:
    """Call the function in the folder where its inputs lie."""
    folder = Path(request.work) / MIRROR
    os.chdir(folder)
    os.environ.update({**told(request), **request.config.get("variables", {}), **request.secrets})
    call = _call(request, folder)
    make = _elsewhere if request.interpreter else _here
    return within(Limits(), call.who, lambda: make(call, request))


def _call(request: Request, folder: Path) -> Call:
    config = request.config
    paths: dict[str, str | list[str]] = {
        **{name: _input(folder, path) for name, path in config.get("inputs", {}).items()},
        **{name: str(folder / path) for name, path in config["outputs"].items()},
    }
    links = [str(path) for path in folder.rglob("*") if path.is_symlink()]
    return Call(config["callable"], paths, config.get("params", {}), links, request.project, request.work)


def _here(call: Call, _: Request) -> Reply:
    """Make the call in this process. What was imported ahead drew its seed for all steps: it draws anew."""
    if random := sys.modules.get("numpy.random"):
        random.seed()
    return call.make()


def _input(folder: Path, path: str) -> str | list[str]:
    """Return a path; of a pattern the files that it takes, sorted."""
    pattern = parse_pattern(path)
    if pattern is None:
        return str(folder / path)
    base = folder / pattern.base
    found = sorted(file.relative_to(base).as_posix() for file in base.rglob("*") if not file.is_dir())
    return [str(base / name) for name in found if pattern.takes(name)]


def _elsewhere(call: Call, request: Request) -> Reply:
    """Have another interpreter make the call. What ends that one ends this one, too."""
    asked, said = Path(request.work) / "call.json", Path(request.work) / "called.json"
    asked.write_text(json.dumps(asdict(call)), encoding="utf-8")
    command = [request.interpreter, bootstrap.__file__, str(asked), str(said), request.code]
    own = {"PATH": search_path(request.interpreter), **variables_of(request.interpreter)}
    sys.stdout.flush()
    done = subprocess.run(command, env={**os.environ, **own}, stdin=subprocess.DEVNULL, check=False)
    if done.returncode or not said.is_file():
        _end_likewise(done.returncode)
    reply = decode_reply(said.read_text(encoding="utf-8"))
    if reply.status != "done":
        raise {"invalid": InvalidInput, "failed": StepFailed}[reply.status](reply.diagnostics)
    return reply


def _end_likewise(code: int) -> NoReturn:
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in {signal.SIGKILL, signal.SIGSTOP} else None
        os.kill(os.getpid(), -code)
    sys.stdout.flush()
    os._exit(max(code, 0))
