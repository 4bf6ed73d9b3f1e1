"""Settings laid over the documents, and the way from an experiment back into the files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlops_runner.durable import write_text
from mlops_runner.execute.tracking import Experiment
from mlops_runner.specs.above import PIPELINE_FILE
from mlops_runner.specs.edit import apply
from mlops_runner.specs.load import folder_reader, load_pipeline
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.settings import DOCUMENTS, Setting, edits_between, edits_of


def overlay(root: Path, settings: Iterable[Setting]) -> dict[str, bytes]:
    """Return the documents that settings change, by file, as they would read. Raises UsageFailure, InvalidInput."""
    by_file: dict[str, list[Setting]] = {}
    files = document_files(root)
    for setting in settings:
        by_file.setdefault(files[setting.document], []).append(setting)
    read = folder_reader(root)
    return {file: _with(load_yaml(read(file), file), found) for file, found in by_file.items()}


def _with(document: Any, settings: list[Setting]) -> bytes:
    for setting in settings:  # one after the other: a later one may lead into what an earlier one has added
        document = load_yaml(apply(document, edits_of(document, [setting])).encode(), document.file)
    text: str = document.text
    return text.encode()


def document_files(root: Path) -> dict[str, str]:
    """Return the file of each document that decides what is trained."""
    specs = load_pipeline(folder_reader(root)).spec.specs
    return {"pipeline": PIPELINE_FILE, **{name: getattr(specs, name) for name in DOCUMENTS[1:]}}


def apply_experiment(root: Path, experiment: Experiment) -> dict[str, tuple[str, str]]:
    """Edit the documents so that they say what an experiment ran; comments stay. Returns file → (old, new) text.

    Raises InvalidInput for a document that cannot be read, OSError.
    """
    read, changed = folder_reader(root), {}
    for name, file in document_files(root).items():
        document = load_yaml(read(file), file)
        wanted = load_yaml(experiment.documents[name].encode(), file)
        text = apply(document, edits_between(document.value, wanted.value))
        if text != document.text:
            changed[file] = (document.text, text)
    for file, (_, text) in changed.items():
        write_text(root / file, text)
    return changed
