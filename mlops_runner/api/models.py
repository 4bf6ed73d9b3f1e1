"""Models as Python objects: from a project's lock, or from a bundle that lies somewhere."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.api.data_versions import files_of_data
from mlops_runner.api.project import Project, load_project
from mlops_runner.durable import write_bytes
from mlops_runner.errors import Diagnostic, InvalidInput, UsageFailure
from mlops_runner.lock.model import FILE_NAME
from mlops_runner.plan.environment import DEFAULT, from_dependency_lock, from_installed, installed

if TYPE_CHECKING:
    from polars import DataFrame

    from mlops_runner.reports.document import Report
    from mlops_runner.train.model import Model
    from mlops_runner.train.onnx.parity import Parity

BUNDLE = "bundle.json"
LIBRARIES = ("numpy", "polars", "scipy", "scikit-learn", "xgboost", "torch")


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


def model_card(project: Project) -> "Report":
    """Build the card of the packaged model: from the lock, what it names, and the documents.

    The latency of a model is true of a machine alone, and stands in no card.
    Raises UsageFailure without a packaged model, NotVerified for what is missing or altered.
    """
    from mlops_runner.api.evidence import context_of
    from mlops_runner.reports.builders.card import build_card
    from mlops_runner.reports.card_context import CardContext
    from mlops_runner.reports.signature import Origin
    from mlops_runner.specs.load import folder_reader, load_core
    from mlops_runner.train.bundle import read_records

    place, expected = _locked(project.root, project_code=False)
    evidence, lock, compiled = project.evidence(), project.lock(), project.compiled()
    bundle, candidate = read_records(place, expected)
    stage = lock.stages["package"]
    origin = Origin(str(evidence["winner"]), stage.key, expected[BUNDLE])
    context = context_of(evidence, lock, compiled, project.root)
    core = load_core(folder_reader(project.root))
    folder = place.relative_to(project.root).as_posix()
    return build_card(evidence, CardContext(core, bundle, candidate, origin, context, folder, _versions(project)))


def _versions(project: Project) -> dict[str, str]:
    """Return the versions of the libraries that train, if the environment of the lock is the one that is known here."""
    locked, declared = project.lock().environments[DEFAULT], project.compiled().environments[DEFAULT]
    if declared.lock is None:
        found = installed(sys.path)
        environment = from_installed(found, declared.needs)
    else:
        text = (project.root / declared.lock).read_text(encoding="utf-8")
        environment, pins = from_dependency_lock(text, declared.lock, needs=declared.needs)
        found = {pin.name: pin.version for pin in pins}
    known = found if environment.digest == locked.digest else {}
    return {name: known[name] for name in LIBRARIES if name in known}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and how it compares with the bundle. sides: what was compared besides the probe."""

    path: Path
    size: int
    opset: int
    sides: tuple[str, ...]
    parity: "Parity"


def export_onnx(project: Project, out: Path, opset: int | None = None) -> Exported:
    """Write the project's model as an ONNX file, once it predicts what the bundle predicts.

    Compared are the rows of the probe and those of the test side, where they are on this machine.
    Raises UsageFailure for an opset that is not offered, or a file that cannot be written, InvalidInput without the
    extra onnx, StepFailed for what ONNX cannot express, NotVerified for other predictions.
    """
    try:
        from mlops_runner.train.onnx.export import OPSET, export
        from mlops_runner.train.onnx.parity import compare
    except ModuleNotFoundError as error:
        message = f"exporting to ONNX needs {error.name}, which is not installed"
        raise InvalidInput(Diagnostic("missing-extra", message, hint="pip install mlops_runner[onnx]")) from error
    model = load_model(project.root, project_code=True)
    data = export(model, OPSET if opset is None else opset)
    sides = _held_out(project)
    parity = compare(data, model, sides)
    try:
        write_bytes(out, data)
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror}"
        raise UsageFailure(Diagnostic("not-writeable", message, hint="name another file with --out")) from error
    return Exported(out, len(data), OPSET if opset is None else opset, tuple(sides), parity)


def _held_out(project: Project) -> "dict[str, DataFrame]":
    """Return the rows of the last side, if they are here as they were locked."""
    import polars as pl

    files = files_of_data(project, project.lock()) or {}
    last = next((side for side in ("test", "validation", "train") if f"{side}.parquet" in files), None)
    path = files[f"{last}.parquet"] if last else None
    return {} if last is None or path is None else {last: pl.read_parquet(path)}
