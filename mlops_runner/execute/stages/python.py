"""A function of the project as a step: called with paths and values, by name."""

import os
import sys
from pathlib import Path

from mlops_runner.execute.commands import threads_of
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.mirror import MIRROR
from mlops_runner.execute.returned import metrics_of
from mlops_runner.execute.stages.limits import limits_of, within
from mlops_runner.execute.watch import Watch
from mlops_runner.store.patterns import parse_pattern
from mlops_runner.train.project_code import find, guarded


def execute(request: Request) -> Reply:
    """Call the function in the folder where its inputs lie."""
    folder = Path(request.work) / MIRROR
    os.chdir(folder)
    os.environ.update({**threads_of(request), **request.config.get("variables", {}), **request.secrets})
    who: str = request.config["callable"]
    return within(limits_of(request.access), who, lambda: _call(request, folder, who))


def _call(request: Request, folder: Path, who: str) -> Reply:
    _draw_anew()
    arguments = {
        **{name: _input(folder, path) for name, path in request.config.get("inputs", {}).items()},
        **{name: folder / path for name, path in request.config["outputs"].items()},
        **request.config.get("params", {}),
    }
    function = guarded(who, lambda: find(who, "callable"))
    links = [str(path) for path in folder.rglob("*") if path.is_symlink()]
    watch = Watch(Path(request.project), Path(request.work), links)
    watch.start()
    returned = guarded(who, lambda: function(**arguments))
    return Reply("done", metrics_of(returned, f"{who} returned"), surprises=watch.surprises())


def _draw_anew() -> None:
    """Seed what was imported ahead and drew its seed for all steps: without a seed, no two steps draw the same."""
    if random := sys.modules.get("numpy.random"):
        random.seed()


def _input(folder: Path, path: str) -> Path | list[Path]:
    """Return a path; of a pattern the files that it takes, sorted."""
    pattern = parse_pattern(path)
    if pattern is None:
        return folder / path
    base = folder / pattern.base
    found = sorted(file.relative_to(base).as_posix() for file in base.rglob("*") if not file.is_dir())
    return [base / name for name in found if pattern.takes(name)]
