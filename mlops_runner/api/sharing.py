"""Which other pipelines of a repository keep their objects in the same cache."""

import os
from collections.abc import Callable
from pathlib import Path

from mlops_runner.gitops import git
from mlops_runner.gitops.history import History
from mlops_runner.specs.above import PIPELINE_FILE
from mlops_runner.store.objects import cache_folder
from mlops_runner.store.repository import DVC, dvc_root


def sharing(project: Path) -> list[Path]:
    """Return the folders of all pipelines of a project's repository that use its cache, whoever declares them.

    Raises InvalidInput for a configuration of dvc that cannot be read, MlopsError when git cannot tell.
    """
    root = git.root(project)
    top = (root or dvc_root(project)).resolve()
    files = History(top).files(top, _is_pipeline) if root else files_below(top, _is_pipeline)
    folders = ((top / file).parent for file in files)
    cache = cache_folder(project.resolve())
    return [folder for folder in folders if folder.is_dir() and cache_folder(folder) == cache]


def files_below(folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Return the wanted files below a folder that is not in git, sorted: paths from there."""
    found = []
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - {".git", DVC, ".mlops"})
        relative = Path(above).relative_to(folder)
        found += [path for name in files if wanted(path := (relative / name).as_posix())]
    return sorted(found)


def _is_pipeline(path: str) -> bool:
    return path.rpartition("/")[2] == PIPELINE_FILE
