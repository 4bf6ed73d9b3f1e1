"""What a machine must offer, looked at one thing at a time."""

import contextlib
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.api import Project, environments
from mlops_runner.api.sharing import sharing
from mlops_runner.durable import TEMPORARY, leftovers
from mlops_runner.errors import InvalidInput, LockBusy, MlopsError
from mlops_runner.gitops import git, merging
from mlops_runner.lock.model import FILE_NAME
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive
from mlops_runner.store.objects import cache_folder
from mlops_runner.store.repository import DVC, dvc_root

OLDEST_PYTHON = (3, 11)
FEW_BYTES = 1 << 30
DRIVER = "mlops"
MERGED = {FILE_NAME: DRIVER, ".gitignore": "union"}  # file → what merges it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    what: str
    hint: str | None = None


def examine(project: Project, *, fix: bool) -> list[Finding]:
    """Look at everything; with `fix`, remove what killed runs left behind and let git merge stage by stage."""
    looks = (*_LOOKS, *((_set_merging, _remove_leftovers) if fix else (_merging, _leftovers)))
    return [finding for look in looks for finding in _tried(look, project)]


def _tried(look: Callable[[Project], Iterator[Finding]], project: Project) -> list[Finding]:
    """Look at one thing; what keeps it from being looked at is itself a finding."""
    try:
        return list(look(project))
    except MlopsError as error:
        return [Finding(look.__name__.strip("_"), False, str(error), error.diagnostics[0].hint)]


def _python(_: Project) -> Iterator[Finding]:
    ok = sys.version_info >= OLDEST_PYTHON
    yield Finding("python", ok, platform.python_version(), "use Python 3.11 or newer")


def _git(project: Project) -> Iterator[Finding]:
    version = git.version()
    yield Finding("git", version is not None, version or "is not installed", "install git")
    if version is not None:
        root = git.root(project.root)
        what = "the project is in a git repository" if root else "the project is not in a git repository"
        yield Finding("repository", root is not None, what, "run: git init")


def _folder(project: Project) -> Iterator[Finding]:
    ok = os.access(project.root, os.W_OK)
    free = shutil.disk_usage(project.root).free
    yield Finding("folder", ok, "can be written" if ok else "cannot be written", "check its permissions")
    yield Finding("disk", free > FEW_BYTES, f"{free / (1 << 30):.1f} GiB free", "free some space")


def _documents(project: Project) -> Iterator[Finding]:
    try:
        problems = [d for d in project.validate() if d.severity == "error"]
    except InvalidInput as error:
        problems = list(error.diagnostics)
    what = f"{len(problems)} problems" if problems else "valid"
    yield Finding("documents", not problems, what, "run: mlops validate")


def _environment(project: Project) -> Iterator[Finding]:
    try:
        found = list(environments.look(project))
    except MlopsError as error:
        yield Finding("packages", False, str(error), "run: mlops validate")
        return
    yield from (Finding(looked.name, looked.ok, looked.what, looked.hint) for looked in found)


def _lock(project: Project) -> Iterator[Finding]:
    try:
        stages = len(project.lock().stages)
    except InvalidInput as error:
        yield Finding("lock", False, str(error), error.diagnostics[0].hint)
        return
    yield Finding("lock", True, f"{stages} stages" if stages else "not written yet")
    busy = _busy(project)
    what = "another run is under way" if busy else "no other run is under way"
    yield Finding("runner", not busy, what, "wait for it")


def _busy(project: Project) -> bool:
    """Say whether a run is under way. A project without the file of the lock has seen none, and gets none from here."""
    if not project.layout.mutex.exists():
        return False
    try:
        with exclusive(project.layout.mutex, 0):
            return False
    except LockBusy:
        return True
    except OSError:  # where nothing can be written, nothing runs
        return False


def _cache(project: Project) -> Iterator[Finding]:
    folder = cache_folder(project.root)
    damaged = list((folder / "damaged").glob("*")) if folder.is_dir() else []
    what = f"{len(damaged)} damaged objects were set aside in {folder / 'damaged'}" if damaged else "no damage was met"
    yield Finding("cache", not damaged, what, "they are made again when needed; remove the folder")


def _merging(project: Project) -> Iterator[Finding]:
    """Say how git merges the lock here. Without the driver merges need more hands, and that is all."""
    if not _in_git(project):
        return
    found = merging.attributes(project.root, list(MERGED))
    if (by := found[FILE_NAME]) not in {DRIVER, merging.UNSPECIFIED}:
        what = f"{FILE_NAME} is merged as the attributes of git say: {by}"
    elif merging.UNSPECIFIED in found.values() or merging.driver(project.root, DRIVER) != _driver_command():
        what = f"{FILE_NAME} is not merged stage by stage by this mlops; mlops doctor --fix sets that up"
    else:
        what = f"{FILE_NAME} is merged stage by stage"
    yield Finding("merging", True, what)


def _set_merging(project: Project) -> Iterator[Finding]:
    if _in_git(project):
        found = merging.attributes(project.root, list(MERGED))
        wanted = {name: by for name, by in MERGED.items() if found[name] == merging.UNSPECIFIED}
        if wanted:
            merging.add_attributes(project.root, wanted)
        merging.set_driver(project.root, DRIVER, "pipeline.lock, stage by stage", _driver_command())
    yield from _merging(project)


def _in_git(project: Project) -> bool:
    return git.version() is not None and git.root(project.root) is not None


def _driver_command() -> str:
    """Return the command that git runs. Once this interpreter is gone, it does what git does without a driver."""
    python = shlex.quote(sys.executable)
    own = f"{python} -P -m mlops_runner lock merge-driver %O %A %B"
    return f"if test -x {python}; then {own}; else git merge-file %A %O %B; fi"


def _leftovers(project: Project) -> Iterator[Finding]:
    yield _left(list(_abandoned(project)))


def _remove_leftovers(project: Project) -> Iterator[Finding]:
    try:
        with contextlib.ExitStack() as held:
            for root in dict.fromkeys([project.root.resolve(), *sharing(project.root)]):
                if (mutex := Layout(root).mutex).exists():
                    held.enter_context(exclusive(mutex, 0))
            yield _left(_removed(_abandoned(project)))
    except LockBusy:
        yield Finding("leftovers", False, "not looked at: another run is under way", "wait for it")


def _left(found: list[Path]) -> Finding:
    what = f"{len(found)} files of killed runs, such as {found[0]}" if found else "none"
    return Finding("leftovers", not found, what, "run: mlops doctor --fix")


def _abandoned(project: Project) -> Iterator[Path]:
    """Yield the temporary files of every folder that the runner writes to, and the folders steps worked in."""
    if project.layout.work.is_dir():
        yield from project.layout.work.iterdir()
    for folder in (project.root, project.layout.environments):
        yield from folder.glob(f"{TEMPORARY}*")
    visible = [path for path in project.root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    cache = cache_folder(project.root)
    repository = dvc_root(project.root)
    own = [project.layout.state, repository / DVC, *([] if cache.is_relative_to(repository) else [cache])]
    for folder in (*visible, *own):
        if folder.is_dir():
            found = leftovers(folder, project.layout.environments)
            yield from (path for path in found if project.layout.work not in path.parents)


def _removed(paths: Iterable[Path]) -> list[Path]:
    """Remove files and folders and return those that are still there."""
    found = list(paths)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return [path for path in found if os.path.lexists(path)]


_LOOKS: tuple[Callable[[Project], Iterator[Finding]], ...] = (
    _python, _git, _folder, _documents, _environment, _lock, _cache,
)  # fmt: skip
