"""DVC pointers: one small `.dvc` file per output folder, so that the real dvc sees what the runner wrote."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from mlops_runner.digest import FileDigest, digest_bytes
from mlops_runner.durable import write_bytes, write_if_changed
from mlops_runner.store.objects import folder_address, manifest
from mlops_runner.store.repository import DVC, dvc_root

_DVC_IGNORE = "# Patterns of files that dvc leaves alone, in the form of .gitignore\n"
_DVC_GITIGNORE = "/config.local\n/tmp\n/cache\n"
_NO_GIT = "[core]\n    no_scm = True\n"
_NOT_TEXT = re.compile(
    r"null|Null|NULL|~|true|True|TRUE|false|False|FALSE|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
)


def pointer_path(project: Path, output: str) -> Path:
    """Return the pointer that belongs to an output, a file or a folder."""
    return project / f"{output}.dvc"


def pointer_text(output: str, files: Mapping[str, FileDigest]) -> str:
    """Return the pointer's text, byte for byte what `dvc add` would write.

    files: what the output consists of, by name below it; of an output that is a file the one with no name.
    """
    name = _yaml_text(output.rsplit("/", 1)[-1])
    if "" in files:
        return f"outs:\n- md5: {files[''].md5}\n  size: {files[''].size}\n  hash: md5\n  path: {name}\n"
    size = sum(d.size for d in files.values())
    address = digest_bytes(manifest(files)).md5
    return f"outs:\n- md5: {address}.dir\n  size: {size}\n  nfiles: {len(files)}\n  hash: md5\n  path: {name}\n"


class Pointers:
    """Writes the pointers of a project's outputs, and has git ignore the outputs themselves."""

    def __init__(self, project: Path) -> None:
        self._project = str(project)
        self._ignored: dict[str, dict[bytes, None]] = {}  # lines by .gitignore, in order

    def write(self, output: str, files: Mapping[str, FileDigest]) -> None:
        """Write the pointer of an output, see `pointer_text`; `save` must follow. Raises OSError."""
        data, path = pointer_text(output, files).encode(), f"{self._project}/{output}.dvc"
        if _content(path) != data:
            write_bytes(Path(path), data, durable=False)  # the lock says the same
        folder, _, name = output.rpartition("/")
        self._ignored.setdefault(folder, {})[f"/{name}".encode()] = None

    def save(self) -> None:
        """Have git ignore what was written; every byte of a .gitignore stays. Raises OSError."""
        for folder, wanted in self._ignored.items():
            path = f"{self._project}/{folder}/.gitignore" if folder else f"{self._project}/.gitignore"
            present = _content(path)
            known = set(present.splitlines())
            if lines := [line for line in wanted if line not in known]:
                separator = b"" if not present or present.endswith(b"\n") else b"\n"
                write_bytes(Path(path), present + separator + b"".join(line + b"\n" for line in lines))


def remove_pointers(project: Path, written: Mapping[str, str], keep: Collection[str]) -> None:
    """Remove the pointers to what a step wrote (path → md5), except those of outputs to keep; objects stay.

    A pointer goes only if it names exactly these bytes: another one at its place is somebody else's.
    """
    above = {parent for path in written for parent in _parents(path)}
    for output in sorted({*written, *above} - {*keep}):
        below = {path.removeprefix(f"{output}/"): md5 for path, md5 in written.items() if path.startswith(f"{output}/")}
        address = folder_address(below) if below else written[output]
        path = pointer_path(project, output)
        try:
            ours = f"- md5: {address}\n" in path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if ours:
            path.unlink()


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def ensure_dvc(project: Path) -> None:
    """Have the project lie in a DVC repository; one is made as `dvc init` does, outside of git with --no-scm."""
    root = dvc_root(project)
    folder = root / DVC
    if (folder / "config").exists():
        return
    write_if_changed(folder / ".gitignore", _DVC_GITIGNORE)
    if not (root / ".dvcignore").exists():
        write_if_changed(root / ".dvcignore", _DVC_IGNORE)
    write_if_changed(folder / "config", "" if _in_git(root) else _NO_GIT)


def _in_git(project: Path) -> bool:
    return any((folder / ".git").exists() for folder in (project, *project.parents))


def _yaml_text(name: str) -> str:
    """Quote a name that dvc would read as something else."""
    return "'" + name.replace("'", "''") + "'" if _NOT_TEXT.fullmatch(name) else name


def _content(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
            return stream.read()
    except FileNotFoundError:
        return b""
