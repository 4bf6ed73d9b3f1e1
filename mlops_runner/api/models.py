"""Models as Python objects: from a project's lock, or from a bundle that lies somewhere."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.api.project import load_project
from mlops_runner.errors import Diagnostic, UsageFailure
from mlops_runner.lock.model import FILE_NAME

if TYPE_CHECKING:
    from mlops_runner.train.model import Model

BUNDLE = "bundle.json"


def load_model(
    folder: str | Path = ".", *, project_code: bool = False, check: bool = False, sha256: str | None = None
) -> "Model":
    """Load the model that a project's lock names, or the bundle in a folder; every byte is checked first.

    The lock is what a project's model is held against. A bundle that lies elsewhere, as a registry hands it out, is
    held against `sha256`, that of its bundle.json, which names the digests of the other files; without it, damage is
    noticed, but not another model in its place.
    project_code: whether a model that the project defines may be read by the project's own function.
    check: whether the model must answer the rows recorded in its bundle as it did when it was made.

    Raises UsageFailure without a lock or a bundle, NotVerified for bytes that are missing or altered, or for another
    answer.
    """
    from mlops_runner.train.bundle import load_bundle

    place, expected = Path(folder), None if sha256 is None else {BUNDLE: sha256.removeprefix("sha256:")}
    if not (place / BUNDLE).is_file():
        if sha256 is not None:
            message = f"there is no {BUNDLE} in {place}, and the model of a project is held against its lock"
            raise UsageFailure(Diagnostic("no-bundle", message, hint="name the folder of the bundle"))
        place, expected = _locked(place, project_code=project_code)
    model = load_bundle(place, expected, project_code=project_code)
    if check:
        model.check_probe()
    return model


def _locked(folder: Path, *, project_code: bool) -> tuple[Path, dict[str, str]]:
    """Return the folder of a project's bundle, and the digests that the lock has for its files."""
    project = load_project(folder)
    if not (folder / FILE_NAME).exists() and not (folder / "pipeline.yaml").exists():
        message = f"{folder} is neither a project ({FILE_NAME}) nor a bundle ({BUNDLE})"
        raise UsageFailure(Diagnostic("no-model", message, hint="name the folder of one of them"))
    stage = project.lock().stages.get("package")
    if stage is None:
        raise UsageFailure(Diagnostic("no-run", "no model has been packaged yet", hint="run: mlops run"))
    if project_code:
        sys.path.insert(0, str(project.sources.code_folder(project.compiled())))
    expected = {path.rsplit("/", 1)[-1]: output.sha256 for path, output in stage.outputs.items()}
    return project.root / next(iter(stage.outputs)).rpartition("/")[0], expected
