"""What a step is shown of the files that it reads: under its own names, or in a mirror of the project."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.execute.mirror import MIRROR
from mlops_runner.plan.key import relative
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.inputs import Inputs
from mlops_runner.store.patterns import certain


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input's content lies: file name → path; `folder` says whether the step sees a folder of them.

    Otherwise it sees what all names begin with: the one file, or a folder that no step wrote.
    """

    files: Mapping[str, Path]
    folder: bool
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that a step wrote: where its bytes are, and their sha256."""

    path: Path
    sha256: str


Produced = Callable[[Input], Mapping[str, Stored]]  # what a producer wrote of an input: path in the project → file


def sources_of(step: Step, project: Path, inputs: Inputs, produced: Produced) -> dict[str, Source]:
    """Return what a step reads by the names that it uses: logical ones, or for one of the project's own paths in it."""
    return _mirrored(step, project, inputs, produced) if not step.built_in else _named(step, inputs, produced)


def _mirrored(step: Step, project: Path, inputs: Inputs, produced: Produced) -> dict[str, Source]:
    files: dict[str, Path] = {}
    digests: dict[str, str] = {}
    for item in step.files:
        if item.producer is None:
            files |= {path.relative_to(project).as_posix(): path for path in inputs.files(item.path).values()}
        else:
            found = produced(item)
            files |= {path: stored.path for path, stored in found.items()}
            digests |= {path: stored.sha256 for path, stored in found.items()}
    return {MIRROR: Source(files, True, digests)}


def _named(step: Step, inputs: Inputs, produced: Produced) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for item in step.inputs:
        if item.producer is None:
            sources[item.name] = Source(inputs.files(item.path), False, {})
        elif found := produced(item):
            names = {_name(path, item): stored for path, stored in found.items()}
            before = sources.get(item.name, Source({}, item.folder, {}))
            sources[item.name] = Source(
                {**before.files, **{name: stored.path for name, stored in names.items()}},
                item.folder,
                {**before.digests, **{name: stored.sha256 for name, stored in names.items()}},
            )
    return sources


def _name(path: str, item: Input) -> str:
    """Name a file of an input: a single one by its own name, those of a folder below the name of that."""
    if path == item.path:
        return Path(path).name
    return relative(path, item) if item.folder else f"{Path(certain(item.path)).name or 'files'}/{relative(path, item)}"
