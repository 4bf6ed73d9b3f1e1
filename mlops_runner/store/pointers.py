"""DVC pointers: one small `.dvc` file per output folder, so that the real dvc sees what the runner wrote."""

import re
from collections.abc import Mapping
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_bytes
from mlops_runner.durable import write_bytes, write_if_changed
from mlops_runner.store.objects import manifest

_DVC_IGNORE = "# Patterns of files that dvc leaves alone, in the form of .gitignore\n"
_DVC_GITIGNORE = "/config.local\n/tmp\n/cache\n"
_NO_GIT = "[core]\n    no_scm = True\n"
_NOT_TEXT = re.compile(
    r"null|Null|NULL|~|true|True|TRUE|false|False|FALSE|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
)


def pointer_path(project: Path, output: str) -> Path:
    """Return the pointer that belongs to an output folder."""
    return project / f"{output}.dvc"


def pointer_text(output: str, files: Mapping[str, FileDigest]) -> str:
    """Return the pointer's text, byte for byte what `dvc add` would write for the folder."""
    digest = digest_bytes(manifest(files))
    size = sum(d.size for d in files.values())
    name = _yaml_text(output.rsplit("/", 1)[-1])
    return f"outs:\n- md5: {digest.md5}.dir\n  size: {size}\n  nfiles: {len(files)}\n  hash: md5\n  path: {name}\n"


def write_pointer(project: Path, output: str, files: Mapping[str, FileDigest]) -> None:
    """Write the pointer of an output folder, and have git ignore the folder itself."""
    path = pointer_path(project, output)
    write_if_changed(path, pointer_text(output, files))
    _ignore(path.parent / ".gitignore", f"/{output.rsplit('/', 1)[-1]}")


def remove_pointer(project: Path, output: str) -> None:
    """Remove the pointer of an output folder that no step writes any more; its objects stay until dvc gc."""
    pointer_path(project, output).unlink(missing_ok=True)


def ensure_dvc(project: Path) -> None:
    """Make the project a DVC repository if it is none yet, as `dvc init` does, outside of git with --no-scm."""
    folder = project / ".dvc"
    if (folder / "config").exists():
        return
    write_if_changed(folder / ".gitignore", _DVC_GITIGNORE)
    if not (project / ".dvcignore").exists():
        write_if_changed(project / ".dvcignore", _DVC_IGNORE)
    write_if_changed(folder / "config", "" if _in_git(project) else _NO_GIT)


def _in_git(project: Path) -> bool:
    return any((folder / ".git").exists() for folder in (project, *project.parents))


def _yaml_text(name: str) -> str:
    """Quote a name that dvc would read as something else."""
    return "'" + name.replace("'", "''") + "'" if _NOT_TEXT.fullmatch(name) else name


def _ignore(path: Path, line: str) -> None:
    """Add a line to a .gitignore; every byte that is there stays."""
    try:
        present = path.read_bytes()
    except FileNotFoundError:
        present = b""
    if line.encode() not in present.splitlines():
        separator = b"" if not present or present.endswith(b"\n") else b"\n"
        write_bytes(path, present + separator + line.encode() + b"\n")
