"""The DVC repository that a project's objects belong to: its own, or one around it that it shares with others."""

from collections.abc import Iterator
from pathlib import Path

from mlops_runner.specs.above import declared_by

DVC = ".dvc"


def dvc_root(project: Path) -> Path:
    """Return the folder whose `.dvc` holds the objects of a project, whether or not it is there yet.

    That is the nearest one at the project or above it, as dvc looks for it, but none outside of the git repository.
    Where there is none yet, it is that of the pipeline which declares the project as one of its own, or the project.
    """
    for folder in _around(project):
        if (folder / DVC).is_dir():
            return folder
    return declared_by(project) or project


def _around(project: Path) -> Iterator[Path]:
    """Yield a folder and those above it, up to the top of the git repository."""
    for folder in (project, *project.parents):
        yield folder
        if (folder / ".git").exists():
            return
