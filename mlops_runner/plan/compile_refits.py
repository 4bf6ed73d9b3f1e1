"""The steps that train the winner again: which candidate it is, and its refits on other seeds, folds and sizes."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import Place
from mlops_runner.plan.compile_parts import (
    BASELINE,
    FORECAST,
    all_loaders,
    code_of,
    columns_of,
    dump,
    execution_of,
    execution_places,
    folder_of,
    folds_of,
    model_inputs,
    model_places,
    places_below,
    places_of,
    series_of,
    shared_places,
    side_inputs,
    trained_roles,
    weight_of,
    weight_places,
)
from mlops_runner.plan.compile_training import limits_of, trainer_of, training_inputs
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.versions import REFIT_VERSION, SELECT_VERSION
from mlops_runner.specs.data import Data, TimeSplit
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_gates import StabilityGate
from mlops_runner.specs.load import Core
from mlops_runner.specs.training_trainers import Trainer

WINNER, REFITS = "winner.json", "refits.json"


def refit_steps(core: Core) -> Iterator[Step]:
    """Yield the selection and a step per candidate, if a gate or a learning curve asks for refits.

    Only the winner is trained again: the step of any other candidate writes that there is nothing to do.
    """
    if not _wanted(core.evaluation.spec):
        return
    candidates = core.training.spec.candidates
    yield _select_step(core, [BASELINE, *candidates])
    for name, trainer in candidates.items():
        yield _refit_step(core, name, trainer)


def refit_inputs(core: Core) -> Iterator[Input]:
    """Yield what came of the refits as inputs."""
    for name in core.training.spec.candidates if _wanted(core.evaluation.spec) else ():
        yield Input(f"refits.{name}", f"{folder_of(core, f'refit.{name}')}/{REFITS}", f"refit.{name}")


def _wanted(evaluation: Evaluation) -> dict[str, Any]:
    """Return which refits are asked for: a number of seeds, folds, shares of the rows."""
    gates = [gate for gate in evaluation.gates.values() if isinstance(gate, StabilityGate)]
    found: dict[str, Any] = {"seeds": max((gate.seeds for gate in gates), default=0)}
    found["folds"] = any(gate.over == "folds" for gate in gates)
    found["shares"] = list(evaluation.learning_curve.shares) if evaluation.learning_curve else []
    return {name: value for name, value in found.items() if value}


def _select_step(core: Core, models: list[str]) -> Step:
    training, evaluation = core.training, core.evaluation
    measuring, selected = ("digits", "threshold"), ("task", "positive", *FORECAST, "select")
    config = {key: value for key, value in dump(evaluation.spec).items() if key in measuring}
    config |= {key: value for key, value in dump(training.spec).items() if key in selected}
    config["models"] = models
    config |= columns_of(core.data.spec, trained_roles(core)) | series_of(core) | weight_of(core)
    places = {
        **shared_places(core, training.document),
        **dict(places_of(evaluation.document, measuring)),
        **weight_places(core),
        **dict(places_of(training.document, selected)),
        **execution_places(core),
        **model_places(core, models),
    }
    sides = {"train", core.training.spec.select.split, getattr(evaluation.spec.threshold, "split", "")}
    seen = (item for item in model_inputs(core, models) if item.name in sides or item.folder)
    return Step(
        "select", "select", SELECT_VERSION, config, places,
        output=folder_of(core, "select"),
        inputs=tuple(seen),
        code=all_loaders(core),
        repro=core.pipeline.spec.reproducibility,
        execution=execution_of(core),
    )  # fmt: skip


def _refit_step(core: Core, name: str, trainer: Trainer) -> Step:
    evaluation, wanted = core.evaluation, _wanted(core.evaluation.spec)
    config, places = trainer_of(core, name, trainer)
    config |= {"candidate": name, "refits": wanted, **series_of(core), **weight_of(core)}
    config |= {key: value for key, value in dump(core.training.spec).items() if key in FORECAST}
    config |= {key: value for key, value in dump(evaluation.spec).items() if key == "threshold"}
    config |= _order(core.data.spec) if "shares" in wanted else {}
    places |= dict(places_of(evaluation.document, ("threshold",))) | dict(_refit_places(core))
    places |= dict(places_of(core.training.document, FORECAST)) | weight_places(core)
    folds = (Input("folds", f"{folder_of(core, 'data')}/folds.parquet", "data"),) if "folds" in wanted else ()
    return Step(
        f"refit.{name}", "refit", REFIT_VERSION, config, places,
        output=folder_of(core, f"refit.{name}"),
        inputs=(
            *training_inputs(core, name, trainer),
            *(side for side in side_inputs(core) if side.name == "test"),
            *folds,
            Input("winner", f"{folder_of(core, 'select')}/{WINNER}", "select"),
        ),
        code=code_of(trainer),
        repro=core.pipeline.spec.reproducibility,
        execution=execution_of(core),
        access=limits_of(trainer),
        fits=_fits(core.data.spec, wanted),
    )  # fmt: skip


def _fits(data: Data, wanted: dict[str, Any]) -> int:
    """Count the refits: of the seeds the first is that of the winner itself."""
    folds = folds_of(data) if "folds" in wanted else 0
    seeds, shares = int(wanted.get("seeds", 0)), len(wanted.get("shares", ()))
    return max(0, seeds - 1) + folds + shares


def _order(data: Data) -> dict[str, str]:
    """Name the column by which rows are added: the time under a split by time, else the group."""
    if isinstance(data.split, TimeSplit):
        return {"time": data.split.time}
    return dict(zip(("group",), data.with_role("group"), strict=False))


def _refit_places(core: Core) -> Iterator[tuple[str, Place]]:
    """Yield where refits are asked for: of several gates, the one that asks for the most."""
    evaluation = core.evaluation
    gates = {name: gate for name, gate in evaluation.spec.gates.items() if isinstance(gate, StabilityGate)}
    for name, gate in sorted(gates.items(), key=lambda item: item[1].seeds):
        yield f"refits.{gate.over}", evaluation.document.place(("gates", name))
    if evaluation.spec.learning_curve is not None:
        yield from places_below(evaluation.document, ("learning_curve", "shares"), "refits.shares")
