"""The project that `mlops init --from` writes: documents that fit a table, next to the table."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mlops_runner.data.infer.propose import propose
from mlops_runner.data.infer.reading import File
from mlops_runner.data.infer.values import Proposal, Wishes
from mlops_runner.errors import Diagnostic, InvalidInput, UsageFailure
from mlops_runner.specs.base import RelativePath
from mlops_runner.starter.bundled import DOCUMENTS, fitting_name, template, write_missing
from mlops_runner.starter.data_text import data_text
from mlops_runner.starter.evaluation_text import evaluation_text
from mlops_runner.starter.training_text import training_text

DATA_FOLDER = "data"


@dataclass(frozen=True, slots=True)
class Started:
    """What was decided, and the files that were written."""

    proposal: Proposal
    written: tuple[Path, ...]


def start_from(given: Path, folder: Path, name: str, wishes: Wishes, *, copy: bool) -> Started:
    """Infer the documents from a table and write them into a folder that has none.

    Raises UsageFailure when documents are there already or the table lies outside and is not to be copied, and
    InvalidInput when it cannot be learnt from. Nothing is written then.
    """
    _refuse_documents(folder)
    path, target = _place(given, folder, copy=copy)
    proposal = propose(File(given, path, folder), wishes)
    title = fitting_name(name)
    texts = {
        "pipeline.yaml": template("pipeline.yaml").replace("NAME", title),
        "specs/data.yaml": data_text(title, proposal),
        "specs/training.yaml": training_text(title, proposal),
        "specs/evaluation.yaml": evaluation_text(title, proposal),
    }
    copied = [] if target is None else [_copied(given, target)]
    return Started(proposal, (*copied, *write_missing(folder, texts)))


def _refuse_documents(folder: Path) -> None:
    if found := [file for file in DOCUMENTS if (folder / file).exists()]:
        are = "is there already" if len(found) == 1 else "are there already"
        hint = "choose another folder, or move them away: nothing is overwritten"
        raise UsageFailure(Diagnostic("documents-exist", f"{folder}: {', '.join(found)} {are}", hint=hint))


def _place(given: Path, folder: Path, *, copy: bool) -> tuple[str, Path | None]:
    """Return the path of the table in the project, and where it is to be copied, if it is."""
    full, root = Path(os.path.abspath(given)), Path(os.path.abspath(folder))  # noqa: PTH100 links are kept as they are
    if full.is_relative_to(root) and full != root:
        return _checked(full.relative_to(root).as_posix()), None
    if not copy:
        message = f"{given} lies outside the project's folder {folder}"
        hint = f"move it below, run init in a folder above it, or let it be copied to {DATA_FOLDER}/ with --copy"
        raise UsageFailure(Diagnostic("file-outside", message, hint=hint))
    if not given.is_file():
        message = f"{given} is not one file, and only one file can be copied"
        raise UsageFailure(Diagnostic("file-outside", message, hint="move the files below the project's folder"))
    target = folder / DATA_FOLDER / given.name
    if target.exists():
        message = f"{target} is there already"
        raise UsageFailure(Diagnostic("file-exists", message, hint="name it with --from, without --copy"))
    return _checked(f"{DATA_FOLDER}/{given.name}"), target


def _checked(path: str) -> str:
    try:
        return TypeAdapter(RelativePath).validate_python(path)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise InvalidInput(Diagnostic(detail["type"], detail["msg"], hint="rename the file or its folder")) from None


def _copied(given: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(given, target)
    return target
