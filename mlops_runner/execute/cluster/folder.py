"""The folder of a step on a worker: laid out from objects, and told about when the step has ended."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mlops_runner.digest import digest_file
from mlops_runner.execute.cluster.parcel import Parcel, Piece
from mlops_runner.execute.executed import FAILED
from mlops_runner.execute.messages import Fence, Request
from mlops_runner.execute.mirror import IGNORED, MIRROR

KEPT = frozenset({"log.txt", "reply.json", FAILED, "out", MIRROR})  # the rest is scratch

Kind = Literal["same", "file", "folder", "odd"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in the folder of a step that has ended: as it was laid out, a file of the step's, or something else."""

    path: str
    kind: Kind
    size: int = 0
    sha256: str = ""
    executable: bool = False


def lay_out(folder: Path, parcel: Parcel, stored: Callable[[Piece], Path]) -> Request:
    """Make the folder of a step, and return what its process is told."""
    project, work = folder / "project", folder / "work"
    code = Path(os.path.normpath(project / parcel.code))
    for place in (project, code, work, *(work / name for name in parcel.folders)):
        place.mkdir(parents=True, exist_ok=True)
    for piece in parcel.pieces:
        _put(work / piece.path, piece, stored(piece))
    for piece in parcel.modules:
        _put(code / piece.path, piece, stored(piece))
    inputs = {name: str(work / path) for name, path in parcel.request.inputs.items()}
    fence = parcel.request.fence and _around(parcel.request.fence, project, code, parcel)
    return replace(parcel.request, work=str(work), code=str(code), project=str(project), inputs=inputs, fence=fence)


def _around(fence: Fence, project: Path, code: Path, parcel: Parcel) -> Fence:
    """Return the fence of a step here: around what stands for the project, and the project itself where it is seen."""
    closed = (*(path for path in fence.closed if Path(path).exists()), str(project))
    return Fence(closed, tuple(str(code / piece.path) for piece in parcel.modules), (str(code),))


def _put(place: Path, piece: Piece, stored: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if piece.link:
        place.symlink_to(stored)
    else:
        shutil.copyfile(stored, place)
        place.chmod(0o755 if piece.executable else 0o644)


def survey(work: Path, pieces: Mapping[str, Piece]) -> list[Entry]:
    """Say what a step left in its folder, as far as anybody wants to know it."""
    return [_entry(work, path, pieces) for path in sorted(_left(work))]


def _left(work: Path) -> Iterator[str]:
    for entry in os.scandir(work):
        if entry.name in KEPT:
            yield from _below(entry, entry.name)


def _below(entry: "os.DirEntry[str]", path: str) -> Iterator[str]:
    yield path
    if entry.is_dir(follow_symlinks=False):
        for inner in os.scandir(entry):
            if inner.name != IGNORED:
                yield from _below(inner, f"{path}/{inner.name}")


def _entry(work: Path, path: str, pieces: Mapping[str, Piece]) -> Entry:
    status, piece = (work / path).lstat(), pieces.get(path)
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, "folder")
    if not stat.S_ISREG(status.st_mode):
        laid = piece is not None and piece.link and (work / path).is_symlink()
        return Entry(path, "same" if laid else "odd")
    sha256 = digest_file(work / path).sha256
    if piece and not piece.link and piece.sha256 == sha256:
        return Entry(path, "same")
    return Entry(path, "file", status.st_size, sha256, bool(status.st_mode & 0o100))
