"""What travels to a cluster: a step's request and the manifest of its folder. Bytes follow when they are lacking."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlops_runner.execute.isolation import Level, Room
from mlops_runner.execute.messages import Request, request_from
from mlops_runner.plan.environment import Need

CHUNK = 8 << 20  # bytes in one message


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a step's folder, by its path there: its content, and whether it is a link to it or a copy."""

    path: str
    sha256: str
    size: int
    executable: bool = False
    link: bool = False

    @property
    def object(self) -> str:
        """Name the object that holds the content."""
        return f"{self.sha256}{'x' if self.executable else ''}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all steps of a run: their room, what is worth importing, and what a worker must have installed.

    levels: with one lane each. python: minor version; runner: digest of this package's code; distributions: name and
    version; needs: parts of the machine.
    """

    run: str
    room: Room
    levels: tuple[Level, ...]
    python: str
    runner: str
    distributions: tuple[tuple[str, str], ...]
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One step: paths in the request are relative to its folder, `pieces` lie there, `modules` in the code folder."""

    terms: Terms
    request: Request
    code: str  # the code folder as seen from the project
    folders: tuple[str, ...]
    pieces: tuple[Piece, ...]
    modules: tuple[Piece, ...]


class Sealed:
    """A parcel on its way. It may hold secrets: nothing that is shown or logged says what is in it."""

    def __init__(self, parcel: Parcel) -> None:
        self._content = json.dumps(asdict(parcel), default=sorted).encode()

    def __repr__(self) -> str:
        return "<step>"

    def open(self) -> Parcel:
        """Return what was sealed."""
        value = json.loads(self._content)
        return Parcel(
            terms_from(value["terms"]),
            request_from(value["request"]),
            value["code"],
            tuple(value["folders"]),
            tuple(Piece(**piece) for piece in value["pieces"]),
            tuple(Piece(**piece) for piece in value["modules"]),
        )


def terms_from(value: Mapping[str, Any]) -> Terms:
    """Read terms back."""
    return Terms(
        value["run"],
        Room(**value["room"]),
        tuple(Level(tuple(v["modules"]), v["lanes"], frozenset(v["kinds"])) for v in value["levels"]),
        value["python"],
        value["runner"],
        tuple((name, version) for name, version in value["distributions"]),
        tuple(Need(**need) for need in value["needs"]),
    )


def pack(terms: Terms, request: Request, sha256: Callable[[Path], str]) -> tuple[Parcel, dict[str, Path]]:
    """Return the parcel of a step that was laid out here, and where the bytes are by the names of objects.

    Raises OSError for a file that is gone meanwhile.
    """
    work, code = Path(request.work), Path(request.code)
    found = {name: path for name, path in _below(work) if path.is_symlink() or not path.is_dir()}
    pieces = {name: _piece(name, path, sha256) for name, path in found.items()}
    modules = {name: _piece(name, code / name, sha256) for name in request.modules}
    folders = tuple(name for name, path in _below(work) if name not in found)
    inputs = {name: os.path.relpath(path, work) for name, path in request.inputs.items()}
    there = replace(request, work="", code="", project="", memory="", inputs=inputs, jobs=1)
    parcel = Parcel(
        terms, there, os.path.relpath(code, request.project), folders, tuple(pieces.values()), tuple(modules.values())
    )
    objects = {piece.object: found[name].resolve() for name, piece in pieces.items()}
    return parcel, objects | {piece.object: code / name for name, piece in modules.items()}


def _below(folder: Path, above: str = "") -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        yield above + entry.name, Path(entry)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry), f"{above}{entry.name}/")


def _piece(name: str, path: Path, sha256: Callable[[Path], str]) -> Piece:
    real = path.resolve(strict=True)
    status = real.stat()
    return Piece(name, sha256(real), status.st_size, bool(status.st_mode & 0o100), path.is_symlink())
