"""What the stages share: specs rebuilt from a step's config, and a log that is written line by line."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from mlops_runner.execute.messages import Request
from mlops_runner.specs.base import API_VERSION, Spec
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_preprocessing import Preprocessing
from mlops_runner.specs.training_trainers import CommandTrainer, Trainer
from mlops_runner.train.record import CandidateRecord
from mlops_runner.train.setting import Setting
from mlops_runner.train.trainers.base import FILES

S = TypeVar("S", bound=Spec)

SIDES = ("train", "validation", "test")
_TRAINER: TypeAdapter[Trainer] = TypeAdapter(Trainer)


def build(*models: type[BaseModel]) -> None:
    """Build models that a stage uses: in the worker that imports it, once, and not in every process that it forks."""
    for model in models:
        model.model_rebuild()


build(Column, Preprocessing, CandidateRecord)


def spec_from(kind: type[S], config: Mapping[str, Any]) -> S:
    """Rebuild a spec from the values that the plan resolved; they were validated when they were read."""
    head = {"apiVersion": API_VERSION, "kind": kind.__name__, "name": kind.__name__.lower()}
    return kind.model_validate_json(json.dumps({**head, **config}))


def setting_from(request: Request) -> Setting:
    """Rebuild what every fit of a step reads."""
    config, execution = request.config, request.execution
    return Setting(
        config["task"],
        config.get("positive"),
        Preprocessing.model_validate_json(json.dumps(config.get("preprocessing", {}))),
        execution["seed"],
        execution["threads"],
        execution["device"],
    )


def trainer_from(request: Request) -> Trainer:
    """Rebuild the trainer of a step that fits one candidate."""
    return _TRAINER.validate_json(json.dumps(request.config["trainer"]))


def columns_from(request: Request) -> dict[str, Column]:
    """Rebuild the declared columns, in the order of the table."""
    columns = request.config["columns"]
    return {name: Column.model_validate_json(json.dumps(columns[name])) for name in request.config["order"]}


def sides_folder(request: Request) -> Path:
    """Lay the sides of the data out under their own names, as training reads them."""
    folder = Path(request.work) / "sides"
    folder.mkdir()
    for path in (path for name, path in request.inputs.items() if name in SIDES):
        (folder / Path(path).name).symlink_to(os.path.realpath(path))
    return folder


def training_folder(request: Request, trainer: Trainer) -> Path:
    """Lay out the sides, and the files of the project that a command names."""
    folder = sides_folder(request)
    for position, name in enumerate(trainer.files if isinstance(trainer, CommandTrainer) else ()):
        place = folder / FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(request.inputs[f"files.{position}"], place)
    return folder


def who_fits(trainer: Trainer) -> str:
    """Name a trainer in messages."""
    return getattr(trainer, "callable", None) or getattr(trainer, "estimator", None) or f"the {trainer.trainer} trainer"


def out_folder(request: Request) -> Path:
    """Return the folder the step writes to."""
    return Path(request.work) / "out"


def log(text: str) -> None:
    """Write a line to the step's log."""
    print(text, flush=True)  # noqa: T201


def expected_digests(request: Request, name: str) -> dict[str, str]:
    """Return file name → sha256 of an input folder, as the runner verified it."""
    prefix = f"{name}/"
    return {file.removeprefix(prefix): digest for file, digest in request.digests.items() if file.startswith(prefix)}
