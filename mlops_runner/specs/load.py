"""Read the documents of a pipeline: files in, typed specs with their places out, every problem collected."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Generic, TypeVar

from pydantic import ValidationError

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.specs.above import PIPELINE_FILE, pipelines_above
from mlops_runner.specs.base import Part
from mlops_runner.specs.complaints import complaints, nearest
from mlops_runner.specs.data import Data
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.locations import MAX_BYTES, Document, Path, load_yaml
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.training import Training

S = TypeVar("S", bound=Part)
Reader = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A validated spec and the document it came from."""

    spec: S
    document: Document


@dataclass(frozen=True, slots=True)
class Core:
    """The documents that decide what is trained."""

    pipeline: Loaded[Pipeline]
    data: Loaded[Data]
    training: Loaded[Training]
    evaluation: Loaded[Evaluation]


@dataclass(slots=True)
class Problems:
    """Complaints collected while several documents are read."""

    found: list[Diagnostic] = field(default_factory=list)

    def take(self, error: InvalidInput) -> None:
        """Add the diagnostics of an error."""
        self.found.extend(error.diagnostics)

    def raise_if_any(self) -> None:
        """Raise InvalidInput with everything collected, if anything was."""
        if self.found:
            raise InvalidInput(self.found)


def folder_reader(root: FilePath) -> Reader:
    """Return a reader of files below a project's folder. It refuses links that lead outside, and oversized files."""

    def read(file: str) -> bytes:
        path = root / file
        try:
            if not path.resolve(strict=True).is_relative_to(root.resolve()):
                raise InvalidInput(_unreadable(file, "is a link that leaves the project", "keep it in the project"))
            if not path.is_file():
                raise InvalidInput(_unreadable(file, "is not a regular file", "a spec is a text file"))
            with path.open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise InvalidInput(_missing(root, file)) from None
        except RuntimeError:  # Python 3.11 and 3.12 report a loop of links so
            raise InvalidInput(_unreadable(file, "is a loop of links", "replace it by a file")) from None
        except OSError as error:
            raise InvalidInput(_unreadable(file, f"cannot be read: {error.strerror}", "check it")) from None

    return read


def load_document(read: Reader, file: str, model: type[S]) -> Loaded[S]:
    """Read and validate one document. Raises InvalidInput with every problem in it."""
    document = load_yaml(read(file), file)
    if not isinstance(document.value, dict):
        hint = f"start with: apiVersion: mlops/v1 and kind: {model.__name__}"
        raise InvalidInput(Diagnostic("wrong-type", "the document must be a mapping", document.place(()), hint))
    try:
        return Loaded(model.model_validate(document.value), document)
    except ValidationError as error:
        raise InvalidInput(complaints(error, document, model)) from None


def load_pipeline(read: Reader) -> Loaded[Pipeline]:
    """Read pipeline.yaml. Raises InvalidInput with every problem in it."""
    return load_document(read, PIPELINE_FILE, Pipeline)


def load_core(read: Reader) -> Core:
    """Read the pipeline and the documents that decide what is trained. Raises InvalidInput with every problem."""
    pipeline = load_pipeline(read)
    core = load_trained(read, pipeline)
    if core is None:
        message = "this pipeline has steps alone: it names no data, training and evaluation"
        raise InvalidInput(Diagnostic("no-model", message, pipeline.document.place(("steps",), key=True), "add specs"))
    return core


def load_trained(read: Reader, pipeline: Loaded[Pipeline]) -> Core | None:
    """Read the documents that decide what is trained, if there are any. Raises InvalidInput with every problem."""
    if not pipeline.spec.trains:
        return None
    problems = Problems()
    files = pipeline.spec.specs

    def load(name: str, file: str, model: type[S]) -> Loaded[S] | None:
        try:
            return load_document(read, file, model)
        except InvalidInput as error:
            problems.found += [blame_pipeline(d, pipeline.document, ("specs", name)) for d in error.diagnostics]
            return None

    data = load("data", files.data, Data)
    training = load("training", files.training, Training)
    evaluation = load("evaluation", files.evaluation, Evaluation)
    problems.raise_if_any()
    assert data is not None
    assert training is not None
    assert evaluation is not None
    return Core(pipeline, data, training, evaluation)


def blame_pipeline(diagnostic: Diagnostic, pipeline: Document, path: Path) -> Diagnostic:
    """Move the complaint about a file that cannot be read to the line that names it."""
    if diagnostic.code not in {"missing-file", "unreadable-file"}:
        return diagnostic
    place = pipeline.place(path)
    return Diagnostic(diagnostic.code, diagnostic.message, place, diagnostic.hint)


def _missing(root: FilePath, file: str) -> Diagnostic:
    if file == PIPELINE_FILE:
        hint = "run mlops in the project's folder, give it with -C DIR, or start one with: mlops init"
        if above := next(pipelines_above(root), None):
            hint = f"the next pipeline above: mlops -C {os.path.relpath(above, root)}; to start one here: mlops init"
        return Diagnostic("missing-file", "there is no pipeline.yaml here", Place(file), hint)
    folder = (root / file).parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    hint = nearest(FilePath(file).name, names) or "create it, or correct the path"
    return Diagnostic("missing-file", f"there is no file {file}", Place(file), hint)


def _unreadable(file: str, what: str, hint: str) -> Diagnostic:
    return Diagnostic("unreadable-file", f"{file} {what}", Place(file), hint)
