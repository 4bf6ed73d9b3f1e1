"""The pipelines that a pipeline declares below itself: where they are, and what its steps read of what these write."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mlops_runner.api.sources import Foreign
from mlops_runner.digest import folder_digest
from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, Place
from mlops_runner.lock.model import FILE_NAME, Output
from mlops_runner.plan.build import behind
from mlops_runner.plan.key import relative
from mlops_runner.plan.model import Pointer
from mlops_runner.plan.pipelines import Below, touched, written_below
from mlops_runner.plan.steps import Input
from mlops_runner.specs.above import PIPELINE_FILE, named_by
from mlops_runner.store.inputs import Content, Inputs
from mlops_runner.store.objects import folder_address

Declared = Mapping[str, Place]


def misplaced(root: Path, declared: Declared) -> Iterator[Diagnostic]:
    """Yield a complaint for every declared folder that cannot be the pipeline it should be."""
    seen: dict[str, str] = {}
    top = os.path.realpath(root)
    for folder, place in declared.items():
        path, real = root / folder, os.path.realpath(root / folder)
        if not os.path.lexists(path):
            yield Diagnostic(
                "missing-pipeline", f"there is no folder {folder}", place, f"start it: mlops init {folder}"
            )
        elif not real.startswith(f"{top}/"):
            message = f"{folder} is a link that leaves the project"
            yield Diagnostic("pipeline-outside", message, place, "move the pipeline here")
        elif not (path / PIPELINE_FILE).is_file():
            hint = f"start it: mlops init {folder}; or remove the line"
            yield Diagnostic("missing-pipeline", f"{folder} has no {PIPELINE_FILE}", place, hint)
        elif real in seen:
            message = f"{folder} and {seen[real]} are the same folder"
            yield Diagnostic("pipeline-twice", message, place, "remove one of the two")
        seen.setdefault(real, folder)


def nested(root: Path, declared: Declared) -> Iterator[Diagnostic]:
    """Yield a complaint for every declared pipeline that declares pipelines itself."""
    for folder, place in declared.items():
        if inner := named_by(root / folder):
            names = ", ".join(f"{folder}/{path.relative_to(root / folder).as_posix()}" for path in inner)
            message = f"{folder} names pipelines of its own; only one pipeline of a repository does"
            yield Diagnostic("pipeline-nested", message, place, f"move {names} beside it, and name them here")


def shifted(folder: str, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what is wrong with a pipeline below, with places as they are called from above."""
    return [
        replace(d, place=replace(d.place, file=f"{folder}/{d.place.file}")) if d.place and folder != "." else d
        for d in problems
    ]


def foreign(root: Path, declared: Declared, paths: Iterable[str], inputs: Inputs) -> Foreign:
    """Return what the pipelines below write of these paths. Raises InvalidInput for one that cannot be read."""
    wanted = [path for path in paths if any(touched(path, folder) for folder in declared)]
    if not wanted:
        return Foreign()
    if problems := list(misplaced(root, declared)):
        raise InvalidInput(problems)
    below = {f: _below(root, f) for f in declared if any(touched(path, f) for path in wanted)}
    found = {path: written for path in wanted if (written := written_below(path, below))}
    known = {path: w for path, w in found.items() if w.files and not w.behind}
    return Foreign(
        {path: _content(root, path, written.files, inputs) for path, written in known.items()},
        {path: tuple(written.files) for path, written in known.items()},
        frozenset(path for path, w in known.items() if not _stands(root, w.files, inputs)),
        {path: Pointer(_address(path, w.files), Place(f"{w.by[0]}/{FILE_NAME}")) for path, w in known.items()},
        {path: written.by for path, written in found.items()},
        {path: written.behind for path, written in found.items() if written.behind},
    )


def _below(root: Path, folder: str) -> Below:
    from mlops_runner.api.project import Project  # a project has sources, and these look at projects below

    project = Project(root / folder)
    try:
        steps, lock = project.compiled().steps, project.lock()
        return Below(steps, lock, behind(steps, lock, project.facts()))
    except MlopsError as error:
        raise InvalidInput(shifted(folder, error.diagnostics)) from None


def _content(root: Path, path: str, files: Mapping[str, Output], inputs: Inputs) -> Content:
    """Digest what is locked of an input, and what lies beside it that no step writes."""
    if path in files:
        return Content(files[path].sha256, files[path].md5)
    item = Input(path, path)
    beside = [p for file in inputs.present(path) if (p := file.relative_to(root).as_posix()) not in files]
    found = {name: inputs.stats.digest(root / name) for name in beside}
    digests = {name: d.sha256 for name, d in found.items()} | {name: o.sha256 for name, o in files.items()}
    md5s = {name: d.md5 for name, d in found.items()} | {name: o.md5 for name, o in files.items()}
    return Content(
        folder_digest({relative(name, item): digest for name, digest in digests.items()}),
        folder_address({relative(name, item): md5 for name, md5 in md5s.items()}),
    )


def _address(path: str, files: Mapping[str, Output]) -> str:
    return files[path].md5 if path in files else folder_address({f: output.md5 for f, output in files.items()})


def _stands(root: Path, files: Mapping[str, Output], inputs: Inputs) -> bool:
    try:
        return all(inputs.stats.digest(root / file).sha256 == output.sha256 for file, output in files.items())
    except OSError:
        return False
