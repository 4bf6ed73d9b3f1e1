"""Check every document of a pipeline: structure, rules between fields, rules between documents, trainers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mlops_runner.api.below import misplaced, nested
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.check import check_core
from mlops_runner.plan.check_operation import check_operation
from mlops_runner.plan.check_references import unused_params
from mlops_runner.plan.check_steps import check_steps
from mlops_runner.plan.compile import compile_pipeline
from mlops_runner.plan.compile_environments import unused_environments
from mlops_runner.specs.documents import load_operation
from mlops_runner.specs.load import Core, Loaded, folder_reader, load_pipeline, load_trained
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.rollout import rollout_warnings
from mlops_runner.specs.schema import check
from mlops_runner.specs.training import Training
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.trainer_checks.base import check as check_trainer


def validate(root: Path) -> list[Diagnostic]:
    """Return every problem of every document, and advice as warnings; in file order."""
    read = folder_reader(root)
    try:
        pipeline = load_pipeline(read)
    except InvalidInput as error:
        return list(error.diagnostics)
    operation = load_operation(read, pipeline)
    found = list(operation.problems)
    found += check_steps(pipeline)
    try:
        core = load_trained(read, pipeline)
    except InvalidInput as error:
        return sorted([*error.diagnostics, *found], key=_by_place)
    trained = (pipeline, *((core.data, core.training, core.evaluation) if core else ()))
    operated = (operation.rollout, operation.monitoring, *operation.environments)
    documents = [loaded.document for loaded in (*trained, *operated) if loaded is not None]
    found += [problem for document in documents for problem in check(document, document.value["kind"])]
    if core:
        found += [*check_core(core), *check_operation(core, operation)]
    if operation.rollout:
        found += rollout_warnings(operation.rollout.spec, operation.rollout.document)
    if not any(problem.severity == "error" for problem in found):
        found += _untrainable(core.training) if core else ()
        found += [*_unconnected(pipeline, core), *unused_params(pipeline), *unused_environments(pipeline)]
    places = {folder: pipeline.document.place(("pipelines", at)) for at, folder in enumerate(pipeline.spec.pipelines)}
    found += [*misplaced(root, places), *nested(root, places)]
    return sorted(found, key=_by_place)


def documents(root: Path) -> list[str]:
    """Return the files of all documents of the pipeline."""
    spec = load_pipeline(folder_reader(root)).spec
    trained = (spec.specs.data, spec.specs.training, spec.specs.evaluation) if spec.trains else ()
    return ["pipeline.yaml", *trained, *filter(None, (spec.specs.rollout, spec.specs.monitoring)), *spec.environments]


def _unconnected(pipeline: Loaded[Pipeline], core: Core | None) -> Sequence[Diagnostic]:
    """Say what keeps the steps from being joined by what they read and write."""
    try:
        compile_pipeline(pipeline, core)
    except InvalidInput as error:
        return error.diagnostics
    return ()


def _by_place(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
    place = diagnostic.place
    return (place is None, place.file if place else "", place.line if place else 0, place.column if place else 0)


def _untrainable(training: Loaded[Training]) -> Iterator[Diagnostic]:
    """Ask every trainer what is wrong with its spec: unknown parameters, estimators that do not fit the task."""
    trainers: dict[tuple[str, ...], Trainer] = {("baseline",): training.spec.baseline}
    trainers |= {("candidates", name): trainer for name, trainer in training.spec.candidates.items()}
    for path, trainer in trainers.items():
        for found in check_trainer(trainer, training.spec.task):
            quoted = [("params", word) for word in re.findall(r'"([^"]+)"', found.message) if word in trainer.params]
            place = training.document.place((*path, *(quoted[0] if quoted else ("trainer",))))
            yield replace(found, place=found.place or place)
